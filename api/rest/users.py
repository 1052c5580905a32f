"""Users and their tokens (S0)."""

import base64
import hashlib
import hmac
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.responses import Response

from api.reading import TOKENS, USERS
from api.rest.call import Call, OneCall, encoded, public, shown
from api.rest.fields import Body, Id, Line, Name, each_once
from api.rest.paging import Asked, Pages
from api.rest.route import Route, SecretRoute
from application.users import CreateUser

router = APIRouter(route_class=Route, tags=["users"])
secret = APIRouter(route_class=SecretRoute, tags=["users"])
Roles = Annotated[list[Name], Field(min_length=1, max_length=20), AfterValidator(each_once)]


class NewUser(Body):
    """Roles are named; `role_ids`, or one `role_id`, say the same as `roles`."""

    username: Name
    email: Line = ""
    roles: Roles | None = None
    role_ids: Roles | None = None
    role_id: Name | None = None

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(self.roles or self.role_ids or ([self.role_id] if self.role_id else ["viewer"]))


class NewToken(Body):
    """For the caller, unless `user_id` names somebody else."""

    name: Line = ""
    user_id: Id | None = None
    days: int | None = Field(None, ge=1, le=3650)


@router.get("/me")
async def get_me(call: OneCall) -> Response:
    return shown(await call.read.me())


@router.post("/users", status_code=201)
async def create_user(call: OneCall, body: NewUser) -> Response:
    return await call.done(await call.services.users.create(call.caller, CreateUser(body.username, body.email, body.named)), USERS, 201)


@router.get("/users")
async def list_users(call: OneCall, pages: Pages, username: Asked = None) -> Response:
    return pages.answer(await call.read.page(USERS, **pages.arguments, username=username))


@router.get("/users/{id}")
async def get_user(call: OneCall, id: str) -> Response:
    return shown(await call.read.one(USERS, id))


@router.post("/users/{id}/forget")
async def forget_user(call: OneCall, id: str) -> Response:
    """Destroy the key to this user's name and address: from then on they are `(forgotten)` everywhere. There is no way back."""
    done = await call.services.users.forget(call.caller, id)
    return await call.said(done, {"id": done.id, "message": "User forgotten"})


@secret.post("/tokens", status_code=201)
async def issue_token(call: OneCall, body: NewToken) -> Response:
    """The value (`token`) is answered here, and kept nowhere."""
    value, done = await call.services.users.issue_token(call.caller, body.user_id or call.caller.actor.id, body.name, body.days, repeatable(call))
    await call.catch_up(done)
    row = await call.read.one(TOKENS, done.id)
    return encoded({**public(row), "token": value}, 201, {"X-Log-Position": str(done.position), "Cache-Control": "no-store"})


def repeatable(call: Call) -> str:
    """The value for a request under an Idempotency-Key: it follows from the caller's own token and the key, so that a repetition
    answers the same although it is kept nowhere. `""` (a random one) without a key."""
    key = call.request.headers.get("idempotency-key", "")
    if not key:
        return ""
    own = call.authorization.partition(" ")[2].strip()
    made = hmac.digest(hashlib.sha256(b"token\0" + own.encode()).digest(), key.encode(), "sha256")
    return "tgd_" + base64.urlsafe_b64encode(made).decode().rstrip("=")


@router.get("/tokens")
async def list_tokens(call: OneCall, pages: Pages, user_id: Asked = None) -> Response:
    return pages.answer(await call.read.page(TOKENS, **pages.arguments, user_id=user_id))


@router.delete("/tokens/{id}")
async def revoke_token(call: OneCall, id: str) -> Response:
    return await call.said(await call.services.users.revoke_token(call.caller, id), {"message": "Token revoked successfully"})
