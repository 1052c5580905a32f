"""A storm of conflicts: 128 callers in two processes want to write the same next version of a few hot streams. Each version has one winner,
all others hear Conflict, and nobody hears it of a version that nobody has."""

import asyncio
import json
import sys
from pathlib import Path

from tests.event_store.facts import assert_whole

PROCESSES, CALLERS, STREAMS, VERSIONS = 2, 64, 4, 40


async def storm(conninfo: str) -> tuple[dict[str, list[str]], int]:
    arguments = (sys.executable, "-m", "tests.event_store.stormers", conninfo, *map(str, (CALLERS, STREAMS, VERSIONS)))
    process = await asyncio.create_subprocess_exec(*arguments, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0
    wins, conflicts = json.loads(out)
    return wins, conflicts


async def test_each_version_of_a_hot_stream_has_exactly_one_winner(database, admin):
    """A caller goes on to a version only when the one before is there: so a Conflict without a winner would be a false one."""
    found = await asyncio.gather(*(storm(database) for _ in range(PROCESSES)))
    winners: dict[str, list[str]] = {}
    for wins, _ in found:
        for place, commands in wins.items():
            winners.setdefault(place, []).extend(commands)
    assert {place: len(commands) for place, commands in winners.items()} == {
        f"hot_{stream}/{version}": 1 for stream in range(STREAMS) for version in range(1, VERSIONS + 1)}
    assert sum(conflicts for _, conflicts in found) == PROCESSES * CALLERS * VERSIONS - STREAMS * VERSIONS
    stored = admin.execute("""
        select e.originator_id || '/' || e.originator_version, c.command_id::text from log.stored_events e
          join log.stored_events_commands c on c.first_position = e.notification_id where e.originator_id like 'hot%'""").fetchall()
    assert dict(stored) == {place: commands[0] for place, commands in winners.items()}
    assert_whole(admin, 2 * STREAMS * VERSIONS)
