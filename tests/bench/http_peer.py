"""The peer of bench_http_post: a FastAPI route in a thread, as the library's users write it: check the token, validate, `save()`, answer.

`python -m tests.bench.http_peer TOKEN`, with the library's settings in the environment; prints its port.
"""

import secrets
import socket
import sys
from typing import Annotated, Any, Literal

import uvicorn
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class NewChange(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: Name
    type: Literal["deployment", "rollback", "config", "emergency"]
    payload: dict[str, Any]
    description: Annotated[str, StringConstraints(max_length=10_000)] = ""


class Change(Aggregate):
    @event("Created")
    def __init__(self, by: str, title: str, type: str, payload: dict[str, Any], description: str) -> None:
        self.by, self.title, self.type, self.payload, self.description = by, title, type, payload, description


class Shown(BaseModel):
    id: str
    title: str
    type: str
    payload: dict[str, Any]
    description: str
    version: int


def create_app(token: str) -> FastAPI:
    app, changes = FastAPI(), Application[Any]()

    def user(authorization: Annotated[str, Header()]) -> str:
        if not secrets.compare_digest(authorization, f"Bearer {token}"):
            raise HTTPException(401)
        return "usr_admin"

    @app.post("/changes", status_code=201)
    def create_change(body: NewChange, by: Annotated[str, Depends(user)]) -> Shown:
        change = Change(by, body.title, body.type, body.payload, body.description)
        changes.save(change)
        return Shown(id=str(change.id), version=change.version, **body.model_dump())

    return app


def main() -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(2048)
    print(f"ready http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(create_app(sys.argv[1]), log_level="warning", access_log=False)).run(sockets=[sock])


if __name__ == "__main__":
    main()
