"""What each error means at the doors: one table, one shape `{"error": {"code", "message", "details"}}`."""

from collections.abc import Iterable, Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.database import AWAY
from application.house import Contended
from application.ports.executor import Terminal, Transient
from application.ports.log import IdReused, LogUnavailable
from application.ports.secrets import SecretUnreadable
from domain.access import Forbidden
from domain.errors import DomainError, Invalid, NotFound, Refused

TABLE: Mapping[type[Exception], tuple[int, str]] = {
    Invalid: (400, "INVALID_REQUEST"),
    Forbidden: (403, "FORBIDDEN"),
    NotFound: (404, "RESOURCE_NOT_FOUND"),
    Refused: (409, "RESOURCE_CONFLICT"),
    Contended: (409, "RESOURCE_CONFLICT"),
    DomainError: (409, "RESOURCE_CONFLICT"),
    IdReused: (409, "RESOURCE_CONFLICT"),
    SecretUnreadable: (409, "RESOURCE_CONFLICT"),
    Terminal: (409, "RESOURCE_CONFLICT"),
    Transient: (503, "SERVICE_UNAVAILABLE"),
    LogUnavailable: (503, "SERVICE_UNAVAILABLE"),
    **dict.fromkeys(AWAY, (503, "SERVICE_UNAVAILABLE")),
}
CODES = {
    400: "INVALID_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "RESOURCE_NOT_FOUND", 405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT", 409: "RESOURCE_CONFLICT", 413: "PAYLOAD_TOO_LARGE", 429: "RATE_LIMITED", 500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
RETRY = {"Retry-After": "1"}


class Problem(HTTPException):
    """A refusal by the door itself: not signed in, too large, too late."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, **details: object) -> None:
        super().__init__(status, message, headers)
        self.details = details


def unauthorized(message: str = "send a valid token: Authorization: Bearer <token>") -> Problem:
    return Problem(401, message, {"WWW-Authenticate": "Bearer"})


def unavailable(message: str, **details: object) -> Problem:
    return Problem(503, message, RETRY, **details)


def status_and_code(error: Exception) -> tuple[int, str] | None:
    """None for an error that nobody foresaw."""
    return next((TABLE[cls] for cls in type(error).__mro__ if cls in TABLE), None)


def content(code: str, message: str, details: Mapping[str, object]) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "message": message, "details": details}}, enc_hook=str)


def answer(error: Exception) -> Response | None:
    """The answer to a foreseen error; None for one that is ours to mend."""
    if isinstance(error, HTTPException):
        details = error.details if isinstance(error, Problem) else {}
        return reply(error.status_code, CODES.get(error.status_code, "INVALID_REQUEST"), str(error.detail), details, error.headers)
    found = status_and_code(error)
    if found is None:
        return None
    status, code = found
    if isinstance(error, DomainError):
        return reply(status, code, error.message, with_reason(error))
    if isinstance(error, AWAY):
        return reply(status, code, "the database cannot be reached just now: try again", {}, RETRY)
    return reply(status, code, MESSAGES.get(type(error), str(error)), {}, RETRY if status == 503 else None)


def with_reason(error: DomainError) -> Mapping[str, object]:
    return {**error.details, "reason": error.message} if "field" in error.details else error.details


MESSAGES: Mapping[type[Exception], str] = {IdReused: "this Idempotency-Key was used before, for another request"}


def reply(status: int, code: str, message: str, details: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    return Response(content(code, message, details), status, dict(headers or {}), "application/json")


def invalid(errors: Iterable[Mapping[str, object]]) -> Response:
    """400 for what the schema forbids; `details` has the first field and why, and all of them. Values are not repeated: they may be secret."""
    found = [{"field": field_of(error["loc"]), "reason": why(error)} for error in errors]
    field, reason = found[0]["field"], found[0]["reason"]
    return reply(400, "INVALID_REQUEST", f"{field}: {reason}", {**found[0], "errors": found})


def field_of(loc: object) -> str:
    """`("body", "tasks", 0, "name")` → `tasks.0.name`."""
    parts = [str(part) for part in loc] if isinstance(loc, tuple | list) else [str(loc)]
    return ".".join(parts[1:]) if len(parts) > 1 and parts[0] in ("body", "query", "path", "header") else ".".join(parts)


def why(error: Mapping[str, object]) -> str:
    said = {"extra_forbidden": "there is no such field", "missing": "is required", "model_attributes_type": "must be a JSON object"}
    return said.get(str(error["type"])) or str(error["msg"]).removeprefix("Value error, ")
