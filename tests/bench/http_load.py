"""A load of HTTP requests from one event loop: raw sockets that are kept open, each caller sends its next request when the answer is there."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.measure import percentile


@dataclass(frozen=True)
class Load:
    """Answers a second, milliseconds until the answer, and how many answers had another status than was asked for."""

    rate: float
    p50: float
    p99: float
    wrong: int


class Caller(asyncio.Protocol):
    """Sends what `request` makes as long as `until` (of time.monotonic) is not over; `done` when the last answer is there."""

    def __init__(self, request: Callable[[], bytes], status: int, until: float) -> None:
        self._request, self._status, self._until = request, f"HTTP/1.1 {status} ".encode(), until
        self.seconds: list[float] = []
        self.wrong: list[bytes] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._received, self._began = b"", time.perf_counter()
        self._transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.seconds.append(time.perf_counter() - self._began)
        if not head.startswith(self._status):
            self.wrong.append(self._received[:300])
        if time.monotonic() < self._until:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


def _length(head: bytes) -> int:
    line = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(line.partition(b":")[2])


def post(host: str, path: str, token: str, body: bytes) -> bytes:
    """A POST of JSON with a token, as it is sent."""
    return (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


async def load(port: int, requests: Sequence[Callable[[], bytes]], status: int, seconds: float) -> Load:
    """As many callers as there are `requests`, for so long."""
    until, loop, began = time.monotonic() + seconds, asyncio.get_running_loop(), time.monotonic()
    callers = [(await loop.create_connection(lambda make=make: Caller(make, status, until), "127.0.0.1", port))[1] for make in requests]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(caller.done for caller in callers))
    took = [each * 1000 for caller in callers for each in caller.seconds]
    wrong = [answer for caller in callers for answer in caller.wrong]
    if wrong:
        print(wrong[0].decode(errors="replace"))
    return Load(len(took) / (time.monotonic() - began), percentile(took, 0.5), percentile(took, 0.99), len(wrong))
