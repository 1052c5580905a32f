"""What a list costs when there are a hundred times as many rows: our own queries at 10,000 and at 1,000,000 deployments (and rows of the audit),
alternating, on one server. Prints a JSON line a figure: milliseconds of the middle one of many calls, and how many times the small one's the
large one's is (goal: at most 1.3). Totals are compared with `count(*)`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from api.wiring.database import as_server
from projections.audit_logs.queries import AUDIT_LOGS, list_audit_logs
from projections.deployments.queries import DEPLOYMENTS, list_deployments
from projections.engine.listing import View, cursor_of
from tests.bench.listed import fill
from tests.bench.measure import databases, median, percentile, show

SMALL, LARGE, CALLS, GOAL = 10_000, 1_000_000, 60, 1.3
Ask = Callable[..., Awaitable[Any]]
PAGES: dict[str, tuple[Ask, View, dict[str, object]]] = {
    "deployments": (list_deployments, DEPLOYMENTS, {}),
    "deployments, status=success": (list_deployments, DEPLOYMENTS, {"status": "success"}),
    "deployments, status=running": (list_deployments, DEPLOYMENTS, {"status": "running"}),
    "deployments, status=failed": (list_deployments, DEPLOYMENTS, {"status": "failed"}),
    "deployments, phase cancelled": (list_deployments, DEPLOYMENTS, {"status": "cancelled"}),
    "deployments, environment_id": (list_deployments, DEPLOYMENTS, {"environment_id": "env_3"}),
    "deployments, version_id": (list_deployments, DEPLOYMENTS, {"version_id": "ver_100"}),
    "deployments, environment_id and status": (list_deployments, DEPLOYMENTS, {"environment_id": "env_3", "status": "failed"}),
    "deployments, environment_id and version_id": (list_deployments, DEPLOYMENTS, {"environment_id": "env_1", "version_id": "ver_100"}),
    "audit logs": (list_audit_logs, AUDIT_LOGS, {}),
    "audit logs, user_id": (list_audit_logs, AUDIT_LOGS, {"user_id": "usr_7"}),
    "audit logs, action": (list_audit_logs, AUDIT_LOGS, {"action": "task.failed"}),
    "audit logs, resource": (list_audit_logs, AUDIT_LOGS, {"resource": "environment"}),
    "audit logs, resource_id": (list_audit_logs, AUDIT_LOGS, {"resource_id": "task_40"}),
}


async def main() -> None:
    with databases("small", "large", migrated=("small", "large")) as found:
        for name, rows in (("small", SMALL), ("large", LARGE)):
            fill(found[name], rows, tasks=1, audit=rows)
            with psycopg.connect(found[name]) as conn:
                must_be_exact(conn)
        async with pool(found["small"]) as small, pool(found["large"]) as large:
            for what, (ask, view, asked) in PAGES.items():
                await compare(f"{what}: page 1", partial(ask, **asked), small, large)
                await compare(f"{what}: total alone", partial(total, view, asked), small, large)
            after = {id(small): cursor_of("deployments", [10 * (SMALL - 19_980 // 2)]), id(large): cursor_of("deployments", [10 * (LARGE - 19_980)])}
            await compare("deployments: page 1,000 by cursor", lambda at: list_deployments(at, after=after[id(at)]), small, large)


def pool(conninfo: str) -> AsyncConnectionPool:
    return AsyncConnectionPool(as_server(conninfo), min_size=1, max_size=1, open=False)


def conditions(asked: dict[str, object]) -> list[str]:
    return [f"t.{'phase' if value == 'cancelled' else name} = %s" for name, value in asked.items()]


async def total(view: View, asked: dict[str, object], at: AsyncConnectionPool) -> None:
    async with at.connection() as conn:
        await conn.set_autocommit(True)
        await (await conn.execute(view.total(conditions(asked)).encode(), list(asked.values()))).fetchall()
        await conn.set_autocommit(False)


def must_be_exact(conn: psycopg.Connection) -> None:
    for _, view, asked in PAGES.values():
        values = list(asked.values())
        known = conn.execute(view.total(conditions(asked)).encode(), values).fetchone()
        where = " and ".join(["true", *conditions(asked)])
        if known != conn.execute(f"select count(*) from {view.table} t where {where}".encode(), values).fetchone():
            raise SystemExit(f"the total of {view.name}, {asked}, is wrong: {known}")


async def compare(what: str, ask: Callable[[AsyncConnectionPool], Awaitable[Any]], small: AsyncConnectionPool, large: AsyncConnectionPool) -> None:
    times: dict[int, list[float]] = {id(small): [], id(large): []}
    for call in range(CALLS + 15):  # the first: plans, and pages of the disk
        for at in (small, large):
            began = time.perf_counter()
            await ask(at)
            if call >= 15:
                times[id(at)].append(1000 * (time.perf_counter() - began))
    few, many = times[id(small)], times[id(large)]
    show(f"list cost, {what}, ms at {LARGE:,} rows", ours=round(median(many), 3), peer=f"the same at {SMALL:,}", peer_value=round(median(few), 3),
         ratio=round(median(few) / median(many), 2), times=round(median(many) / median(few), 2), goal=GOAL, p99_ms=round(percentile(many, 0.99), 2))


if __name__ == "__main__":
    asyncio.run(main())
