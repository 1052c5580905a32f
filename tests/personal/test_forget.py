"""Somebody works here, and is forgotten: nothing that is kept names them, and everything that was proven stays proven."""

import asyncio

import psycopg
import pytest

from adapters.event_store.files import PostgresAuditFiles
from adapters.event_store.reading import reader
from adapters.event_store.verify import verify
from api.home import Home
from api.wiring.keys import server_key
from application.notifications import Notifications
from application.ports.audit import Wanted
from application.ports.notifier import DeliveryFailed
from application.ports.timers import Timer
from application.processes.deadlines import DELIVERY
from application.users import CreateUser
from domain.errors import NotFound, Refused
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.rebuild import rebuild
from projections.users.queries import printed_names
from tests.personal.house import ADDRESS, LAPTOP, NAME, WORDS, Server
from tests.personal.searching import files_with, tables_with

PLACES = {"views.users", "views.tokens", "views.notifications", "ops.idempotency_keys"}


async def worked(server: Server) -> tuple[str, str]:
    """The ids of canary-ann, who was created, deployed, asked for approval, got a token and a mail; and of bob, who agreed."""
    bob = await server.person("bob", "bob@example.org", "admin")
    async with server.client(server.tokens["bob"], **{"Idempotency-Key": "new"}) as client:
        answer = await client.post("/api/v1/users", json={"username": NAME, "email": ADDRESS, "roles": ["operator"]})
    ann = answer.json()["id"]
    server.tokens[NAME], done = await server.core.users.issue_token(server.by("ann"), ann, LAPTOP)
    await server.seen(done.position)
    deployment = await deployed(server)
    await server.tell(ADDRESS, deployment)
    await server.seen(await server.head())
    return ann, bob


async def deployed(server: Server) -> str:
    """By canary-ann, with answers that are kept."""
    bodies = [
        ("versions", {"git_tag": "v1.0.0", "git_commit": "0123456789abcdef", "repository": "https://git.example/org/app"}),
        ("applications", {"name": "app", "repository": "https://git.example/org/app", "type": "static", "config": {}}),
        ("environments", {"name": "prod", "type": "memory", "config": {}}),
    ]
    ids = []
    async with server.client(server.tokens[NAME]) as client:
        for what, body in bodies:
            made = await client.post(f"/api/v1/{what}", json=body, headers={"Idempotency-Key": what})
            assert made.status_code == 201, made.text
            ids.append(made.json()["id"])
        body = {"version_id": ids[0], "application_ids": [ids[1]], "environment_id": ids[2]}
        made = await client.post("/api/v1/deployments", json=body, headers={"Idempotency-Key": "deploy"})
        assert (made.status_code, made.json()["created_by"]) == (201, ADDRESS)
    return str(made.json()["id"])


def exported(server: Server) -> tuple[bytes, bytes]:
    files = PostgresAuditFiles(server.conninfo, server.core.signer)
    return b"".join(files.jsonl(Wanted())), b"".join(files.csv(Wanted(), {}))


def lines(export: bytes) -> dict[bytes, bytes]:
    """By position, each fact's line but for the seal, which covers what stands before."""
    return {line.partition(b",")[0]: line.rpartition(b',"seal"')[0] for line in export.splitlines() if line.startswith(b'{"position"')}


def is_what_the_log_says(server: Server, settings, database: str) -> bool:
    return check(database, reader(server_key(settings, Home(settings.home))), PROJECTIONS).ok


async def test_before_that_the_name_is_read_where_it_should_be_and_stands_nowhere_else(server, admin):
    await worked(server)
    assert set(tables_with(admin, *WORDS)) == PLACES
    assert not any(word.encode() in exported(server)[0] for word in WORDS)


