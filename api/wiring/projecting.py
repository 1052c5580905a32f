"""The projector; and as a program, the process of its own that it has under `tiangong up`. It loads little: it is there before the server is.

Its orders (the database, the key) come on its standard input, where no list of processes shows them; what goes wrong is told on its standard
output, for `/readyz`. See docs/decisions/0012-projector-in-its-own-process.md.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Self

import msgspec

from adapters.event_store.follower import Follower
from adapters.event_store.person_keys import ServerKey
from adapters.runtime.child import Child
from adapters.runtime.following import Batch, follow
from adapters.runtime.supervisor import Supervisor
from api.output import log_to_stderr
from projections.catalogue import PROJECTIONS
from projections.engine.ahead import Ahead
from projections.engine.projector import OutOfStep, Projector

logger = logging.getLogger(__name__)
LOOP = "projector"
"""Its name for `/readyz`."""
AGAIN = 0.1
"""Seconds until the read models begin again behind their position."""
PAGE = 5000
"""Facts at once while the read models are far behind."""
COLLECT = (20_000, 20, 50)
"""Neither a request nor a fact leaves much behind that refers to itself: looking for that after every few hundred objects, as Python does,
takes a twelfth of the processor's time."""
LONGEST = 15
"""Seconds that it takes to end at most, also where something hangs."""
WORDS = 2000
"""Characters of an error that are told."""


class Orders(msgspec.Struct, frozen=True):
    conninfo: str
    key: bytes
    libpq: dict[str, str]
    """What libpq takes from the environment."""

    @classmethod
    def of(cls, conninfo: str, key: bytes) -> Self:
        """For a database that is known by now, and with it which of these variables are about it."""
        return cls(conninfo, key, {name: value for name, value in os.environ.items() if name.startswith("PG")})


class Trouble(msgspec.Struct, frozen=True):
    error: str
    away: bool


def in_own_process(home: Path) -> Child:
    """It loads itself and waits for its orders: settings are none of its business."""
    return Child(__name__, str(home), environment={name: value for name, value in os.environ.items() if not name.startswith(("TIANGONG_", "PG"))})


def ordered(child: Child, orders: Orders, supervisor: Supervisor) -> None:
    """Let it keep the read models at the log's end, and start it again when it dies. Its trouble counts as that of our loop."""

    def heard(line: bytes) -> None:
        trouble = msgspec.json.decode(line, type=Trouble)
        supervisor.loops[LOOP].record(trouble.error, away=trouble.away)

    supervisor.start(LOOP, partial(child.run, msgspec.json.encode(orders), heard))


def main() -> None:
    """Until there is nobody any more who wants it. Signals are for the server, which needs the read models until its last request is answered."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    log_to_stderr()
    if line := sys.stdin.buffer.readline():
        asyncio.run(obey(msgspec.json.decode(line, type=Orders)))


async def obey(orders: Orders) -> None:
    os.environ.update(orders.libpq)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), over.set)  # nothing comes but the end
    supervisor = Supervisor(tell)
    collect_seldom()
    supervisor.start(LOOP, partial(project, orders.conninfo, ServerKey(orders.key)))
    await over.wait()
    signal.alarm(LONGEST)
    await supervisor.stop()


def tell(error: str, away: bool) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more, which is the end of us anyway
        sys.stdout.buffer.write(msgspec.json.encode(Trouble(error[:WORDS], away)) + b"\n")
        sys.stdout.buffer.flush()


def collect_seldom() -> None:
    """What lives until now lives to the end, and is not looked at by every collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


async def project(conninfo: str, key: ServerKey) -> None:
    """Keep the read models at the log's end. A crash of the database may take their last moments away: what comes again from the log
    comes at once, also where nothing new happens."""
    projector = Ahead(Projector(conninfo, PROJECTIONS))
    try:
        while True:
            follower = Follower(conninfo, await asyncio.to_thread(lambda: projector.position), PAGE, key=key)
            try:
                await keep_up(projector, follower)
            except OutOfStep as error:
                logger.warning("the read models begin again behind their position: %s", error)
                await asyncio.sleep(AGAIN)
    finally:
        await asyncio.to_thread(projector.close)


async def keep_up(projector: Ahead, follower: Follower) -> None:
    """Raises OutOfStep where the tables have fallen behind what was read."""

    def batches(position: int, stop: threading.Event) -> Generator[Batch, None, None]:
        return follower.batches(stop)

    def compare() -> None:
        projector.settle()
        if follower.reconnects and projector.position < follower.position:
            raise OutOfStep(f"they have gone back to {projector.position} from {follower.position}")

    await follow(batches, follower.position, projector.apply, compare)


if __name__ == "__main__":
    main()
