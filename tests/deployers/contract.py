"""What every deployer promises. A test module makes a class of it and gives it a fixture `rig`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from application.ports.executor import Outcome, Receipt, Terminal, Transient
from tests.deployers.rig import Log, Rig
from tests.support.waiting import until


@contextlib.asynccontextmanager
async def under_way(rig: Rig, receipt: Receipt) -> AsyncIterator["asyncio.Task[Outcome]"]:
    """A deployment that is held at its restart."""
    rig.hold()
    task = asyncio.create_task(rig.deployer.apply(receipt, Log()))
    try:
        await until(lambda: rig.current() == receipt.job.release or task.done())
        yield task
    finally:
        rig.release()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class DeployerContract:
    async def test_a_deployment_makes_its_release_current_and_leaves_one_start_and_one_end(self, rig: Rig):
        outcome = await rig.deployer.apply(rig.receipt("task_1-1", "v1.0.0-1"), Log())
        assert (outcome.state, outcome.error) == ("succeeded", "")
        assert outcome.result["release"] == "v1.0.0-1"
        assert rig.current() == "v1.0.0-1"
        assert (rig.count("start", "task_1-1"), rig.count("end", "task_1-1")) == (1, 1)

    async def test_the_same_key_again_does_nothing_again_and_answers_the_same(self, rig: Rig):
        first = await rig.deployer.apply(rig.receipt("task_1-1"), Log())
        await rig.deployer.apply(rig.receipt("task_2-1", "v2.0.0-2"), Log())
        again = await rig.deployer.apply(rig.receipt("task_1-1"), Log())
        assert again.state == first.state == "succeeded"
        assert rig.current() == "v2.0.0-2"
        assert (rig.count("start", "task_1-1"), rig.count("end", "task_1-1")) == (1, 1)

    async def test_two_callers_with_one_key_start_one_deployment(self, rig: Rig):
        outcomes = await asyncio.gather(*(rig.deployer.apply(rig.receipt("task_1-1"), Log()) for _ in range(4)))
        assert {outcome.state for outcome in outcomes} == {"succeeded"}
        assert (rig.count("start", "task_1-1"), rig.count("end", "task_1-1")) == (1, 1)

    async def test_deployments_under_different_keys_take_turns(self, rig: Rig):
        async with under_way(rig, rig.receipt("task_1-1", "v1-1")) as first:
            second = asyncio.create_task(rig.deployer.apply(rig.receipt("task_2-1", "v2-2"), Log()))
            await until(lambda: rig.count("start", "task_2-1"))
            assert rig.current() == "v1-1"
            rig.release()
            assert (await first).state == (await second).state == "succeeded"
        assert rig.current() == "v2-2"
        ends = [line.split()[1] for line in rig.receipts() if line.startswith("end")]
        assert ends == ["task_1-1", "task_2-1"]

    async def test_a_restart_that_fails_fails_the_deployment_and_says_so(self, rig: Rig):
        rig.fail_next()
        outcome = await rig.deployer.apply(rig.receipt("task_1-1"), Log())
        assert outcome.state == "failed"
        assert outcome.error
        assert rig.count("end", "task_1-1") == 1
        assert (await rig.deployer.observe(rig.receipt("task_1-1"), Log())).state == "failed"

    async def test_a_retry_is_a_new_key_and_may_succeed(self, rig: Rig):
        rig.fail_next()
        assert (await rig.deployer.apply(rig.receipt("task_1-1"), Log())).state == "failed"
        assert (await rig.deployer.apply(rig.receipt("task_1-2"), Log())).state == "succeeded"

    async def test_a_rollback_installs_an_older_package_under_a_new_name(self, rig: Rig):
        old: dict[str, str | bytes] = {"release.txt": "old"}
        for key, release, files in (("a-1", "v1-1", old), ("b-1", "v2-2", {"release.txt": "new"}), ("c-1", "v1-3", old)):
            assert (await rig.deployer.apply(rig.receipt(key, release, files=files), Log())).state == "succeeded"
        assert rig.current() == "v1-3"

    async def test_observing_tells_absent_running_and_succeeded(self, rig: Rig):
        receipt = rig.receipt("task_1-1")
        assert (await rig.deployer.observe(receipt, Log())).state == "absent"
        async with under_way(rig, receipt) as task:
            assert (await rig.deployer.observe(receipt, Log())).state == "running"
            rig.release()
            assert (await task).state == "succeeded"
        assert (await rig.deployer.observe(receipt, Log())).state == "succeeded"

    async def test_a_cancelled_call_leaves_the_work_and_another_follows_it_to_its_end(self, rig: Rig):
        receipt = rig.receipt("task_1-1")
        async with under_way(rig, receipt) as task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await rig.deployer.observe(receipt, Log())).state == "running"
            again = asyncio.create_task(rig.deployer.apply(receipt, Log()))
            rig.release()
            assert (await again).state == "succeeded"
        assert (rig.count("start", "task_1-1"), rig.count("end", "task_1-1")) == (1, 1)

    async def test_a_target_out_of_sight_is_transient_and_its_outcome_is_seen_later(self, rig: Rig):
        receipt = rig.receipt("task_1-1")
        async with under_way(rig, receipt) as task:
            await rig.lose()
            with pytest.raises(Transient):
                await task
            with pytest.raises(Transient):
                await rig.deployer.observe(receipt, Log())
            rig.release()
            await until(lambda: rig.count("end", "task_1-1"))
            await rig.regain()
        assert (await rig.deployer.observe(receipt, Log())).state == "succeeded"

    async def test_a_lost_target_cannot_be_deployed_to_and_nothing_has_begun(self, rig: Rig):
        await rig.lose()
        with pytest.raises(Transient):
            await rig.deployer.apply(rig.receipt("task_1-1"), Log())
        await rig.regain()
        assert (await rig.deployer.observe(rig.receipt("task_1-1"), Log())).state == "absent"

    async def test_killed_work_is_interrupted_for_good(self, rig: Rig):
        receipt = rig.receipt("task_1-1")
        async with under_way(rig, receipt) as task:
            await rig.kill("task_1-1")
            assert (await task).state == "interrupted"
        seen = await rig.deployer.observe(receipt, Log())
        assert seen.state == "interrupted"
        assert "the release is current" in seen.error
        assert (await rig.deployer.apply(receipt, Log())).state == "interrupted"
        assert (rig.count("start", "task_1-1"), rig.count("end", "task_1-1")) == (1, 0)
        assert (await rig.deployer.apply(rig.receipt("task_1-2", "v1-2"), Log())).state == "succeeded"

    async def test_what_has_not_switched_yet_can_be_stopped(self, rig: Rig):
        async with under_way(rig, rig.receipt("task_1-1", "v1-1")) as first:
            second = asyncio.create_task(rig.deployer.apply(rig.receipt("task_2-1", "v2-2"), Log()))
            await until(lambda: rig.count("start", "task_2-1"))
            aborted = await rig.deployer.abort(rig.receipt("task_2-1", "v2-2"), Log())
            assert (aborted.stopped, "stopped before the switch" in aborted.message) == (True, True)
            outcome = await second
            assert (outcome.state, "aborted" in outcome.error) == ("failed", True)
            rig.release()
            assert (await first).state == "succeeded"
        assert rig.current() == "v1-1"
        assert (await rig.deployer.abort(rig.receipt("task_2-1", "v2-2"), Log())).stopped
        assert rig.count("end", "task_2-1") == 1

    async def test_what_has_switched_is_not_stopped_and_the_answer_says_so(self, rig: Rig):
        receipt = rig.receipt("task_1-1")
        async with under_way(rig, receipt) as task:
            aborted = await rig.deployer.abort(receipt, Log())
            assert (aborted.stopped, "switched" in aborted.message) == (False, True)
            rig.release()
            assert (await task).state == "succeeded"
        assert "ended already" in (await rig.deployer.abort(receipt, Log())).message

    async def test_what_was_never_begun_cannot_begin_after_an_abort(self, rig: Rig):
        receipt = rig.receipt("task_1-1")
        assert (await rig.deployer.abort(receipt, Log())).stopped
        outcome = await rig.deployer.apply(receipt, Log())
        assert (outcome.state, "aborted" in outcome.error) == ("failed", True)
        assert rig.current() == ""
        assert rig.count("end", "task_1-1") == 1

    async def test_a_health_check_needs_nothing_but_a_release_where_there_is_no_port(self, rig: Rig):
        await rig.deployer.apply(rig.receipt("task_1-1"), Log())
        assert (await rig.deployer.apply(rig.receipt("task_2-1", type="health_check"), Log())).state == "succeeded"
        assert rig.count("start", "task_2-1") == 0
        assert (await rig.deployer.observe(rig.receipt("task_2-1", type="health_check"), Log())).state == "absent"

    async def test_an_unknown_type_of_task_is_refused(self, rig: Rig):
        with pytest.raises(Terminal, match="cleanup_blue"):
            await rig.deployer.apply(rig.receipt("task_1-1", type="cleanup_blue"), Log())

    async def test_a_target_tells_whether_it_is_well_and_what_runs_there(self, rig: Rig):
        await rig.deployer.apply(rig.receipt("task_1-1"), Log())
        health = await rig.deployer.check(rig.target(), rig.secrets)
        assert health.healthy, health.message
        (service,) = await rig.deployer.services(rig.target(), rig.secrets)
        assert (service.running, "v1.0.0-1" in service.status) == (True, True)

    async def test_a_target_out_of_sight_is_unwell_and_says_so(self, rig: Rig):
        await rig.lose()
        health = await rig.deployer.check(rig.target(), rig.secrets)
        assert (health.healthy, bool(health.message)) == (False, True)
        (service,) = await rig.deployer.services(rig.target(), rig.secrets)
        assert (service.running, "cannot be seen" in service.status) == (False, True)
        await rig.regain()
