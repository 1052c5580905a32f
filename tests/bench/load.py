"""Load over HTTP from a process of its own: so many connections, kept alive, each asks again as soon as it is answered. Raw sockets: the same
little work for whoever is measured. Prints one JSON line: requests a second, and milliseconds until the answer is there."""

import asyncio
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Measured:
    per_second: float
    p50: float
    p99: float
    """Milliseconds."""


class Client(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], times: list[float], ended: asyncio.Future[None]) -> None:
        self._requests, self._times, self._ended = requests, times, ended
        self._answer, self._began = b"", 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._answer, self._began = b"", time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(HEAD_END)
        length = LENGTH.search(head)
        if not found or (length and len(body) < int(length[1])):
            return
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            self._ended.set_exception(RuntimeError(self._answer[:500].decode(errors="replace")))
        else:
            self._times.append(time.perf_counter() - self._began)
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(RuntimeError(f"the server hung up: {exc}"))


async def load(port: int, path: str, token: str, connections: int, seconds: float) -> dict[str, float]:
    """`{n}` in the path is another number in each request."""
    rest = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    requests = (f"GET {path.replace('{n}', str(n))}{rest}".encode() for n in itertools.count())
    loop, times = asyncio.get_running_loop(), list[float]()
    ended: asyncio.Future[None] = loop.create_future()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(requests, times, ended), "127.0.0.1", port)
    await asyncio.wait({ended}, timeout=seconds)
    if ended.done():
        ended.result()
    ended.cancel()
    ordered = sorted(times)
    return {"per_second": len(ordered) / seconds, "p50": 1000 * ordered[len(ordered) // 2], "p99": 1000 * ordered[int(0.99 * (len(ordered) - 1))]}


def measured(port: int, path: str, token: str, connections: int, seconds: float) -> Measured:
    """By another process."""
    done = subprocess.run([sys.executable, str(Path(__file__)), str(port), path, token, str(connections), str(seconds)], check=True,
                          capture_output=True, text=True, timeout=60 + seconds)
    return Measured(**json.loads(done.stdout))


if __name__ == "__main__":
    port, path, token, connections, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(load(int(port), path, token, int(connections), float(seconds)))))
