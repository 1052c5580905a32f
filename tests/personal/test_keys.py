"""The table of keys, with several who use it at once; and a key that is not the right one."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from adapters.event_store.log import PostgresLog
from adapters.event_store.people import PostgresPeople
from adapters.event_store.person_keys import ServerKey, WrongKey
from adapters.event_store.reading import read
from api.home import Home
from api.wiring.database import as_server
from api.wiring.keys import fitting_key, server_key
from domain.recorded import Origin
from domain.user.events import TokenIssued, UserCreated
from tests.projections.facts import NOON

KEY = ServerKey(bytes(range(32)))
ORIGIN = Origin(actor="usr_boss", correlation=uuid4())


def ann(stream: str = "usr_ann", version: int = 1) -> UserCreated:
    return UserCreated(stream=stream, version=version, at=NOON, by="usr_boss", username="ann", email="ann@example.org", roles=("viewer",))


def laptop(number: int, user: str = "usr_ann") -> TokenIssued:
    return TokenIssued(stream=f"tok_{number}", version=1, at=NOON, by="usr_boss", user_id=user, name="the laptop")


@pytest.fixture
async def people(database):
    async with AsyncConnectionPool(as_server(database), min_size=1, max_size=8, open=False) as pool:
        yield PostgresPeople(pool, KEY)


async def test_many_who_first_write_of_a_person_at_once_use_one_key(database, admin):
    async with AsyncExitStack() as stack:
        logs = [await stack.enter_async_context(PostgresLog(as_server(database), key=ServerKey(bytes(range(32))))) for _ in range(4)]
        await asyncio.gather(*(logs[n % 4].append([laptop(n)], uuid4(), ORIGIN) for n in range(40)))
        assert admin.execute("select count(*) from log.person_keys").fetchone() == (1,)
        for log in logs:
            assert [(await log.stream(f"tok_{n}"))[0].name for n in range(40)] == ["the laptop"] * 40


async def test_a_command_that_was_under_way_stores_nothing_of_who_is_forgotten_meanwhile(database, people, admin):
    async with PostgresLog(as_server(database), key=KEY) as log:
        await log.append([ann()], uuid4(), ORIGIN)
        await people.erase(["usr_ann", "usr_never_seen"])
        await log.append([laptop(1), laptop(2, "usr_never_seen")], uuid4(), ORIGIN)
        assert [(await log.stream(f"tok_{n}"))[0].name for n in (1, 2)] == ["(forgotten)"] * 2
        assert (await log.stream("usr_ann"))[0].username == "(forgotten)"
    assert admin.execute("select count(*) from log.person_keys where wrapped is not null").fetchone() == (0,)
    assert admin.execute("select count(*) from log.stored_events where position('laptop'::bytea in state) > 0").fetchone() == (0,)


async def test_erasing_again_changes_nothing_not_even_the_time(people, admin):
    await people.erase(["usr_ann", "name_1"])
    before = admin.execute("select person, wrapped, forgotten_at from log.person_keys").fetchall()
    await asyncio.gather(*(people.erase(["usr_ann", "name_1"]) for _ in range(8)))
    assert admin.execute("select person, wrapped, forgotten_at from log.person_keys").fetchall() == before
    assert len(before) == 1


async def test_everybody_finds_the_same_pseudonym_and_none_says_anything(people, admin):
    names = await asyncio.gather(*(people.name("ann") for _ in range(16)))
    assert len(set(names)) == 1
    assert await people.name("Ann") not in names, "names differ in capital letters, mail addresses do not"
    assert await people.addressee("Ann@Example.org ") == await people.known_addressee("ann@example.org")
    assert await people.known_name("bob") is None
    assert await people.known_addressee("ann") is None
    await people.erase([names[0]])
    assert await people.known_name("ann") is None
    assert await people.name("ann") != names[0]
    assert b"ann" not in b"".join(bytes(row[0]) for row in admin.execute("select finder from log.person_finders"))


async def test_another_key_is_never_taken_for_forgotten(database, admin):
    async with PostgresLog(as_server(database), key=KEY) as log:
        await log.append([ann()], uuid4(), ORIGIN)
    other = ServerKey(bytes(32))
    async with PostgresLog(as_server(database), key=other) as log:
        with pytest.raises(WrongKey, match="put back SECRET_KEY"):
            await log.stream("usr_ann")
        with pytest.raises(WrongKey):
            await log.append([laptop(1)], uuid4(), ORIGIN)
    with pytest.raises(WrongKey):
        read(admin, 0, 10, other)


async def test_a_server_with_another_key_does_not_start(settings, database):
    home = Home(settings.home)
    key = fitting_key(settings, home, as_server(database))
    async with PostgresLog(as_server(database), key=key) as log:
        await log.append([ann()], uuid4(), ORIGIN)
    fitting_key(settings, home, as_server(database))
    with pytest.raises(WrongKey):
        fitting_key(settings.model_copy(update={"secret_key": SecretStr("another secret key")}), home, as_server(database))


async def test_servers_with_one_secret_key_share_what_they_know(settings, database, tmp_path):
    shared = settings.model_copy(update={"secret_key": SecretStr("one key for all of us")})
    keys = [server_key(shared, Home(tmp_path / name)) for name in ("one", "two")]
    async with PostgresLog(as_server(database), key=keys[0]) as one, PostgresLog(as_server(database), key=keys[1]) as two:
        await one.append([ann()], uuid4(), ORIGIN)
        assert await two.stream("usr_ann") == [ann()]


async def test_a_repeated_command_answers_with_what_it_stored(database):
    command = uuid4()
    async with PostgresLog(as_server(database), key=KEY) as log:
        first = await log.append([ann()], command, ORIGIN)
        again = await log.append([ann()], command, ORIGIN)
        assert (again.position, again.repeated) == (first.position, True)
        assert await log.command(command) == [ann()]


def test_who_has_no_right_to_it_cannot_take_a_key_back(database, admin):
    admin.execute("insert into log.person_keys values ('usr_ann', 'x')")
    with psycopg.connect(as_server(database), autocommit=True) as server:
        for statement in ("delete from log.person_keys", "truncate log.person_keys", "update log.person_keys set person = 'usr_bob'",
                          "update log.person_finders set means = 'x'", "alter table log.person_keys drop column wrapped"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                server.execute(statement)
