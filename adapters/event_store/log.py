"""The Log port on PostgreSQL: one writer thread that commits for everybody, and a pool of connections that read."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from adapters.event_store import person_keys
from adapters.event_store.command import Command
from adapters.event_store.connections import bounded, connect
from adapters.event_store.mapper import to_fact
from adapters.event_store.patience import Patience
from adapters.event_store.person_keys import ServerKey
from adapters.event_store.sealing import Keys, opened, whose
from adapters.event_store.writer import PAUSES, Writer
from application.ports.log import NOTHING, Appended, Cause, LogUnavailable, Origin
from application.together import Together
from domain.event import Event
from domain.personal import persons
from domain.registry import decode

STREAM = "select topic, state from log.stored_events where originator_id = %s and originator_version > %s order by originator_version"
STREAMS = """
select a.n, e.topic, e.state
  from unnest(%s::text[], %s::bigint[]) with ordinality a(stream, after, n)
  cross join lateral (
    select topic, state, originator_version from log.stored_events
     where originator_id = a.stream and originator_version > a.after
     order by originator_version offset 0) e
 order by a.n, e.originator_version"""
CAUSE = """
select c.command_id, c.correlation_id
  from (select notification_id as position from log.stored_events where originator_id = %s order by originator_version desc limit 1) e
  cross join lateral (
    select command_id, correlation_id from log.stored_events_commands
     where events > 0 and first_position <= e.position
     order by first_position desc limit 1) c"""
COMMAND = """
select e.topic, e.state
  from log.stored_events_commands c
  left join log.stored_events e on e.notification_id between c.first_position and c.first_position + c.events - 1
 where c.command_id = %s
 order by e.notification_id"""


Place = tuple[str, int]
"""A stream, and the version behind which to read."""
Rows = list[tuple[Any, ...]]


async def by_index(conn: psycopg.AsyncConnection) -> None:
    """Plans are kept, and those made while the tables are tiny would scan them for ever."""
    await conn.execute("set enable_seqscan = off; set enable_bitmapscan = off")


class PostgresLog:
    """Use it as `async with PostgresLog(conninfo) as log`, or call `open` and `close`.

    `deadline`: seconds after which a caller hears LogUnavailable. `writer`: one made elsewhere; its owner closes it.
    `key`: the server's, under which people's names are sealed; without one they are stored as they are, and sealed ones are hidden.
    """

    def __init__(
        self, conninfo: str, *, deadline: float = 10.0, readers: int = 4, writer: Writer | None = None, key: ServerKey | None = None,
    ) -> None:
        self._deadline, self._key = deadline, key
        self._own_writer = writer is None
        self.writer = writer or Writer(partial(connect, conninfo, "tiangong log writer"))
        self._pool = AsyncConnectionPool(
            bounded(conninfo, "tiangong log reader"), kwargs={"autocommit": True}, min_size=1, max_size=readers, open=False, name="log-readers",
            configure=by_index,
            reconnect_timeout=1.0,  # then each reader lets it try anew: its own pauses double, as long as the outage lasts
        )
        self._patience = Patience(deadline, self._late)
        self._streams: Together[Place, Rows] = Together(self._read_streams)

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        """Store what has been queued, then end. Takes a while where the database is away, but not for ever."""
        if self._own_writer:
            await asyncio.to_thread(self.writer.close, self._deadline)
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def append(
        self, events: Sequence[Event], command: UUID, origin: Origin, request: bytes = b"", seen: Mapping[str, int] = NOTHING
    ) -> Appended:
        """See the port. Raises also Overloaded (a LogUnavailable) and Unstorable (content that PostgreSQL cannot keep)."""
        keys = await self._keys_to_seal(events) if self._key and any(event.PERSONAL for event in events) else None
        answer: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self.writer.submit(Command([to_fact(event, keys) for event in events], command, origin, request, answer, seen))
        self._patience.watch(answer)
        return await answer

    def _late(self) -> LogUnavailable:
        return LogUnavailable(f"no answer within {self._deadline} s: {self.writer.trouble or 'the log is busy'}")

    async def stream(self, stream: str, after: int = 0) -> list[Event]:
        return await self._events(await self._streams.get((stream, after)))

    async def _read_streams(self, asked: Sequence[Place]) -> dict[Place, Rows]:
        """The rows of each stream behind a version."""
        if len(asked) == 1:
            return {asked[0]: await self._read(STREAM, asked[0])}
        rows: dict[Place, Rows] = {place: [] for place in asked}
        for number, topic, state in await self._read(STREAMS, ([stream for stream, _ in asked], [after for _, after in asked])):
            rows[asked[number - 1]].append((topic, state))
        return rows

    async def command(self, command: UUID) -> list[Event] | None:
        rows = await self._read(COMMAND, (command,))
        return await self._events([row for row in rows if row[0] is not None]) if rows else None

    async def cause(self, stream: str) -> Cause | None:
        rows = await self._read(CAUSE, (stream,))
        return Cause(*rows[0]) if rows else None

    async def _events(self, rows: Sequence[tuple[Any, ...]]) -> list[Event]:
        keys = await self._keys(people) if self._key and (people := whose(rows)) else None
        return [decode(topic, opened(topic, state, keys)) for topic, state in rows]

    async def _keys(self, people: Collection[str]) -> Keys:
        assert self._key is not None  # or nobody asks
        return self._key.keys(await self._read(person_keys.FIND, (list(people),)))

    async def _keys_to_seal(self, events: Sequence[Event]) -> Keys:
        """Every person has a key before the first fact about them is stored. Who is forgotten gets none."""
        people = {person for event in events for person in persons(event).values()}
        if self._key and people and (new := sorted(people - {row[0] for row in await self._read(person_keys.FIND, (list(people),))})):
            await self._read(person_keys.MAKE, (new, [self._key.new(person) for person in new]))
        return await self._keys(people) if people else {}

    async def _read(self, statement: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Doing it again does no harm: try until the deadline."""
        trouble, pauses = "", iter(PAUSES)
        try:
            async with asyncio.timeout(self._deadline):
                while True:
                    try:
                        async with self._pool.connection() as conn:
                            cursor = await conn.execute(statement, parameters, binary=True)
                            return await cursor.fetchall() if cursor.description else []
                    except psycopg.OperationalError as error:
                        trouble = str(error)
                        await asyncio.sleep(next(pauses, PAUSES[-1]))
        except TimeoutError:
            raise LogUnavailable(f"nothing could be read within {self._deadline} s: {trouble or 'the log is busy'}") from None
