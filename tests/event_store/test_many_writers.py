"""Twelve writers in three processes and a follower in a fourth: nothing missed, nothing doubled, one order."""

import asyncio
import hashlib
import json
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.event_store.facts import assert_whole
from tests.event_store.tails import line
from tests.event_store.writers import EVENTS

PROCESSES, WRITERS = 3, 4
STREAMS = """select originator_id, originator_version from log.stored_events where notification_id > %s and notification_id <= %s
              order by notification_id"""


async def process(*arguments: object, seconds: float) -> dict:
    """What `python -m MODULE …` says at its end."""
    words = [str(argument) for argument in arguments]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *words, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE)
    try:
        out, _ = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return json.loads(out)


async def test_twelve_writers_and_a_reader_agree_on_one_order(database, admin):
    await agree(database, admin, commands=1667, seconds=120)


@pytest.mark.soak
async def test_twelve_writers_and_a_reader_agree_on_the_order_of_a_million(database, admin, capsys):
    figures = await agree(database, admin, commands=16_667, seconds=900)
    with capsys.disabled():
        print(f"\n{figures}", flush=True)


async def agree(database: str, admin: psycopg.Connection, commands: int, seconds: float) -> str:
    """`commands` of each writer."""
    events, began = PROCESSES * WRITERS * commands * EVENTS, time.monotonic()
    tail = asyncio.create_task(process("tests.event_store.tails", database, events, seconds=seconds))
    told = await asyncio.gather(*(process("tests.event_store.writers", database, WRITERS, commands, seconds=seconds) for _ in range(PROCESSES)))
    written = time.monotonic() - began
    seen, late = await tail, time.monotonic() - began - written
    acknowledged = [each for found in told for each in found.items()]
    assert seen == {"events": events, "digest": stored_order(admin, events), "in_order": True}
    stored = admin.execute("select command_id::text, array[first_position, events] from log.stored_events_commands").fetchall()
    assert sorted(acknowledged) == sorted(stored)
    assert_whole(admin, events)
    return (f"{events} events by {PROCESSES * WRITERS} writers in {PROCESSES} processes in {written:.0f} s ({events / written:.0f} events/s), "
            f"the reader was done {late:.2f} s later; {len(acknowledged)} commands acknowledged, all stored where it was said; "
            "missed 0, doubled 0, gaps 0, chain unbroken")


def stored_order(admin: psycopg.Connection, events: int, piece: int = 50_000) -> str:
    """Of the streams and versions in the log's order, as the tailing process makes it; no (stream, version) can be there twice."""
    digest = hashlib.sha256()
    for after in range(0, events, piece):
        for stream, version in admin.execute(STREAMS, (after, after + piece)):
            digest.update(line(stream, version))
    return digest.hexdigest()
