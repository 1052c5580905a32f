"""A database that an older version made."""

import psycopg

from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import read
from api.wiring.upgrade import upgrade
from application.caller import process
from application.house import House
from application.ports.log import Origin
from domain.version.events import VersionCreated
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import Projector


async def test_read_models_that_another_version_made_are_made_again_before_its_tables_are_in_the_way(database):
    await one_version(database)
    projector = Projector(database, PROJECTIONS)
    with psycopg.connect(database, autocommit=True) as conn:
        projector.apply(read(conn, 0, 10))
        conn.execute("alter table views.versions drop column repository_key cascade")  # an older shape
        conn.execute("update views.built set fingerprint = 'of an older version' where projection = 'versions'")
    projector.close()
    upgrade(database)
    assert check(database, read, PROJECTIONS).ok


async def test_an_upgrade_of_what_is_up_to_date_changes_nothing(database):
    await one_version(database)
    upgrade(database)
    upgrade(database)
    with psycopg.connect(database) as conn:
        assert conn.execute("select count(*) from log.stored_events").fetchone() == (1,)


async def one_version(database: str) -> None:
    caller = process("test", "version")
    async with PostgresLog(database) as log:
        house = House(log)
        fact = VersionCreated(stream=house.new_id("ver"), version=1, at=house.clock(), by="system:test", git_tag="v1.0.0", git_commit="abc123def456",
                              repository="https://git.example/org/repo")
        await log.append([fact], caller.command, Origin(caller.actor.id, caller.correlation))
