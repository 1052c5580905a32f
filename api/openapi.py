"""The description of the API at `/openapi.json`: what the framework finds, with our errors in place of its own."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

ERROR = {
    "type": "object", "required": ["error"], "properties": {"error": {
        "type": "object", "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"}}}}}
REFUSAL = {"description": "Refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
BEHIND_A_TOKEN = {"400": "what was sent can never be right", "401": "no valid token", "403": "not for you", "404": "there is no such thing",
                  "409": "the present state does not allow it", "503": "try again later"}


def described(app: FastAPI) -> dict[str, Any]:
    """Made once. Every operation below /api answers errors in one shape; none answers 422."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        schemas["Error"] = ERROR
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for path, operations in found["paths"].items():
            for operation in operations.values():
                describe_errors(path, operation["responses"])
        app.openapi_schema = found
    return app.openapi_schema


def describe_errors(path: str, responses: dict[str, Any]) -> None:
    responses.pop("422", None)
    if path.startswith("/api/"):
        responses.update({status: {**REFUSAL, "description": why} for status, why in BEHIND_A_TOKEN.items()})
