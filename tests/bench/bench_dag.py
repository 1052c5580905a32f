"""What does it cost to hand over from task to task? Chains of 100 tasks and fans 1-200-1, in which nothing has to be done, by the server's
own parts: everything in one process as `tiangong up` runs it (without the web), and by `tiangong worker` in a process of its own; beside
DBOS and procrastinate on the same PostgreSQL, in turn. Then 10,000 hand-overs, and the longest of them.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from api.wiring.database import as_server
from tests.bench import dag_house
from tests.bench.dag_house import Place, chain, fan, links
from tests.bench.measure import ROUNDS, databases, median, percentile, show

ROOT = Path(__file__).parents[2]
LENGTH, WIDTH = 100, 200
HANDOVERS, QUEUED = 10_000, 1_000
"""How many by a worker that goes on by itself, and how many through the queue."""
LONGEST = 60.0
"""Seconds for each of the two: a slow machine shows as many as it can."""
POLL = 500.0
"""Milliseconds after which a follower, and later a claimer, would look by itself: a lost wake-up shows as a wait of that length."""
PEERS = ("dbos", "procrastinate")
Figures = defaultdict[tuple[str, str], list[float]]


class Program:
    """One of ours or of the peers' in a process of its own, which is told by lines what to do."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, line: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: PT018  # both are pipes
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(dag_house.PATIENCE):
            return (await self._process.stdout.readline()).decode().strip()

    async def end(self) -> list[str]:
        """The lines that it said at last."""
        async with asyncio.timeout(30):
            out, _ = await self._process.communicate()
        return out.decode().split()


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "tests/bench" / name), *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert process.stdout is not None  # a pipe
        async with asyncio.timeout(60):
            while (line := await process.stdout.readline()).strip() != b"ready":
                if not line:
                    raise RuntimeError(f"{name} {arguments[0]} ended before it was ready")
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def rounds(conninfo: dict[str, str], home: Path) -> Figures:
    """Milliseconds a task, by (who, shape). The worker's place has a database of its own, so that each has its tasks for itself."""
    found: Figures = defaultdict(list)
    async with AsyncExitStack() as stack:
        peers = {peer: await stack.enter_async_context(program("dag_peers.py", peer, conninfo[peer])) for peer in PEERS}
        (home / "here").mkdir()
        here, _ = await stack.enter_async_context(dag_house.house(as_server(conninfo["here"]), home / "here", works=True, reads=True))
        await stack.enter_async_context(program("dag_house.py", as_server(conninfo["apart"]), str(home / "worker")))
        (home / "apart").mkdir()
        apart, _ = await stack.enter_async_context(dag_house.house(as_server(conninfo["apart"]), home / "apart", works=False, reads=False))
        places = {"in process": await Place.make(here, "1"), "worker apart": await Place.make(apart, "1")}
        for number in range(ROUNDS + 1):  # the first one warms up
            for shape, size, tasks in (("chain", LENGTH, LENGTH), ("fan", WIDTH, WIDTH + 2)):
                for who, place in places.items():
                    _, seconds = await place.run(chain(size) if shape == "chain" else fan(size))
                    found[who, shape] += [seconds * 1000 / tasks] if number else []
                for who, peer in peers.items():
                    seconds = float(await peer.ask(f"{shape} {size}"))
                    found[who, shape] += [seconds * 1000 / tasks] if number else []
    return found


async def handovers(conninfo: str, home: Path, count: int, at_once: int) -> list[float]:
    """Milliseconds from each task's begin to the next one's, in chains one after the other."""
    home.mkdir()
    async with dag_house.house(as_server(conninfo), home, works=True, reads=False, at_once=at_once) as (core, target):
        place, began = await Place.make(core, "1"), time.monotonic()
        while len(target.begun) < count + count // (LENGTH - 1) and time.monotonic() - began < LONGEST:
            await place.run(chain(LENGTH))
        return [link * 1000 for link in links(target.begun)]


def show_links(how: str, took: list[float]) -> None:
    show(f"hand-overs, {how}, ms from begin to begin", count=len(took), p50=round(percentile(took, 0.5), 3), p99=round(percentile(took, 0.99), 3),
         p99_9=round(percentile(took, 0.999), 3), longest=round(max(took), 3), waited_for_a_poll=sum(link >= POLL for link in took),
         goal="p99.9 <= 50, none that waits for a poll")


def show_tasks(found: Figures, shape: str, who: str, goal: float) -> None:
    for peer in PEERS:
        ours, theirs = median(found[who, shape]), median(found[peer, shape])
        show(f"{'chain of 100' if shape == 'chain' else 'fan 1-200-1'}, {who}, ms a task", ours=round(ours, 3), peer=peer,
             peer_value=round(theirs, 3), ratio=round(theirs / ours, 1), goal=goal, met=ours <= goal)


def main() -> None:
    with databases("here", "apart", "kept", "queued", *PEERS, migrated=["here", "apart", "kept", "queued"]) as conninfo, \
            tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        found = asyncio.run(rounds(conninfo, home))
        for shape, goals in (("chain", {"in process": 0.5, "worker apart": 1.5}), ("fan", {"in process": 0.1, "worker apart": 0.1})):
            for who, goal in goals.items():
                show_tasks(found, shape, who, goal)
        show_links("by the worker itself", asyncio.run(handovers(conninfo["kept"], home / "kept", HANDOVERS, dag_house.AT_ONCE)))
        show_links("through the queue", asyncio.run(handovers(conninfo["queued"], home / "queued", QUEUED, 1)))


if __name__ == "__main__":
    main()