async def test_afterwards_no_table_and_no_file_and_no_answer_has_it(server, admin, database, settings):
    ann, bob = await worked(server)
    server.erase_what_is_forgotten()
    async with server.client(server.tokens["bob"]) as client:
        answer = await client.post(f"/api/v1/users/{ann}/forget")
        assert (answer.status_code, answer.json()) == (200, {"id": ann, "message": "User forgotten"})
        await server.swept()
        assert tables_with(admin, *WORDS) == []
        for form in exported(server):
            assert not any(word.encode() in form for word in WORDS)
        for path in ("users", "tokens", "deployments", "versions", "notifications", "audit-logs", "audit-logs/export?format=csv", f"users/{ann}"):
            shown = await client.get(f"/api/v1/{path}")
            assert shown.status_code == 200
            assert "canary" not in shown.text
        assert (await client.get(f"/api/v1/users/{ann}")).json()["username"] == "(forgotten)"
        assert (await client.get("/api/v1/deployments")).json()["deployments"][0]["created_by"] == ann
        assert (await client.get(f"/api/v1/users/{bob}")).json()["email"] == "bob@example.org"
    assert (await printed_names(server.core.pool))[ann] == ann
    assert is_what_the_log_says(server, settings, database)


async def test_what_the_log_proves_stays_proven(server):
    ann, _ = await worked(server)
    before, _ = exported(server)
    await server.core.users.forget(server.by("forget"), ann)
    after, _ = exported(server)
    assert verify(before.splitlines(keepends=True)).bad is None
    assert verify(after.splitlines(keepends=True)).bad is None
    assert lines(before).items() < lines(after).items(), "every line before it is the same"


async def test_the_log_s_files_never_had_it_and_the_read_models_files_have_not_once_they_are_vacuumed(server, admin):
    ann, _ = await worked(server)
    assert files_with(admin, ["log", "pg_toast"], *WORDS) == []
    assert files_with(admin, ["views"], *WORDS) != []
    server.erase_what_is_forgotten()
    await server.core.users.forget(server.by("forget"), ann)
    await server.swept()
    admin.execute("vacuum full")
    assert files_with(admin, ["log", "views", "ops", "pg_catalog", "pg_toast"], *WORDS) == []


async def test_read_models_are_the_same_whether_the_key_is_gone_or_not_yet(server, database, settings, admin):
    ann, _ = await worked(server)
    read = reader(server_key(settings, Home(settings.home)))
    assert check(database, read, PROJECTIONS).ok
    admin.execute("create function keep() returns trigger language plpgsql as 'begin return null; end'")
    admin.execute("create trigger keep before update on log.person_keys for each row execute function keep()")  # a crash: the fact is stored, no more
    await server.core.users.forget(server.by("forget"), ann)
    await server.seen(await server.head())
    assert admin.execute("select wrapped is not null from log.person_keys where person = %s", (ann,)).fetchone() == (True,)
    assert check(database, read, PROJECTIONS).ok
    rebuild(database, read, PROJECTIONS)
    assert check(database, read, PROJECTIONS).ok
    admin.execute("drop trigger keep on log.person_keys")
    await server.core.users.forget(server.by("again"), ann)
    assert admin.execute("select wrapped from log.person_keys where person = %s", (ann,)).fetchone() == (None,)
    assert check(database, read, PROJECTIONS).ok
    rebuild(database, read, PROJECTIONS)
    assert check(database, read, PROJECTIONS).ok
    assert "views.users" not in tables_with(admin, *WORDS)


async def test_whoever_is_forgotten_can_do_nothing_and_stays_so(server):
    ann, _ = await worked(server)
    users = server.core.users
    first = await users.forget(server.by("forget"), NAME)
    assert (first.id, [event.TOPIC for event in first.events]) == (ann, ["user.forgotten", "token.revoked"])
    assert await users.authenticate(server.tokens[NAME]) is None
    assert (await users.forget(server.by("again"), ann)).position == 0
    for command in (users.issue_token(server.by("token"), ann, "x"), users.forget(server.by("name"), NAME)):
        with pytest.raises(NotFound):
            await command


