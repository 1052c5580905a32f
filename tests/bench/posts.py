"""A steady load of commands over HTTP from a process of its own: so many POSTs a second, whether the answers come or not. Each makes a version,
which is two events. Prints one JSON line: how many were answered, and milliseconds from when each was due until its answer was there."""

import asyncio
import json
import sys
import time
from collections.abc import Callable

LINES = 24
"""Connections, kept alive."""


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, number: int) -> None:
    body = json.dumps({"git_tag": f"v{number}.0.{time.time_ns()}", "git_commit": "c0ffee1", "repository": "https://git.example/org/repo"}).encode()
    writer.write(b"POST /api/v1/versions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token.encode()
                 + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    answer = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(head.decode() + answer.decode())


async def line(port: int, token: str, due: "asyncio.Queue[tuple[int, float]]", note: Callable[[float], None]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        number, when = await due.get()
        if number < 0:
            writer.close()
            return
        await post(reader, writer, token, number)
        note(time.perf_counter() - when)


async def load(port: int, token: str, per_second: float, seconds: float) -> dict[str, float]:
    due: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    times: list[float] = []
    async with asyncio.TaskGroup() as lines:
        for _ in range(LINES):
            lines.create_task(line(port, token, due, times.append))
        began = time.perf_counter()
        for number in range(round(per_second * seconds)):
            when = began + number / per_second
            await asyncio.sleep(max(0.0, when - time.perf_counter()))
            due.put_nowait((number, when))
        for _ in range(LINES):
            due.put_nowait((-1, 0.0))
    ordered = sorted(times)
    return {"posts": len(ordered), "per_second": len(ordered) / (time.perf_counter() - began), "p50": 1000 * ordered[len(ordered) // 2],
            "p99": 1000 * ordered[int(0.99 * (len(ordered) - 1))]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))))
