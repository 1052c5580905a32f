"""Who is calling: a token becomes an actor. What the actor may do is decided where the command is handled or the read model is asked."""

from starlette.requests import HTTPConnection

from api.errors import Problem, unauthorized
from api.header import header
from api.services import Services
from application.caller import Caller, person
from application.users import digest_of
from domain.access import Actor

LONGEST_TOKEN, LONGEST_KEY = 512, 200


async def actor_of(services: Services, authorization: str) -> Actor:
    """The one who presents `Bearer <token>`. Raises 401."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
        raise unauthorized()
    actor = await services.actors.of(digest_of(token), services.positions.people, lambda: services.users.authenticate(token))
    if actor is None:
        raise unauthorized("the token is unknown, expired or revoked")
    return actor


def caller_of(connection: HTTPConnection, actor: Actor) -> Caller:
    return person(actor, source_ip=source_ip(connection), request_id=connection.state.request_id, idempotency_key=idempotency_key(connection))


def source_ip(connection: HTTPConnection) -> str:
    """The peer's address. `X-Forwarded-For` is not believed: anybody can write it."""
    return connection.client.host if connection.client else ""


def idempotency_key(connection: HTTPConnection) -> str:
    if connection.scope.get("method") != "POST":
        return ""
    key = header(connection.scope, b"idempotency-key")
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise Problem(400, f"an Idempotency-Key has at most {LONGEST_KEY} printable characters", field="Idempotency-Key")
    return key
