"""Questions about versions. A deleted version is in no list and cannot be read, but its tag stays used."""

from psycopg_pool import AsyncConnectionPool

from domain.version.values import repository_key
from projections.engine.listing import Page, Row, View, fetch
from projections.users.people import join_person, printed

VERSIONS = View(
    name="versions", table="versions", shown="t.deleted_at is null",
    columns=f"""t.id, t.git_tag, t.git_commit, t.repository, {printed("t.created_by")} as created_by, t.created_at, t.updated_at, t.description,
                t.verified, t.tag_created, t.pull_request, t.source, t.stream_version, t.position""",
    joins=join_person("t.created_by"),
)


async def list_versions(pool: AsyncConnectionPool, repository: str | None = None, *, page: int = 1, page_size: int = 20,
                        after: str | None = None) -> Page:
    """`repository`: any spelling of its address."""
    key = repository_key(repository) if repository is not None else None
    return await VERSIONS.page(pool, [("t.repository_key = %s", key)], page, page_size, after)


async def get_version(pool: AsyncConnectionPool, id: str) -> Row | None:
    return await VERSIONS.one(pool, id)


async def tags_of(pool: AsyncConnectionPool, repository: str) -> list[str]:
    """Every tag a version of the repository ever had, also where the version was deleted: a tag is never given twice."""
    found = await fetch(pool, "select distinct git_tag from versions where repository_key = %s order by 1", [repository_key(repository)])
    return [row["git_tag"] for row in found]
