"""The same request under the same key is carried out once and answered alike."""

import asyncio
import uuid

import psycopg
import pytest
from starlette.responses import Response

from api.database import execute, first
from api.errors import Problem
from api.rest import idempotency
from tests.api.story import REPOSITORY, V1, environment

BODY = {"git_tag": "v1.0.0", "git_commit": "abc123def456", "repository": REPOSITORY}
KEY = {"Idempotency-Key": "key-1"}


async def events(rig) -> int:
    row = await first(rig.services.pool, "select position from log.stored_events_head")
    assert row is not None
    return int(row[0])


async def test_a_repeated_request_gets_the_same_answer_and_stores_nothing(admin, rig):
    one = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    before = await events(rig)
    two = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    assert (one.status_code, two.status_code, two.content) == (201, 201, one.content)
    assert two.headers["X-Log-Position"] == one.headers["X-Log-Position"]
    assert two.headers["ETag"] == one.headers["ETag"]
    assert await events(rig) == before


async def test_a_refusal_is_repeated_too(admin):
    await admin.post(f"{V1}/versions", json=BODY)
    one = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    two = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    assert (one.status_code, two.status_code, two.content) == (409, 409, one.content)


async def test_another_request_under_the_same_key_is_refused(admin):
    await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    other = await admin.post(f"{V1}/versions", json=BODY | {"git_tag": "v2"}, headers=KEY)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "RESOURCE_CONFLICT")
    elsewhere = await admin.post(f"{V1}/applications", json={"name": "x", "repository": REPOSITORY, "type": "x"}, headers=KEY)
    assert elsewhere.status_code == 409


async def test_a_key_belongs_to_its_user(admin, rig):
    await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    async with rig.client("developer") as developer:
        answer = await developer.post(f"{V1}/versions", json=BODY | {"git_tag": "v2"}, headers=KEY)
        assert answer.status_code == 201


async def test_after_a_crash_before_the_answer_was_kept_the_handler_finds_its_own_work(admin, rig):
    one = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    before = await events(rig)
    await execute(rig.services.pool, "delete from ops.idempotency_keys")
    two = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    assert (two.status_code, two.json()["id"]) == (201, one.json()["id"])
    assert await events(rig) == before
    other = await admin.post(f"{V1}/applications", json={"name": "x", "repository": REPOSITORY, "type": "x"}, headers={"Idempotency-Key": "key-1"})
    assert other.status_code == 409


async def test_many_at_once_are_carried_out_once(admin, rig):
    before = await events(rig)
    answers = await asyncio.gather(*(admin.post(f"{V1}/versions", json=BODY, headers=KEY) for _ in range(8)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert await events(rig) == before + 2


async def test_while_the_first_is_in_progress_the_second_waits_and_then_hears_of_it(rig):
    pool, asked = rig.services.pool, idempotency.Asked("usr_1", "key", "POST", "/x", b"digest")
    assert await idempotency.claim_or_kept(pool, asked, uuid.uuid4()) is None
    with pytest.raises(Problem, match="in progress") as refused:
        await idempotency.claim_or_kept(pool, asked, uuid.uuid4(), patience=0.1)
    assert (refused.value.status_code, refused.value.headers) == (409, {"Retry-After": "2"})


async def test_one_that_was_left_in_progress_is_taken_over(admin, rig):
    one = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    await execute(rig.services.pool, "update ops.idempotency_keys set status = null, created_at = clock_timestamp() - interval '2 minutes'")
    two = await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    assert (two.status_code, two.json()["id"]) == (201, one.json()["id"])


async def test_an_error_of_the_server_is_not_kept(rig):
    asked = idempotency.Asked("usr_1", "key", "POST", "/x", b"digest")

    async def fails():
        raise ConnectionError("away")

    with pytest.raises(ConnectionError):
        await idempotency.once(rig.services.pool, asked, fails)
    assert await first(rig.services.pool, "select 1 from ops.idempotency_keys") is None


async def test_who_was_overtaken_does_not_overwrite_the_answer(rig):
    pool, asked = rig.services.pool, idempotency.Asked("usr_1", "key", "POST", "/x", b"digest")
    assert await idempotency.claim_or_kept(pool, asked, uuid.uuid4()) is None
    await execute(pool, "update ops.idempotency_keys set created_at = clock_timestamp() - interval '2 minutes'")
    assert await idempotency.claim_or_kept(pool, asked, uuid.uuid4()) is None
    await execute(pool, idempotency.DROP, (asked.actor, asked.key, uuid.uuid4()))
    assert await first(pool, "select 1 from ops.idempotency_keys") is not None


async def test_old_answers_are_forgotten(admin, rig):
    await admin.post(f"{V1}/versions", json=BODY, headers=KEY)
    await execute(rig.services.pool, "update ops.idempotency_keys set created_at = clock_timestamp() - interval '2 days'")
    await admin.post(f"{V1}/versions", json=BODY | {"git_tag": "v2"}, headers={"Idempotency-Key": "key-2"})
    assert await first(rig.services.pool, "select count(*) from ops.idempotency_keys") == (1,)


async def test_a_new_token_is_the_same_under_the_same_key_and_kept_nowhere(admin, rig):
    one = await admin.post(f"{V1}/tokens", json={"name": "ci"}, headers=KEY)
    two = await admin.post(f"{V1}/tokens", json={"name": "ci"}, headers=KEY)
    assert (one.status_code, two.status_code, two.json()) == (201, 201, one.json())
    me = await admin.get(f"{V1}/me", headers={"Authorization": f"Bearer {one.json()['token']}"})
    assert me.json()["username"] == "admin-1"
    assert await first(rig.services.pool, "select count(*) from ops.idempotency_keys") == (0,)
    other = await admin.post(f"{V1}/tokens", json={"name": "ci"})
    assert other.json()["token"] != one.json()["token"]


async def test_a_short_secret_cannot_be_guessed_from_the_kept_request(admin, rig):
    body = {"name": "x", "type": "docker_compose", "config": {"registry_password": "1234"}}
    assert (await admin.post(f"{V1}/environments", json=body, headers=KEY)).status_code == 201
    row = await first(rig.services.pool, "select digest, body from ops.idempotency_keys")
    assert row is not None
    assert b"1234" not in row[1]
    assert idempotency.digest_of("Bearer another", b"x") != idempotency.digest_of("Bearer one", b"x")


async def test_what_was_asked_twice_with_different_keys_is_two_requests(admin):
    await environment(admin, "one")
    again = await admin.post(f"{V1}/environments", json={"name": "one", "type": "memory", "config": {}}, headers=KEY)
    assert again.status_code == 409


async def test_connections_that_break_before_the_answer_is_kept_do_not_keep_the_key_busy(rig, database):
    pool, asked, done = rig.services.pool, idempotency.Asked("usr_1", "key", "POST", "/x", b"digest"), []

    async def handle() -> Response:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
            await conn.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() "
                               "and application_name = '' and pid <> pg_backend_pid()")
        done.append(1)
        return Response(b"{}", 503 if len(done) == 1 else 201)

    assert (await idempotency.once(pool, asked, handle)).status_code == 503
    assert [(await idempotency.once(pool, asked, handle)).status_code for _ in range(2)] == [201, 201]
    assert len(done) == 2


async def test_a_claim_whose_answer_was_lost_is_found_to_be_ours(rig):
    pool, asked, holder = rig.services.pool, idempotency.Asked("usr_1", "key", "POST", "/x", b"digest"), uuid.uuid4()
    assert [await idempotency.claim_or_kept(pool, asked, holder, patience=0.1) for _ in range(2)] == [None, None]
