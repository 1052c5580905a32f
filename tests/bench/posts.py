"""A steady load of commands over HTTP from a process of its own: so many POSTs a second, whether the answers come or not. Prints one JSON line:
how many were answered, and milliseconds from when each was due until its answer was there.

It is to take as little of the machine as it can: sockets that are kept open, and nothing between them and what is written and read."""

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

LINES = 24
"""Connections, kept alive."""
Made = Callable[[int], bytes]
"""The body of the n-th POST."""


class Line(asyncio.Protocol):
    """One POST at a time; `free` is told when it can take the next one."""

    def __init__(self, free: Callable[["Line", float], None]) -> None:
        self._free, self._received, self._due = free, b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def post(self, head: bytes, body: bytes, due: float) -> None:
        self._due = due
        self.transport.write(head % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < length(head):
            return
        if not head.startswith(b"HTTP/1.1 20"):
            raise SystemExit(self._received.decode())
        self._received = b""
        self._free(self, time.perf_counter() - self._due)


def length(head: bytes) -> int:
    line = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(line.partition(b":")[2])


class Load:
    """Who waits goes by the first line that is free. They take turns: one that is not used for seconds is closed by the server."""

    def __init__(self, path: str, token: str, made: Made) -> None:
        self._head = (f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
                      "Content-Length: %d\r\n\r\n").encode()
        self._made, self._waiting, self._idle = made, deque[tuple[int, float]](), deque[Line]()
        self.times: list[float] = []
        self._wanted, self._all = 0, asyncio.Event()

    async def run(self, port: int, per_second: float, seconds: float) -> float:
        """Answers a second."""
        loop = asyncio.get_running_loop()
        number = self._wanted = round(per_second * seconds)
        self._idle += [(await loop.create_connection(lambda: Line(self._answered), "127.0.0.1", port))[1] for _ in range(LINES)]
        began = time.perf_counter()
        for n in range(number):
            when = began + n / per_second
            await asyncio.sleep(max(0.0, when - time.perf_counter()))
            self._waiting.append((n, when))
            self._send()
        async with asyncio.timeout(60):
            await self._all.wait()
        return number / (time.perf_counter() - began)

    def _answered(self, line: Line, took: float) -> None:
        self.times.append(took)
        self._idle.append(line)
        self._send()
        if len(self.times) == self._wanted:
            self._all.set()

    def _send(self) -> None:
        while self._waiting and self._idle:
            number, due = self._waiting.popleft()
            self._idle.popleft().post(self._head, self._made(number), due)


def version(n: int) -> bytes:
    return json.dumps({"git_tag": f"v{n}.0.{time.time_ns()}", "git_commit": "c0ffee1", "repository": "https://git.example/org/repo"}).encode()


def main(port: str, token: str, per_second: str, seconds: str, path: str = "/api/v1/versions", bodies: str = "") -> None:
    """`bodies`: a file with a line for each POST; without it each makes a version, which is two events."""
    lines = Path(bodies).read_bytes().splitlines() if bodies else []
    load = Load(path, token, lines.__getitem__ if lines else version)
    rate = asyncio.run(load.run(int(port), float(per_second), float(seconds)))
    ordered = sorted(1000 * each for each in load.times)
    print(json.dumps({"posts": len(ordered), "per_second": rate, "p50": ordered[len(ordered) // 2], "p99": ordered[int(0.99 * (len(ordered) - 1))]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
