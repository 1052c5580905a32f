"""The DAG benchmark's peers, as their documentation recommends. Each runs in a process of its own, with its client in it, which favours them:
`python tests/bench/dag_peers.py dbos|procrastinate CONNINFO` reads lines like `chain 100` or `fan 200` and prints seconds.

DBOS: a chain is a workflow that awaits step after step; a fan starts its steps side by side and awaits them all.
procrastinate: each job of a chain defers the next one; a fan is deferred in one batch, and the last to end defers the join. Its worker
listens, and looks by itself each 20 ms in place of each 5 s: it would lose a notice that comes between its look and its wait.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

AT_ONCE = 32
LOOK = 0.02
"""Seconds between procrastinate's own looks."""
Run = Callable[[str, int], Awaitable[float]]


def address(conninfo: str) -> str:
    """As SQLAlchemy takes it."""
    at = conninfo_to_dict(conninfo)
    return f"postgresql://{at['user']}@/{at['dbname']}?host={quote(str(at['host']), safe='')}&port={at['port']}"


@asynccontextmanager
async def dbos(conninfo: str) -> AsyncIterator[Run]:
    from dbos import DBOS  # whoever does not run the benchmark need not have it

    DBOS(config={"name": "bench", "system_database_url": address(conninfo), "log_level": "ERROR"})

    @DBOS.step()
    async def nothing() -> None:
        return None

    @DBOS.workflow()
    async def chain(length: int) -> None:
        for _ in range(length):
            await nothing()

    @DBOS.workflow()
    async def fan(width: int) -> None:
        await nothing()
        await asyncio.gather(*(nothing() for _ in range(width)))
        await nothing()

    async def run(shape: str, size: int) -> float:
        began = time.perf_counter()
        await (chain if shape == "chain" else fan)(size)
        return time.perf_counter() - began

    DBOS.launch()
    try:
        yield run
    finally:
        DBOS.destroy()


@asynccontextmanager
async def procrastinate(conninfo: str) -> AsyncIterator[Run]:
    from procrastinate import App, PsycopgConnector  # as above

    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=4, max_size=AT_ONCE + 4))
    left, over = 0, asyncio.Event()

    @app.task(name="link")
    async def link(number: int) -> None:
        if number > 1:
            await link.defer_async(number=number - 1)
        else:
            over.set()

    @app.task(name="first")
    async def first(width: int) -> None:
        await leaf.batch_defer_async(*({"number": n} for n in range(width)))

    @app.task(name="leaf")
    async def leaf(number: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            await link.defer_async(number=1)

    async def run(shape: str, size: int) -> float:
        nonlocal left
        over.clear()
        left, began = size, time.perf_counter()
        await (link.defer_async(number=size) if shape == "chain" else first.defer_async(width=size))
        await over.wait()
        return time.perf_counter() - began

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        working = asyncio.create_task(app.run_worker_async(concurrency=AT_ONCE, fetch_job_polling_interval=LOOK, install_signal_handlers=False))
        try:
            yield run
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


async def main(peer: Any, conninfo: str) -> None:
    async with peer(conninfo) as run:
        print("ready", flush=True)
        while line := (await asyncio.to_thread(sys.stdin.readline)).split():
            print(await run(line[0], int(line[1])), flush=True)


if __name__ == "__main__":
    asyncio.run(main({"dbos": dbos, "procrastinate": procrastinate}[sys.argv[1]], sys.argv[2]))
