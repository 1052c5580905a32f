"""A log from before names were sealed: it is read as ever, and what can be forgotten of it is."""

from uuid import uuid4

from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import reader
from api.home import Home
from api.migrate import migrate
from api.wiring.database import as_server
from api.wiring.keys import server_key
from api.wiring.persons import in_plain
from domain.name.model import Name, stream_of
from domain.recorded import Origin
from domain.registry import decode
from domain.user.events import UserCreated
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from tests.golden.make import path
from tests.personal.house import ADDRESS, NAME, WORDS, Server, serving
from tests.personal.searching import tables_with
from tests.projections.facts import NOON

OLD = "usr_old"
FACT = UserCreated(stream=OLD, version=1, at=NOON, by="system:setup", username=NAME, email=ADDRESS, roles=("operator",))


async def of_old(database: str) -> None:
    """As it was stored then: in plain text, the name's stream a digest of the name."""
    async with PostgresLog(as_server(database)) as log:
        claim = Name(stream_of("user", NAME)).claim("user", NAME, OLD, at=NOON, by="system:setup")
        await log.append([FACT, claim], uuid4(), Origin(actor="system:setup", correlation=uuid4()))


async def known(server: Server) -> None:
    value, done = await server.core.users.issue_token(server.by("token"), OLD, "of old")
    server.tokens[NAME] = value
    await server.seen(done.position)


async def test_they_are_known_by_name_and_nobody_else_gets_it(settings, database):
    await of_old(database)
    async with serving(settings, as_server(database)) as server:
        await known(server)
        assert await server.core.users.find(NAME) == OLD
        actor = await server.core.users.authenticate(server.tokens[NAME])
        assert actor is not None
        assert actor.name == ADDRESS


async def test_the_read_models_forget_them_and_what_the_log_keeps_is_said(settings, database, admin):
    await of_old(database)
    async with serving(settings, as_server(database)) as server:
        await known(server)
        done = await server.core.users.forget(server.by("forget"), NAME)
        assert [event.TOPIC for event in done.events] == ["user.forgotten", "token.revoked", "name.freed"]
        await server.seen(done.position)
        assert set(tables_with(admin, *WORDS)) - {"pg_catalog.pg_statistic"} == {"log.stored_events"}  # and samples of it
        assert await in_plain(server.core, OLD) == [
            "the log holds the name in plain text at position 1, stored by a version that did not seal names: that stays"]
        twin = await server.person(NAME, ADDRESS, "viewer")
        assert await server.core.users.find(NAME) == twin
        assert await in_plain(server.core, twin) == []
        assert check(database, reader(server_key(settings, Home(settings.home))), PROJECTIONS).ok


def test_a_message_of_old_is_read_in_today_s_shape():
    event = decode("notification.requested", path("notification.requested", 1, "full").read_bytes().rstrip(b"\n"))
    assert (event.destination, event.addressee) == ("ops@example.org", "")


def test_samples_that_an_older_version_let_be_taken_of_answers_go_with_the_upgrade(database, admin):
    admin.execute("alter table ops.idempotency_keys alter column key set statistics 100, alter column body set statistics 100")
    admin.execute("insert into ops.idempotency_keys (actor, key, method, path, digest, holder, body) select 'usr_1', 'canary-' || n % 2 || '/' || n, "
                  "'POST', '/', '', gen_random_uuid(), convert_to('canary-' || n % 2, 'UTF8') from generate_series(1, 100) n")
    admin.execute("analyze ops.idempotency_keys")
    admin.execute("delete from ops.idempotency_keys")
    assert tables_with(admin, "canary-1") == ["pg_catalog.pg_statistic"]
    migrate(database)
    assert tables_with(admin, "canary-1") == []
