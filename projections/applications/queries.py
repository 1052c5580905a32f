"""Questions about applications. A deleted one is in no list and cannot be read."""

from psycopg_pool import AsyncConnectionPool

from domain.version.values import repository_key
from projections.engine.listing import Page, Row, View

APPLICATIONS = View(
    name="applications", table="applications", shown="t.deleted_at is null",
    columns="t.id, t.name, t.repository, t.type, t.config, t.created_at, t.updated_at, t.stream_version, t.position",
)


async def list_applications(pool: AsyncConnectionPool, repository: str | None = None, type: str | None = None, *, page: int = 1,
                            page_size: int = 20, after: str | None = None) -> Page:
    """`repository`: any spelling of its address."""
    key = repository_key(repository) if repository is not None else None
    return await APPLICATIONS.page(pool, [("t.repository_key = %s", key), ("t.type = %s", type)], page, page_size, after)


async def get_application(pool: AsyncConnectionPool, id: str) -> Row | None:
    return await APPLICATIONS.one(pool, id)


async def live_applications(pool: AsyncConnectionPool) -> list[Row]:
    """All applications in use, for whoever looks for those that want a new version (`config.auto_deploy`)."""
    return await APPLICATIONS.some(pool, [])
