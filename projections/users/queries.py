"""Questions about users and tokens."""

from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from projections.engine.listing import Page, Row, View
from projections.users.people import NAMES, join_person, printed

USERS = View(
    name="users", table="users",
    columns="""t.id, t.username, t.email, t.roles, t.roles[1] as role_id, t.roles as role_ids, array[]::text[] as group_ids, t.is_active,
               t.created_at, t.updated_at, t.stream_version, t.position""",
)
TOKENS = View(
    name="tokens", table="tokens",
    columns=f"""t.id, t.user_id, t.name, t.expires_at, t.revoked_at, t.revoked_reason, {printed("t.created_by")} as created_by, t.created_at,
                t.updated_at, t.stream_version, t.position""",
    joins=join_person("t.created_by"),
)
TOKENS_WITH_USER = View(
    name="tokens", table="tokens",
    columns="t.id, t.user_id, t.name, t.expires_at, t.revoked_at, p.username, p.email, p.roles, p.is_active",
    joins="join users p on p.id = t.user_id",
)


async def list_users(pool: AsyncConnectionPool, username: str | None = None, *, page: int = 1, page_size: int = 20, after: str | None = None) -> Page:
    return await USERS.page(pool, [("t.username = %s", username)], page, page_size, after)


async def get_user(pool: AsyncConnectionPool, id: str) -> Row | None:
    return await USERS.one(pool, id)


async def list_tokens(pool: AsyncConnectionPool, user_id: str | None = None, *, page: int = 1, page_size: int = 20, after: str | None = None) -> Page:
    return await TOKENS.page(pool, [("t.user_id = %s", user_id)], page, page_size, after)


async def get_token(pool: AsyncConnectionPool, id: str) -> Row | None:
    return await TOKENS.one(pool, id)


async def token_with_user(pool: AsyncConnectionPool, id: str) -> Row | None:
    """A token beside its user's `username`, `email`, `roles` and `is_active`; expired and revoked ones too."""
    return await TOKENS_WITH_USER.one(pool, id)


async def printed_names(pool: AsyncConnectionPool) -> dict[str, str]:
    """Everybody, as they are printed, by id."""
    async with pool.connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        return dict(await (await cursor.execute(NAMES.encode())).fetchall())


async def tokens_in_use(pool: AsyncConnectionPool, user_id: str) -> list[str]:
    """Ids of those that are not revoked; expired ones too."""
    async with pool.connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute("select id from tokens where user_id = %s and revoked_at is null order by id", [user_id])
        return [id for (id,) in await cursor.fetchall()]
