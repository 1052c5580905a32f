"""Questions about webhook deliveries."""

from psycopg_pool import AsyncConnectionPool

from projections.engine.listing import Page, Row, View

DELIVERIES = View(
    name="deliveries", table="deliveries",
    columns="""t.id, t.provider, t.event, t.delivery_id, case when t.ignored = '' then 'processed' else 'ignored' end as status, t.received_at,
               nullif(t.version_id, '') as version_id, t.version_created, t.auto_tag, coalesce(d.ids, '{}') as deployment_ids, t.ignored as error,
               t.repository, t.received_at as created_at, t.received_at as updated_at, t.stream_version, t.position""",
    joins="""left join lateral (select array_agg(id order by created_position) as ids from deployments
                                 where correlation_id = t.correlation_id) d on true""",
)


async def list_deliveries(pool: AsyncConnectionPool, provider: str | None = None, *, page: int = 1, page_size: int = 20,
                          after: str | None = None) -> Page:
    return await DELIVERIES.page(pool, [("t.provider = %s", provider)], page, page_size, after)


async def get_delivery(pool: AsyncConnectionPool, id: str) -> Row | None:
    """With the deployments that followed from it."""
    return await DELIVERIES.one(pool, id)
