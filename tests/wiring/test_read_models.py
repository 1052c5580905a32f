"""The read models under the wiring: they follow the log whatever is taken from them, and who asks waits until they have come far enough."""

import asyncio

import pytest

from adapters.event_store.log import PostgresLog
from api.wiring import catalog as module
from api.wiring.catalog import ReadModelCatalog
from api.wiring.projecting import project
from application.applications import Applications, CreateApplication
from application.house import House
from application.ports.log import LogUnavailable
from application.versions import CreateVersion, Versions
from projections.engine.positions import Positions
from tests.application.fakes import MemorySecrets
from tests.event_store.facts import terminate
from tests.runtime.party import KEY, NoCatalog, by
from tests.support.pools import pool_of
from tests.support.waiting import until

REPOSITORY = "https://git.example/org/app"


@pytest.fixture
async def house(database):
    async with PostgresLog(database) as log:
        yield House(log)


@pytest.fixture
async def catalog(database):
    async with pool_of(database) as pool, Positions(database) as positions:
        yield ReadModelCatalog(pool, positions)


@pytest.fixture
async def projecting(database):
    """A projector at work, once a test wants it."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda: tasks.append(asyncio.create_task(project(database, KEY)))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def new_version(house: House, tag: str) -> int:
    return (await Versions(house, NoCatalog()).create(by(), CreateVersion(tag, "c0ffee", REPOSITORY))).position


def position(admin) -> int:
    return admin.execute("select position from views.positions").fetchone()[0]


async def test_who_asks_for_applications_waits_until_the_read_models_know_them(house, catalog, projecting):
    created = await Applications(house, MemorySecrets(), NoCatalog()).create(by(), CreateApplication("shop", REPOSITORY, "service", {}))
    asked = asyncio.create_task(catalog.applications(created.position))
    done, _ = await asyncio.wait({asked}, timeout=0.1)
    assert not done
    projecting()
    assert [app.id for app in await asyncio.wait_for(asked, 10)] == [created.id]


async def test_tags_and_uses_are_those_of_now(house, catalog, projecting):
    await new_version(house, "v1.0.0")
    asked = asyncio.create_task(catalog.tags(REPOSITORY))
    done, _ = await asyncio.wait({asked}, timeout=0.1)
    assert not done, "a tag that was given a moment ago would be given again"
    projecting()
    assert await asyncio.wait_for(asked, 10) == ["v1.0.0"]
    for n in range(1, 20):
        await new_version(house, f"v1.0.{n}")
        assert len(await catalog.tags(REPOSITORY)) == n + 1


async def test_who_asks_does_not_wait_for_ever(house, catalog, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setattr(module, "SOON", 0.05)
    at = await new_version(house, "v1.0.0")
    for asked in (catalog.applications(at), catalog.tags(REPOSITORY), catalog.used_by("ver_1")):
        with pytest.raises(LogUnavailable, match=f"have not reached position {at} within"):
            await asked


async def test_what_a_crash_of_the_database_took_away_comes_again_without_news(house, admin, projecting):
    """The projector's commits are not waited for: a crash may throw the read models back, while the log keeps everything."""
    last = [await new_version(house, f"v1.0.{n}") for n in range(5)][-1]
    projecting()
    await until(lambda: position(admin) == last)
    query = "select tablename from pg_tables where schemaname = 'views' and tablename not in ('positions', 'built')"
    tables = [table for (table,) in admin.execute(query)]
    with admin.transaction():
        admin.execute(f"truncate {', '.join(f'views.{table}' for table in tables)}")
        admin.execute("update views.positions set position = 0")
    assert terminate(admin, "tiangong log follower") == 1
    await until(lambda: position(admin) == last)
    assert admin.execute("select count(*) from views.versions").fetchone() == (5,)
    assert admin.execute("select count(*) from views.quarantine").fetchone() == (0,)


async def test_a_projector_that_finds_the_tables_behind_its_batch_begins_again_at_once(house, admin, projecting):
    first = await new_version(house, "v1.0.0")
    projecting()
    await until(lambda: position(admin) == first)
    with admin.transaction():
        admin.execute("truncate views.versions, views.audit_logs")
        admin.execute("update views.positions set position = 0")
    last = await new_version(house, "v1.0.1")
    await until(lambda: position(admin) == last, 3)
    assert admin.execute("select count(*) from views.versions").fetchone() == (2,)


async def test_two_projectors_bring_each_fact_once(house, admin, projecting):
    projecting()
    projecting()
    last = [await new_version(house, f"v1.0.{n}") for n in range(30)][-1]
    await until(lambda: position(admin) == last)
    assert admin.execute("select count(*) from views.versions").fetchone() == (30,)
    assert admin.execute("select count(*) from views.quarantine").fetchone() == (0,)
