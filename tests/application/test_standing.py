"""What queue and timers are to hold, of many wishes at once: the same as one after the other."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from application.ports.queue import Entry
from application.processes.standing import Folded
from application.processes.wishes import CancelTimer, HoldTask, OfferTask, SetTimer, WithdrawTask
from domain.recorded import Cause
from tests.application.fakes import MemoryQueue, MemoryTimers
from tests.support.given import NOON

CAUSE = Cause(UUID(int=1), UUID(int=2))
tasks, attempts, kinds = st.sampled_from(["task_1", "task_2"]), st.integers(1, 2), st.sampled_from(["deadline", "reminder"])
wishes = st.lists(st.one_of(
    st.builds(OfferTask, tasks, attempts), st.builds(WithdrawTask, tasks, attempts), st.builds(CancelTimer, tasks, kinds),
    st.builds(SetTimer, tasks, kinds, st.integers(0, 5).map(lambda minutes: NOON + timedelta(minutes=minutes)))), max_size=12)


async def together(queue: MemoryQueue, timers: MemoryTimers, *some) -> None:
    await Folded((wish, CAUSE) for wish in some).fulfil(queue, timers)


@given(wishes, wishes)
async def test_all_at_once_leaves_what_one_after_the_other_leaves(before, after):
    queue, timers, slow_queue, slow_timers = MemoryQueue(), MemoryTimers(), MemoryQueue(), MemoryTimers()
    for some in (before, after):
        await together(queue, timers, *some)
        for wish in some:
            await together(slow_queue, slow_timers, wish)
    assert (queue.entries, timers.live) == (slow_queue.entries, slow_timers.live)


async def test_a_task_that_was_begun_in_the_append_that_released_it_is_its_holders():
    queue = MemoryQueue()
    await together(queue, MemoryTimers(), OfferTask("task_1", 2), HoldTask("task_1", 2, 5, "w1"))
    assert queue.entries == {("task_1", 2): "task_1-2-5"}


def test_what_is_offered_tells_its_cause_and_its_holder():
    assert list(Folded([(OfferTask("task_1", 2), CAUSE), (HoldTask("task_1", 2, 5, "w1"), CAUSE)]).offered.values()) == [
        Entry("task_1", 2, CAUSE, "task_1-2-5", "w1")]


async def test_of_a_task_that_was_offered_before_the_queue_knows_better_who_holds_it():
    queue = MemoryQueue()
    await together(queue, MemoryTimers(), OfferTask("task_1", 1))
    claim = await queue.claim("w2", 30, 0)
    await together(queue, MemoryTimers(), HoldTask("task_1", 1, 1, "w2"))
    assert queue.entries == {("task_1", 1): claim.lease}


async def test_a_task_that_has_come_and_gone_was_never_on_offer():
    queue = MemoryQueue()
    await together(queue, MemoryTimers(), OfferTask("task_1", 1), HoldTask("task_1", 1, 1, "w1"), WithdrawTask("task_1", 1))
    assert queue.entries == {}
