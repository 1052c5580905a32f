"""A process of callers that all want the same: `python -m tests.event_store.stormers CONNINFO CALLERS STREAMS VERSIONS`.

Each caller tries to write every version of every hot stream, in turn. Prints `[wins, conflicts]`: which command won which
stream's version (`"hot_1/7": command`), and how many tries were told Conflict.
"""

import asyncio
import json
import sys
from uuid import uuid4

from adapters.event_store.log import PostgresLog
from application.ports.log import Conflict
from tests.event_store.facts import append, fact


async def storm(log: PostgresLog, callers: int, streams: int, versions: int) -> tuple[dict[str, list[str]], int]:
    wins: dict[str, list[str]] = {}
    conflicts = 0

    async def caller(number: int) -> None:
        nonlocal conflicts
        stream = f"hot_{number % streams}"
        for version in range(1, versions + 1):
            command = uuid4()
            try:
                await append(log, fact(stream, version), fact(), command=command)
            except Conflict:
                conflicts += 1
            else:
                wins.setdefault(f"{stream}/{version}", []).append(str(command))

    await asyncio.gather(*map(caller, range(callers)))
    return wins, conflicts


async def main(conninfo: str, callers: int, streams: int, versions: int) -> None:
    async with PostgresLog(conninfo, deadline=60) as log:
        json.dump(await storm(log, callers, streams, versions), sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
