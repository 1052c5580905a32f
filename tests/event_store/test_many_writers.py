"""Twelve writers in three processes and 100,000 events, while a follower reads: nothing missed, nothing doubled, one order."""

import asyncio
import json
import sys
from pathlib import Path

from adapters.event_store.follower import Follower
from tests.event_store.facts import assert_whole
from tests.event_store.tail import Tail
from tests.event_store.writers import EVENTS
from tests.support.waiting import until

PROCESSES, WRITERS = 3, 4
COMMANDS = 1667
"""Of each writer: 100,020 events altogether."""


async def write(conninfo: str) -> dict[str, list[int]]:
    """A process of writers; what it was told of its commands."""
    arguments = (sys.executable, "-m", "tests.event_store.writers", conninfo, str(WRITERS), str(COMMANDS))
    process = await asyncio.create_subprocess_exec(*arguments, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0
    return json.loads(out)


async def test_twelve_writers_and_a_reader_agree_on_one_order(database, admin):
    with Tail(Follower(database, 0, batch=1000)) as tail:
        acknowledged = [each for found in await asyncio.gather(*(write(database) for _ in range(PROCESSES))) for each in found.items()]
        events = PROCESSES * WRITERS * COMMANDS * EVENTS
        await until(lambda: len(tail.positions) >= events, 30)
    assert tail.positions == list(range(1, events + 1))
    stored = admin.execute("select originator_id, originator_version from log.stored_events order by notification_id").fetchall()
    assert tail.streams == stored
    assert len(set(stored)) == events
    commands = admin.execute("select command_id::text, array[first_position, events] from log.stored_events_commands").fetchall()
    assert sorted(acknowledged) == sorted(commands)
    assert_whole(admin, events)
