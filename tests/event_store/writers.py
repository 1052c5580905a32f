"""A process of several writers: `python -m tests.event_store.writers CONNINFO WRITERS COMMANDS` prints `{command: [first, count]}`.

Each writer has 16 callers; a command has five events over two streams.
"""

import asyncio
import json
import sys
from uuid import uuid4

from adapters.event_store.log import PostgresLog
from tests.event_store.facts import append, fact

CALLERS = 16
EVENTS = 5


async def write(log: PostgresLog, commands: int) -> dict[str, tuple[int, int]]:
    """Append that many commands by concurrent callers; where each one's events stand."""
    left, acknowledged = iter(range(commands)), {}

    async def caller() -> None:
        for _ in left:
            command, task, deployment = uuid4(), f"task_{uuid4()}", f"dep_{uuid4()}"
            stored = await append(log, fact(task), fact(deployment), fact(task, 2), fact(deployment, 2), fact(task, 3), command=command)
            acknowledged[str(command)] = (stored.first, stored.count)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return acknowledged


async def main(conninfo: str, writers: int, commands: int) -> None:
    logs = [PostgresLog(conninfo, deadline=60) for _ in range(writers)]
    acknowledged = {key: place for found in await asyncio.gather(*(write(log, commands) for log in logs)) for key, place in found.items()}
    for log in logs:
        await log.close()
    json.dump(acknowledged, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
