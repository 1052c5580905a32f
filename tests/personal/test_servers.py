"""Servers that run beside each other, die in between, or do not run at all."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from adapters.event_store.reading import reader
from api.demo.server import ServerFailed, TiangongServer
from api.home import Home
from api.wiring.database import as_server
from api.wiring.keys import server_key
from api.wiring.persons import forget_user
from domain.errors import NotFound
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from tests.personal.house import ADDRESS, NAME, WORDS, serving
from tests.personal.searching import tables_with
from tests.server.conftest import TOKEN, Client
from tests.support.waiting import until

KEY = "select wrapped is null from log.person_keys where person = %s"


async def test_another_server_that_has_them_in_memory_refuses_them_at_once_and_shows_the_name_no_longer_than_its_read_models_take(settings, database):
    async with serving(settings, as_server(database)) as one, serving(settings, as_server(database)) as other:
        ann = await one.person(NAME, ADDRESS, "admin")
        bob = await one.person("bob", "", "admin")
        await other.seen(await one.head())
        token = one.tokens[NAME]
        assert (await other.core.users.authenticate(token)).name == ADDRESS
        async with other.client(token) as client:
            assert (await client.get(f"/api/v1/users/{ann}")).json()["email"] == ADDRESS
        done = await one.core.users.forget(one.by("forget"), ann)
        assert await other.core.users.authenticate(token) is None
        assert (await other.core.house.log.stream(ann))[0].username == "(forgotten)"
        async with other.client(one.tokens["bob"], **{"X-Min-Position": str(done.position)}) as client:
            assert NAME not in (await client.get("/api/v1/users")).text
            assert (await client.get(f"/api/v1/users/{bob}")).json()["username"] == "bob"


async def with_ann(client: Client) -> str:
    answer = await client.post("/api/v1/users", json={"username": NAME, "email": ADDRESS, "roles": ["viewer"]}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def process(tmp_path: Path, database: str):
    """A server in a process of its own, over a database that outlives it."""
    made = TiangongServer(tmp_path / "home", {"ADMIN_TOKEN": TOKEN, "DATABASE_URL": database})
    yield made
    await made.stop()


async def test_killed_between_the_fact_and_the_key_it_ends_erased_after_the_next_start(process, database, admin):
    await process.start()
    async with Client(process.url) as client:
        ann = await with_ann(client)
        with psycopg.connect(database) as holder:
            holder.execute("lock table log.person_keys in share row exclusive mode")  # nobody writes there: the command stops after its fact
            asking = asyncio.create_task(client.post(f"/api/v1/users/{ann}/forget"))
            await until(lambda: admin.execute("select 1 from log.stored_events where topic = 'user.forgotten'").fetchone(), 20)
            await process.kill()
            assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], Exception)
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tiangong'")
        assert admin.execute(KEY, (ann,)).fetchone() == (False,)
    await process.start()
    await until(lambda: admin.execute(KEY, (ann,)).fetchone() == (True,), 20)
    await until(lambda: not admin.execute("select 1 from ops.idempotency_keys").fetchone(), 20)
    await until(lambda: not admin.execute("select 1 from views.users where username = %s", (NAME,)).fetchone(), 20)
    assert tables_with(admin, *WORDS) == []


async def test_the_program_forgets_beside_a_server_and_says_what_it_did(process, database, admin, tmp_path):
    await process.start()
    async with Client(process.url) as client:
        ann = await with_ann(client)
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    await process.command("audit", "export", "--out", str(before))
    assert await process.command("users", "forget", NAME) == f"forgotten: {ann}"
    assert await process.command("users", "forget", ann) == f"{ann} was forgotten before"
    with pytest.raises(ServerFailed, match=f"there is no user {NAME}"):
        await process.command("users", "forget", NAME)
    await process.command("audit", "export", "--out", str(after))
    for file in (before, after):
        assert (await process.command("audit", "verify", str(file))).startswith("verified: ")
    assert "every read model is what the log says" in await process.command("projections", "check")
    assert tables_with(admin, *WORDS) == []


def test_where_no_server_runs_everything_is_done_when_the_program_returns(settings, database, admin, capsys):
    async def before() -> str:
        async with serving(settings, as_server(database)) as server:
            return await server.person(NAME, ADDRESS, "viewer")

    ann = asyncio.run(before())
    admin.execute("insert into ops.idempotency_keys (actor, key, method, path, digest, holder, status, body) "
                  "values ('usr_1', 'k', 'POST', '/', '', gen_random_uuid(), 201, convert_to(%s, 'UTF8'))", (ADDRESS,))
    forget_user(settings, NAME)
    assert capsys.readouterr().out == f"forgotten: {ann}\n"
    assert admin.execute(KEY, (ann,)).fetchone() == (True,)
    assert tables_with(admin, *WORDS) == []
    assert check(database, reader(server_key(settings, Home(settings.home))), PROJECTIONS).ok
    with pytest.raises(NotFound):
        forget_user(settings, "nobody@example.org")
