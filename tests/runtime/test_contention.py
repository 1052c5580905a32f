"""Many who change the same thing at the same moment: each comes through, one after the other."""

import asyncio
from uuid import uuid4

from adapters.event_store.log import PostgresLog
from application.caller import process
from application.house import House
from application.work import Work


async def test_forty_commands_that_meet_in_one_stream_all_come_through(database):
    async with PostgresLog(database) as log:
        house = House(log)

        async def toggle(number: int):
            caller = process("test", f"{number}-{uuid4()}")

            async def act(work: Work) -> str:
                name = await work.name("user", "ann")
                at, by = house.clock(), caller.actor.id
                work.record(*(name.free(at=at, by=by) if name.owner else [name.claim("user", "ann", "usr_1", at=at, by=by)]))
                return name.id

            return await house.run(caller, "deployment:drive", act)

        done = await asyncio.gather(*map(toggle, range(40)))
    assert sorted(one.position for one in done) == list(range(1, 41))
