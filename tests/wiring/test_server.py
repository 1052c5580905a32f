"""A server's parts in one process: how they start together, what they say of themselves, what keeps them from answering."""

import asyncio
import contextlib
import threading

import psycopg
import pytest
from pydantic import SecretStr

from adapters.credentials import PostgresCredentials
from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import read
from adapters.runtime.supervisor import Supervisor
from api.serving import bind
from api.wiring.core import open_core
from api.wiring.database import as_server
from api.wiring.doors import services
from api.wiring.server import ensure_admin, new_token, open_doors
from api.wiring.upgrade import upgrade
from application.caller import process
from application.ports.log import LogUnavailable
from application.users import digest_of
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import Projector
from tests.event_store.facts import append, database_away, fact
from tests.support.waiting import until

TOKEN = "an-admin-token-for-tests"


@pytest.fixture
def conninfo(database):
    return as_server(database)


async def test_what_keeps_the_doors_from_opening_is_raised_and_not_waited_for(settings, home, conninfo):
    sock = bind("127.0.0.1", 0)
    sock.close()
    async with open_core(settings, home, conninfo) as core:
        opening = asyncio.create_task(open_doors(core, Supervisor(), sock, asyncio.Event()))
        await asyncio.wait({opening}, timeout=5)
        assert opening.done()
        assert isinstance(opening.exception(), OSError | ValueError)


async def test_a_server_that_is_told_to_end_before_it_answers_does_not_say_that_it_is_ready(settings, home, conninfo, capsys):
    stop = asyncio.Event()
    stop.set()
    async with open_core(settings, home, conninfo) as core:
        await asyncio.wait_for(open_doors(core, Supervisor(), bind("127.0.0.1", 0), stop), 10)
    assert "ready" not in capsys.readouterr().out


async def test_servers_that_start_together_with_one_admin_token_all_know_it(settings, home, conninfo):
    """Each finds no admin and no token, and makes both."""
    together = settings.model_copy(update={"admin_token": SecretStr(TOKEN)})
    async with open_core(together, home, conninfo) as one, open_core(together, home, conninfo) as two, open_core(together, home, conninfo) as three:
        await asyncio.gather(*map(ensure_admin, (one, two, three)))
        actors = [await core.users.authenticate(TOKEN) for core in (one, two, three)]
        assert {actor.name for actor in actors if actor} == {"admin"}
        assert None not in actors
        await ensure_admin(one)
        assert (await one.users.authenticate(TOKEN)).name == "admin"


async def test_an_admin_token_that_was_revoked_stays_so_and_that_is_told(settings, home, conninfo, caplog):
    async with open_core(settings, home, conninfo) as core:
        await ensure_admin(core)
        value, _ = home.keep_admin_token()
        token = await PostgresCredentials(core.pool).find(digest_of(value))
        await core.users.revoke_token(process("test", "revoke"), token, "lost")
        await ensure_admin(core)
        assert await core.users.authenticate(value) is None
    assert f"the admin's token in {home.admin_token} has been revoked" in caplog.text
    assert value not in caplog.text


async def test_a_token_for_nobody_is_refused(settings, home, conninfo):
    with pytest.raises(ValueError, match="there is no user bob"):
        await new_token(settings, home, conninfo, "bob", None)


async def test_the_servers_status_names_a_loop_that_fails_and_the_kind_of_its_error_alone(settings, home, conninfo):
    async def failing() -> None:
        raise KeyError("a host's address")

    supervisor = Supervisor()
    async with open_core(settings, home, conninfo) as core:
        status = services(core, supervisor, asyncio.Event()).status
        assert [what for what in status().values() if what] == []  # also before anybody has asked how far the read models are
        supervisor.start("worker", failing)
        await until(lambda: status()["worker"] == "KeyError, see the server's output")
        await supervisor.stop()


async def test_trouble_of_the_log_that_nobody_waits_for_any_more_is_not_shown(databases, database):
    """A server that takes no requests because it says that it is not ready would say so for ever."""
    async with PostgresLog(database, deadline=0.3) as log:
        await append(log, fact())
        with database_away(databases.admin, database):
            with pytest.raises(LogUnavailable):
                await append(log, fact())
            assert log.writer.trouble
        await until(lambda: log.writer.trouble == "")


async def test_of_several_that_upgrade_at_once_one_does_it_and_the_others_find_it_done(database):
    async with PostgresLog(database) as log:
        await append(log, fact())
    projector = Projector(database, PROJECTIONS)
    with psycopg.connect(database, autocommit=True) as conn:
        projector.apply(read(conn, 0, 10))
        conn.execute("update views.built set fingerprint = 'of an older version'")
    projector.close()
    errors: list[Exception] = []

    def start() -> None:
        try:
            upgrade(database)
        except Exception as error:  # noqa: BLE001  # shown below
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert errors == []
    assert check(database, read, PROJECTIONS).ok


async def test_after_an_outage_the_pools_are_there_again_in_a_moment(settings, home, databases, database, conninfo):
    """By themselves they would double their pauses and take as long again."""
    async with open_core(settings, home, conninfo) as core:
        await core.house.log.stream("ver_1")
        with database_away(databases.admin, database):
            await asyncio.gather(*(worker_tries(core) for _ in range(3)))
        await asyncio.wait_for(asyncio.gather(core.pool.check(), core.house.log.stream("ver_1"), read_something(core)), 2.5)


async def worker_tries(core, seconds: float = 3.2) -> None:
    """What a loop does while the database is away."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            async with core.pool.connection(timeout=0.3):
                pass
        await asyncio.sleep(0.05)


async def read_something(core) -> None:
    async with core.pool.connection() as conn:
        await conn.execute("select 1")
