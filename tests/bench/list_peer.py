"""The peer of `bench_list`: the list as FastAPI's and psycopg's documentation would have it written. A `def` route, a pool of connections, rows as
dicts, a response model. It has no authentication, no request ids and no metrics to pay for."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from pydantic import BaseModel

from projections.deployments.queries import DEPLOYMENTS


class Deployment(BaseModel):
    id: str
    version_id: str | None
    version: str
    git_commit: str
    repository: str
    application_ids: list[str]
    applications: list[str]
    environment_id: str
    environment_ids: list[str]
    environments: list[str]
    status: str
    phase: str
    waiting_for: dict[str, Any] | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str
    release_id: str | None
    plan: dict[str, Any] | None
    progress: int
    must_in_order: list[str]
    manual_approval: bool
    auto_start: bool
    auto_rollback: bool
    timeout: float
    deadline: datetime | None
    release_number: int | None
    require_confirm: bool
    grayscale_enabled: bool
    grayscale_ratio: float | None
    duration: float | None
    cancel_reason: str | None
    rollback_of: str | None
    rollback_id: str | None
    change_id: str | None
    decision: str | None
    decision_reason: str | None
    confirmed_by: str | None
    confirmed_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    artifacts: list[dict[str, Any]]
    position: int


class Deployments(BaseModel):
    deployments: list[Deployment]
    total: int
    page: int
    page_size: int


def create_app(conninfo: str) -> FastAPI:
    pool = ConnectionPool(conninfo, min_size=16, max_size=16, open=False, kwargs={"row_factory": dict_row})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/api/v1/deployments", response_model=Deployments)
    def list_deployments(request: Request, status: str | None = None, environment_id: str | None = None, page: int = 1,
                         page_size: int = 20) -> dict[str, Any]:
        asked = {"status": status, "environment_id": environment_id}
        conditions = [f"t.{name} = %({name})s" for name, value in asked.items() if value is not None]
        where = " and ".join(conditions or ["true"])
        with pool.connection() as conn:
            total = conn.execute(f"select count(*) from deployments t where {where}", asked).fetchone()["count"]  # type: ignore[call-overload]
            rows = conn.execute(QUERY.format(where=where), {**asked, "limit": page_size, "offset": (page - 1) * page_size}).fetchall()
        return {"deployments": [with_artifacts(row) for row in rows], "total": total, "page": page, "page_size": page_size}

    return app


QUERY = f"""
select {DEPLOYMENTS.columns}
  from (select * from deployments t where {{where}} order by t.created_position desc limit %(limit)s offset %(offset)s) t {DEPLOYMENTS.joins}
 order by t.created_position desc"""


def with_artifacts(row: Any) -> dict[str, Any]:
    known = {**row["packages"], **(row["built"] or {})}
    artifacts = [{"application_id": app, "version_id": version, "digest": None, "name": None, "size": None, **known.get(app, {})}
                 for app, version in row["versions"].items()]
    return {**row, "artifacts": artifacts}


if __name__ == "__main__":
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as uvicorn makes its own: without Nagle
    sock.bind(("127.0.0.1", 0))
    sock.listen(2048)
    print(f"ready {sock.getsockname()[1]}", flush=True)
    server = uvicorn.Server(uvicorn.Config(create_app(sys.argv[1]), access_log=False, log_level="warning"))
    server.run(sockets=[sock])
