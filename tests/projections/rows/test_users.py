from domain.user.events import TokenIssued, TokenRevoked, UserCreated
from projections.queries import get_token, get_user, list_tokens, list_users, token_with_user
from tests.projections.facts import fact, later

ANN = fact(UserCreated, "usr_ann", by="system:setup", username="ann", email="ann@example.com", roles=("operator", "approver"))


def token(stream: str, user: str = "usr_ann", **fields):
    return fact(TokenIssued, stream, user_id=user, name="laptop", **fields)


async def test_a_user_has_a_name_an_e_mail_and_roles(given, pool):
    given(ANN)
    assert await get_user(pool, "usr_ann") == {
        "id": "usr_ann", "username": "ann", "email": "ann@example.com", "roles": ["operator", "approver"], "role_id": "operator",
        "role_ids": ["operator", "approver"], "group_ids": [], "is_active": True, "created_at": later(1), "updated_at": later(1),
        "stream_version": 1, "position": 1}
    assert [row["id"] for row in (await list_users(pool))[0]] == ["usr_ann"]
    assert (await list_users(pool, username="bob"))[1] == 0


async def test_a_token_is_listed_without_its_value_until_and_after_it_was_revoked(given, pool):
    given(ANN, token("tok_1", expires_at=later(99)), token("tok_2", user="usr_bob"), fact(TokenRevoked, "tok_1", reason="lost"))
    found = await get_token(pool, "tok_1")
    assert found == {
        "id": "tok_1", "user_id": "usr_ann", "name": "laptop", "expires_at": later(99), "revoked_at": later(4), "revoked_reason": "lost",
        "created_by": "ann@example.com", "created_at": later(2), "updated_at": later(4), "stream_version": 2, "position": 4}
    assert [row["id"] for row in (await list_tokens(pool, user_id="usr_ann"))[0]] == ["tok_1"]
    assert [row["id"] for row in (await list_tokens(pool))[0]] == ["tok_2", "tok_1"]


async def test_a_token_leads_to_its_user(given, pool):
    given(ANN, token("tok_1"), token("tok_2", user="usr_nobody"))
    assert await token_with_user(pool, "tok_1") == {
        "id": "tok_1", "user_id": "usr_ann", "name": "laptop", "expires_at": None, "revoked_at": None, "username": "ann", "email": "ann@example.com",
        "roles": ["operator", "approver"], "is_active": True}
    assert await token_with_user(pool, "tok_2") is None
    assert await token_with_user(pool, "tok_3") is None
