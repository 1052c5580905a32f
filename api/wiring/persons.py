"""The operator's tool that forgets somebody."""

import asyncio
import sys
from collections.abc import Callable

import psycopg

from adapters.event_store.person_keys import ServerKey
from adapters.event_store.reading import read
from api.home import Home
from api.settings import Settings
from api.wiring.core import Core, open_core
from api.wiring.database import as_server, database
from api.wiring.keys import fitting_key
from application.caller import process
from projections.catalogue import PROJECTIONS
from projections.engine.projector import Projector

IN_PLAIN = """
select array_agg(notification_id order by notification_id) from log.stored_events
 where originator_id = %s and topic = 'user.created' and position('"personal":"'::bytea in state) = 0"""


def forget_user(settings: Settings, who: str) -> None:
    """Everything is done when it returns, also where no server runs: the read models are brought to the log's end here."""
    home = Home(settings.home)
    with database(settings, home) as owner:
        conninfo = as_server(owner)
        key = fitting_key(settings, home, conninfo)
        for line in asyncio.run(forget(settings, home, conninfo, who, lambda: catch_up(conninfo, key))):
            print(line)
        sys.stdout.flush()


async def forget(settings: Settings, home: Home, conninfo: str, who: str, catch_up: Callable[[], int]) -> list[str]:
    async with open_core(settings, home, conninfo) as core:
        await asyncio.to_thread(catch_up)
        done = await core.users.forget(process("cli", core.house.new_id("cmd")), who)
        await core.erasing.sweep(await asyncio.to_thread(catch_up))
        return [f"forgotten: {done.id}" if done.position else f"{done.id} was forgotten before", *await in_plain(core, done.id)]


async def in_plain(core: Core, id: str) -> list[str]:
    """What cannot be undone."""
    async with core.pool.connection() as conn:
        row = await (await conn.execute(IN_PLAIN, (id,))).fetchone()
    if row is None or row[0] is None:
        return []
    return [f"the log holds the name in plain text at position {row[0][0]}, stored by a version that did not seal names: that stays"]


def catch_up(conninfo: str, key: ServerKey) -> int:
    """Bring the read models to the log's end, beside whoever does the same; where they are then."""
    projector = Projector(conninfo, PROJECTIONS)
    try:
        with psycopg.connect(conninfo, autocommit=True) as conn:
            while batch := read(conn, projector.position, 500, key):
                projector.apply(batch)
        return projector.position
    finally:
        projector.close()
