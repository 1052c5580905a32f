"""Users and tokens: who somebody is, for how long, and that nobody can read it from the log."""

import pytest

from application.users import CreateUser, digest_of
from domain.access import Actor
from domain.errors import Invalid, NotFound, Refused
from tests.application.checks import refused


async def ann(world, *roles):
    return (await world.users.create(world.by(), CreateUser("ann", "ann@example.org", roles or ("developer",)))).id


async def test_a_token_tells_who_somebody_is(world):
    id = await ann(world, "developer", "approver")
    value, done = await world.users.issue_token(world.by(), id, "ci")
    assert await world.users.authenticate(value) == Actor(id, "ann@example.org", frozenset({"developer", "approver"}))
    assert value.startswith("tgd_")
    assert done.id.startswith("tok_")


async def test_without_a_mail_address_somebody_goes_by_the_name(world):
    id = (await world.users.create(world.by(), CreateUser("bob"))).id
    value, _ = await world.users.issue_token(world.by(), id, "ci")
    assert await world.users.authenticate(value) == Actor(id, "bob", frozenset({"viewer"}))


async def test_a_token_is_good_for_its_days(world):
    value, _ = await world.users.issue_token(world.by(), await ann(world), "ci", days=1)
    await world.later(hours=23, minutes=59)
    assert await world.users.authenticate(value) is not None
    await world.later(minutes=1)
    assert await world.users.authenticate(value) is None


async def test_a_revoked_token_is_worth_nothing_at_once(world):
    value, done = await world.users.issue_token(world.by(), await ann(world), "ci")
    await world.users.revoke_token(world.by(), done.id, "lost")
    assert await world.users.authenticate(value) is None
    assert (await world.users.revoke_token(world.by(), done.id)).position == 0


async def test_what_is_no_token_is_nobody(world):
    await ann(world)
    for value in ("", "tgd_", "tgd_" + "A" * 43, "Bearer x"):
        assert await world.users.authenticate(value) is None


async def test_a_digest_whose_fact_was_never_stored_is_nobody(world):
    await world.credentials.put("tok_9", digest_of("tgd_x"))  # a crash between the two
    assert await world.users.authenticate("tgd_x") is None


async def test_neither_value_nor_digest_stands_in_the_log(world):
    value, _ = await world.users.issue_token(world.by(), await ann(world), "ci")
    stored = b"".join(row.state for row in world.log.stored)
    for secret in (value.encode(), digest_of(value), digest_of(value).hex().encode()):
        assert secret not in stored


@pytest.mark.parametrize("days", [0, -1])
async def test_a_token_lasts_a_day_at_least(world, days):
    await refused(world, Invalid, "a day at least", world.users.issue_token(world.by(), await ann(world), "ci", days=days))


async def test_tokens_belong_to_users(world):
    for id in ("usr_9", "", await world.app(), "nobody"):
        await refused(world, NotFound, "there is no", world.users.issue_token(world.by(), id, "ci"))


async def test_a_repeated_call_makes_no_second_token_and_shows_no_value_that_is_worth_nothing(world):
    id = await ann(world)
    first, done = await world.users.issue_token(world.by(idempotency_key="k"), id, "ci")
    again, repeated = await world.users.issue_token(world.by(idempotency_key="k"), id, "ci")
    assert (again, repeated.id, repeated.repeated) == ("", done.id, True)
    assert await world.users.authenticate(first) is not None


async def test_a_value_that_the_caller_chose_is_answered_every_time(world):
    id = await ann(world)
    answers = [await world.users.issue_token(world.by(idempotency_key="k"), id, "ci", value="tgd_chosen") for _ in range(2)]
    assert [value for value, _ in answers] == ["tgd_chosen"] * 2
    assert await world.users.authenticate("tgd_chosen") is not None


async def test_a_username_belongs_to_one(world):
    id = await ann(world)
    await refused(world, Refused, "already", ann(world))
    assert (await world.users.find("ann"), await world.users.find("bob")) == (id, None)


async def test_roles_must_exist(world):
    error = await refused(world, Invalid, "no role 'king'", ann(world, "viewer", "king"))
    assert error.details["field"] == "roles"