async def test_the_name_is_free_again_for_somebody_else_who_is_not_forgotten(server, admin):
    ann, _ = await worked(server)
    with pytest.raises(Refused, match="already"):
        await server.core.users.create(server.by("twin"), CreateUser(NAME))
    await server.core.users.forget(server.by("forget"), ann)
    twin = (await server.core.users.create(server.by("another"), CreateUser(NAME))).id
    assert await server.core.users.find(NAME) == twin != ann
    await server.core.people.erase([ann, f"name_{'0' * 32}"])  # a process that comes late
    assert await server.core.users.find(NAME) == twin
    assert (await server.core.users.forget(server.by("the other"), twin)).id == twin
    assert await server.core.users.find(NAME) is None
    streams = [stream for (stream,) in admin.execute("select distinct originator_id from log.stored_events where originator_id like 'name%'")]
    assert len(streams) >= 3, "a stream of its own for each, none of which follows from the name"


async def test_the_account_that_the_server_needs_stays(server):
    await server.core.users.create(server.by("admin"), CreateUser("admin", roles=("admin",)))
    await server.seen(await server.head())
    with pytest.raises(Refused, match="nobody's name"):
        await server.core.users.forget(server.by("forget"), "admin")


async def test_only_who_administers_may(server):
    ann, _ = await worked(server)
    async with server.client(server.tokens[NAME]) as client:
        refused = await client.post(f"/api/v1/users/{ann}/forget")
    assert refused.status_code == 403


async def test_a_mail_address_that_is_no_user_s_is_forgotten_by_itself_and_what_waits_for_it_is_not_sent(server, admin):
    await worked(server)
    async with server.client(server.tokens["bob"]) as client:
        deployment = (await client.get("/api/v1/deployments")).json()["deployments"][0]["id"]
    waiting = await server.tell("Canary.Ops@example.org", deployment)
    done = await server.core.users.forget(server.by("forget"), "canary.ops@example.org")
    assert done.id.startswith("adr_")
    await server.seen(done.position)
    telling: Notifications = server.telling("")
    ended = await telling.deliver(server.by("deliver"), Timer(f"{waiting}/{DELIVERY}", waiting, DELIVERY, server.core.house.clock()))
    assert ended is not None
    await server.seen(ended.position)
    assert server.letters.sent == []
    assert tables_with(admin, "canary.ops") == []
    again = await server.tell("canary.ops@example.org", deployment)  # the operator's setting still names it
    assert admin.execute("select destination from views.notifications where id = %s", (again,)).fetchone() == ("canary.ops@example.org",)
    assert admin.execute("select destination, error from views.notifications where id = %s", (waiting,)).fetchone() == (
        "(forgotten)", "whoever was to be told is forgotten")


async def test_no_id_of_a_command_follows_from_an_address(server, admin):
    """Whoever has the log could try addresses until one fits."""
    await worked(server)
    ids = {id for (id,) in admin.execute("select command_id from log.stored_events_commands")}
    deployment, = admin.execute("select deployment_id from views.notifications").fetchone()
    assert server.by(f"tell {ADDRESS} {deployment}").step(f"letters/{ADDRESS}").command not in ids


async def test_what_a_mail_server_answers_is_kept_without_the_address(server, admin):
    await worked(server)
    id, = admin.execute("select id from views.notifications").fetchone()
    telling = server.telling(ADDRESS)
    server.letters.troubles.append(DeliveryFailed(f"550 5.1.1 <{ADDRESS.upper()}>: no such user", final=True))
    await telling.deliver(server.by("deliver"), Timer(f"{id}/{DELIVERY}", id, DELIVERY, server.core.house.clock()))
    await server.seen(await server.head())
    assert admin.execute("select error from views.notifications").fetchone() == ("550 5.1.1 <the addressee>: no such user",)


async def test_two_forget_at_once_and_one_fact_is_stored(server, admin: psycopg.Connection):
    ann, _ = await worked(server)
    await asyncio.gather(*(server.core.users.forget(server.by(f"forget {n}"), ann) for n in range(8)))
    assert admin.execute("select count(*) from log.stored_events where topic = 'user.forgotten'").fetchone() == (1,)
