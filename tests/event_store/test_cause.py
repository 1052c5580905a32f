"""What comes of a stream follows from the command that stored its newest event."""

from uuid import UUID

from domain.recorded import Cause
from tests.event_store.facts import ORIGIN, append, fact


async def test_the_newest_events_command_is_the_cause(log):
    await append(log, fact("x"), fact("y"), command=UUID(int=11))
    await append(log, fact("z"), fact("x", 2), command=UUID(int=12))
    await append(log, command=UUID(int=13))  # a command that stored nothing is nobody's cause
    await append(log, fact("w"), command=UUID(int=14))
    found = [await log.cause(stream) for stream in "xyzw"]
    assert found == [Cause(UUID(int=number), ORIGIN.correlation) for number in (12, 11, 12, 14)]


async def test_a_stream_without_events_has_none(log):
    assert await log.cause("nobody") is None
