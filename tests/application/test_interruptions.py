"""Deployments that do not go as planned: stopped, late, out of sight, fenced off, decided by people."""

import asyncio
from datetime import timedelta

import pytest

from application.deployments.commands import EditedTask
from application.ports.executor import Aborted, Outcome, Terminal, Transient
from domain.errors import Refused
from domain.task.events import TaskCancelled, TaskFailed, TaskOutcomeRejected, TaskOutcomeUnknown, TaskTakenOver
from tests.application.checks import as_edited
from tests.application.fakes import Bench
from tests.application.town import BUILT
from tests.application.world import World


@pytest.fixture
async def place(repeating: World):
    """A world, an application and an environment with v1.0.0 in it."""
    app, env = await repeating.app(**BUILT), await repeating.env()
    await repeating.deploy(await repeating.version(), app, to=env)
    await repeating.run()
    return repeating, app, env


async def started(world, app, env, kind, tag="v2.0.0"):
    """A deployment whose task of this kind has begun and is held."""
    (world.bench if kind in ("build", "test") else world.target).hold(kind)
    id = await world.deploy(await world.version(tag), app, to=env)
    task = await world.task_id(id, kind)
    begun = {"build": "build shop", "test": "test shop", "deploy": "current is"}.get(kind, "")
    await world.run(until=lambda: "task.started" in world.topics(task) and begun in world.logs.text(task))
    return id, task


def let_go(world, kind):
    (world.bench if kind in ("build", "test") else world.target).release(kind)


async def last(world, task):
    return world.facts(task)[-1]


# Cancel


async def test_a_cancel_stops_what_runs_and_frees_the_environment_after_that(place):
    world, app, env = place
    id, task = await started(world, app, env, "build")
    waiting = await world.deploy(await world.version("v3.0.0"), app, to=env)
    await world.deployments.cancel(world.by(), id)
    assert await world.phase(id) == "cancelled"
    assert (await world.lane(env)).holds(id)  # until it has really stopped
    await world.run(until=lambda: "task.cancelled" in world.topics(task))
    world.bench.release("build")
    await world.run()
    assert [receipt.key for receipt in world.bench.aborted] == [f"{task}-1"]
    assert isinstance(end := await last(world, task), TaskCancelled)
    assert (end.stopped, end.message) == (True, "killed")
    assert await world.phase(waiting) == "success"
    order = [event.TOPIC for event in world.facts() if event.stream in (task, "lane_0001")]
    assert order.index("task.cancelled") < len(order) - 1 - order[::-1].index("lane.left")
    await world.must_be_tidy()


async def test_a_cancel_that_comes_too_late_says_so(place):
    world, app, env = place
    id, task = await started(world, app, env, "deploy")
    await world.deployments.cancel(world.by(), id)
    await world.run(until=lambda: "task.cancelled" in world.topics(task))
    end = await last(world, task)
    assert (end.stopped, end.message) == (False, "too late, it has switched to the release; the restart goes on")
    told = [event for event in world.facts(id) if event.TOPIC == "deployment.task_cancelled"]
    assert [(event.stopped, event.began) for event in told] == [(False, True)]
    await world.run()
    assert (await world.lane(env)).inside == ()
    await world.must_be_tidy()


@pytest.mark.parametrize("trouble", [Transient("no route", 0.01), Terminal("wrong host key")])
async def test_a_cancel_that_cannot_reach_the_target_says_so(place, trouble):
    world, app, env = place

    class Unreachable(Bench):
        async def abort(self, receipt, log):
            raise trouble

    world.executors["build", "*"] = world.bench = Unreachable()
    id, task = await started(world, app, env, "build")
    await world.deployments.cancel(world.by(), id)
    await world.run(until=lambda: "task.cancelled" in world.topics(task))
    end = await last(world, task)
    assert (end.stopped, end.message) == (False, f"could not be stopped: {trouble}; it may still run")
    assert await world.phase(id) == "cancelled"


async def test_an_end_that_came_before_the_stop_counts_as_it_was(place):
    world, app, env = place

    class Quick(Bench):
        async def abort(self, receipt, log):
            self.release("build")
            await world.reports.look(receipt.key.rpartition("-")[0])
            await asleep()
            return Aborted(True, "had ended already")

    world.executors["build", "*"] = world.bench = Quick()
    id, task = await started(world, app, env, "build")
    await world.deployments.cancel(world.by(), id)
    await world.run()
    assert (await world.state(task)).state == "success"
    assert (await world.deployment(id)).is_quiet
    assert "test" not in {receipt.job.type for receipt in world.bench.applied}
    await world.must_be_tidy()


async def asleep():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_cancelled_deployment_that_waits_leaves_the_queue(place):
    world, app, env = place
    first, _ = await started(world, app, env, "build")
    second = await world.deploy(await world.version("v3.0.0"), app, to=env)
    third = await world.deploy(await world.version("v4.0.0"), app, to=env)
    await world.deployments.cancel(world.by(), second)
    assert [p.deployment_id for p in (await world.lane(env)).waiting] == [third]
    world.bench.release("build")
    await world.run()
    assert [await world.phase(id) for id in (first, second, third)] == ["success", "cancelled", "success"]
    await world.must_be_tidy()


async def test_a_task_that_nobody_has_begun_is_over_at_once_and_nothing_is_put_back(place):
    world, _app, env = place
    bare = await world.app("bare")  # nothing to build: the deploy task comes first
    id = await world.deploy(await world.version("v2.0.0"), bare, to=env)
    await world.tasks.cancel(world.by(), id, await world.task_id(id, "deploy"), "wrong day")
    d = await world.deployment(id)
    assert (d.phase, d.failing, d.rolls_back) == ("failed", "Deploy bare: it had not begun", False)
    await world.run()
    assert "deployment.rollback_started" not in world.topics()
    assert world.target.receipts[-1].startswith("end")
    await world.must_be_tidy()


async def test_a_cancelled_task_fails_its_deployment_and_can_be_retried(place):
    world, app, env = place
    id, task = await started(world, app, env, "test")
    await world.tasks.cancel(world.by(), id, task, "hangs")
    await world.run()
    assert (await world.deployment(id)).failing == "Test shop: killed"
    world.bench.release("test")
    await world.tasks.retry(world.by(), id, task)
    await world.run()
    assert await world.phase(id) == "success"
    assert (await world.state(task)).attempt == 2
    assert [receipt.key for receipt in world.bench.applied if receipt.job.type == "test"][-1] == f"{task}-2"
    assert len(world.logs.logs[task, 1]) == 1  # the old attempt's log stays
    await world.must_be_tidy()


# Time passes


async def test_a_deployment_that_takes_too_long_asks_and_goes_on(place):
    world, app, env = place
    id, _ = await started(world, app, env, "build")
    await world.later(minutes=31)
    assert (await world.phase(id), world.told()) == ("waiting_confirm", ["deploy timeout"])
    let_go(world, "build")
    await world.run()
    assert await world.phase(id) == "waiting_confirm"  # the build has ended, nothing follows before the answer
    assert await world.task(id, "test") is None
    await world.deployments.confirm(world.by("approver"), id, "continue", "let it")
    await world.run()
    assert await world.phase(id) == "success"
    await world.must_be_tidy()


async def test_a_deployment_that_takes_too_long_is_rolled_back_by_decision(place):
    world, app, env = place
    id, task = await started(world, app, env, "health_check")
    await world.later(minutes=31)
    await world.deployments.confirm(world.by("approver"), id, "rollback", "too slow")
    assert (await world.phase(id), (await world.state(task)).cancelling) == ("running", "rolled back by decision: too slow")
    await world.run(until=lambda: "deployment.rollback_started" in world.topics(id))
    let_go(world, "health_check")
    await world.run()
    assert await world.phase(id) == "rolled_back"
    assert world.target.places[env].current == "v1.0.0-3"
    await world.must_be_tidy()


async def test_a_task_whose_deadline_passes_asks_and_may_have_more_time(place):
    world, app, env = place
    id, task = await started(world, app, env, "build")
    await world.later(minutes=33)  # the task's own 30 minutes and the grace
    assert (await world.state(task)).state == "waiting_confirm"
    assert world.told() == ["deploy timeout", "deploy timeout"]  # the deployment's and the task's
    await world.tasks.confirm(world.by("approver"), id, task, "continue", "let it")
    assert (await world.state(task)).deadline == world.now + timedelta(minutes=30)
    await world.deployments.confirm(world.by("approver"), id, "continue", "let it")
    let_go(world, "build")
    await world.run()
    assert await world.phase(id) == "success"
    await world.must_be_tidy()


async def test_a_task_that_is_given_up_is_stopped_before_anything_is_put_back(place):
    world, app, env = place
    id, task = await started(world, app, env, "deploy")
    await world.later(minutes=33)
    await world.tasks.confirm(world.by("approver"), id, task, "rollback", "enough")
    assert "deployment.rollback_started" not in world.topics(id)
    await world.run(until=lambda: "deployment.rollback_started" in world.topics(id))
    assert isinstance(end := await last(world, task), TaskFailed)
    assert end.error == "given up by decision: enough; too late, it has switched to the release; the restart goes on"
    let_go(world, "deploy")
    await world.run()
    assert await world.phase(id) == "rolled_back"
    await world.must_be_tidy()


async def test_a_task_that_is_given_up_goes_back_although_it_has_nothing_to_do_with_the_target(place):
    world, app, env = place
    d = await world.deployment(await world.deploy(await world.version("v2.0.0"), app, to=env, auto_start=False))
    last_one = EditedTask("note", "custom", "note", depends_on=(await world.task_id(d.id, "health_check"),))
    await world.deployments.edit(world.by(), d.id, (*as_edited(d), last_one))
    world.bench.hold("custom")
    await world.deployments.execute(world.by(), d.id)
    note = await world.task_id(d.id, "custom")
    await world.run(until=lambda: "custom shop" in world.logs.text(note))
    await world.later(minutes=33)
    await world.tasks.confirm(world.by("approver"), d.id, note, "rollback", "enough")
    assert (await world.deployment(d.id)).failing == "note: given up by decision: enough"
    await world.run()
    assert await world.phase(d.id) == "rolled_back"
    await world.must_be_tidy()


async def test_a_rollback_by_decision_of_what_nobody_has_begun_is_over_at_once(place):
    world, app, env = place
    id = await world.deploy(await world.version("v2.0.0"), app, to=env)
    world.now += timedelta(minutes=31)
    await world.driving.pass_deadline(world.by("system"), id, (await world.deployment(id)).deadline)
    await world.deployments.confirm(world.by("approver"), id, "rollback", "no worker")
    assert (await world.phase(id), (await world.lane(env)).inside) == ("failed", ())
    await world.run()
    assert "deployment.rollback_started" not in world.topics(id)
    await world.must_be_tidy()


async def test_what_waits_for_a_day_is_reminded_of_every_day_until_it_is_over(place):
    world, app, env = place
    id = await world.deploy(await world.version("v2.0.0"), app, to=env, auto_start=False)
    await world.run()
    for day in (1, 2):
        await world.later(hours=25)
        assert world.told() == ["still waiting"] * day
    await world.deployments.cancel(world.by(), id)
    await world.run()
    await world.later(hours=25)
    assert world.told() == ["still waiting"] * 2
    await world.must_be_tidy()


# Lost and found


async def test_what_was_out_of_sight_and_is_seen_again_ends_as_it_did(place):
    world, app, env = place
    id, task = await started(world, app, env, "deploy")
    world.target.lose_sight()
    await world.run(until=lambda: "task.outcome_unknown" in world.topics(task))
    assert (await world.state(task)).unknown
    assert await world.phase(id) == "running"
    world.target.regain_sight()
    let_go(world, "deploy")
    await world.run()
    assert await world.phase(id) == "success"
    assert not (await world.state(task)).unknown
    assert world.target.receipts.count(f"start {task}-1") == 1
    assert "out of sight" in world.logs.text(task)
    assert [type(event) for event in world.facts(task)].count(TaskOutcomeUnknown) == 1
    await world.must_be_tidy()


async def test_what_was_begun_and_has_no_end_is_unknown_and_then_failed(place):
    world, app, env = place
    id, task = await started(world, app, env, "deploy")
    world.target.kill(f"{task}-1")
    let_go(world, "deploy")
    await world.run()
    assert [topic for topic in world.topics(task) if topic in ("task.outcome_unknown", "task.failed")] == ["task.outcome_unknown", "task.failed"]
    assert (await last(world, task)).error.startswith("interrupted: ")
    assert await world.phase(id) == "rolled_back"
    await world.must_be_tidy()


async def test_an_unknown_outcome_can_be_decided_by_a_person(place):
    world, app, env = place
    id, task = await started(world, app, env, "deploy")
    world.target.lose_sight()
    await world.run(until=lambda: "task.outcome_unknown" in world.topics(task))
    await world.tasks.confirm(world.by("approver"), id, task, "rollback", "the host burnt down")
    await world.run(until=lambda: "task.failed" in world.topics(task))
    assert "could not be stopped: the target cannot be seen; it may still run" in (await last(world, task)).error
    world.target.regain_sight()
    let_go(world, "deploy")
    await world.run()
    assert await world.phase(id) == "rolled_back"
    await world.must_be_tidy()


async def test_whoever_takes_over_looks_and_does_not_begin_again(place):
    world, app, env = place
    id, task = await started(world, app, env, "deploy")
    world.queue.expire(task)
    await world.run(until=lambda: "task.taken_over" in world.topics(task))
    let_go(world, "deploy")
    await world.run()
    assert await world.phase(id) == "success"
    assert world.target.receipts.count(f"start {task}-1") == 1
    assert any(isinstance(event, TaskTakenOver) for event in world.facts(task))
    await world.must_be_tidy()


@pytest.mark.parametrize("kind", ["build", "deploy", "health_check"])
async def test_a_worker_that_dies_is_replaced_and_nothing_is_done_twice(place, kind):
    world, app, env = place
    id, task = await started(world, app, env, kind)
    await world.crash()
    let_go(world, kind)
    await world.run()
    assert await world.phase(id) == "success"
    assert "task.taken_over" in world.topics(task)
    assert len(world.target.receipts) == len(set(world.target.receipts))
    await world.must_be_tidy()


async def test_the_report_of_a_worker_that_was_fenced_off_is_kept_and_changes_nothing(place):
    world, app, env = place
    id, task = await started(world, app, env, "deploy")
    old = await world.reports.begin(task, 1, "another lease", "worker-x")
    new = await world.reports.begin(task, 1, "a later lease", "worker-y")
    assert (old.taken_over, new.taken_over, new.token - old.token) == (True, True, 1)
    await world.reports.fail(old, "I give up", {})
    assert isinstance(await last(world, task), TaskOutcomeRejected)
    assert await world.phase(id) == "running"
    await world.reports.succeed(new, {})
    assert (await world.state(task)).state == "success"
    await world.run(until=lambda: (task, 1) not in world.queue.entries)  # the first one has seen that it was decided elsewhere
    let_go(world, "deploy")
    await world.run()
    assert await world.phase(id) == "success"
    await world.must_be_tidy()


async def test_a_claim_of_an_attempt_that_is_over_is_put_away(place):
    world, _app, _env = place
    before = world.log.position
    for task in [stream for stream in world.log.streams if stream.startswith("task_")]:
        await world.queue.put(task, 1)
    await world.queue.put("task_of_another_log", 1)
    await world.run()
    assert world.log.position == before
    assert world.queue.entries == {}


# Failures


async def test_of_two_side_by_side_the_other_comes_to_its_end_first(place):
    world, app, env = place
    blog = await world.app("blog", **BUILT)
    world.bench.hold("build")
    id = await world.deploy(await world.version("v2.0.0"), app, blog, to=env)
    world.bench.next("build", Outcome("failed", "exit code 2"))
    await world.run(until=lambda: len(world.bench.applied) == 4)
    one, other = await world.task_id(id, "build", app), await world.task_id(id, "build", blog)
    held = await world.reports.begin(one, 1, "test", "worker-x")
    await world.reports.fail(held, "exit code 2", {})
    assert await world.phase(id) == "running"
    assert (await world.state(other)).state == "running"
    world.bench.prepared.clear()
    world.bench.release("build")
    await world.run()
    d = await world.deployment(id)
    assert (d.phase, d.failing) == ("failed", "Build shop: exit code 2")
    assert (await world.state(other)).state == "success"
    assert await world.state(await world.task_id(id, "test", blog)) is None
    await world.must_be_tidy()


async def test_a_retry_after_a_failure_runs_what_failed_and_what_follows(place):
    world, app, env = place
    world.bench.next("test", Outcome("failed", "coverage 70 % is below 80 %"))
    id = await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    builds = [receipt for receipt in world.bench.applied if receipt.job.type == "build"]
    await world.deployments.retry(world.by(), id)
    await world.run()
    assert await world.phase(id) == "success"
    assert [receipt for receipt in world.bench.applied if receipt.job.type == "build"] == builds
    assert world.target.places[env].current == "v2.0.0-3"
    await world.must_be_tidy()


async def test_an_error_of_our_own_is_an_end_and_is_told(place):
    world, app, env = place
    world.bench.next("build", KeyError("oops"))
    id = await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    assert (await world.deployment(id)).failing == "Build shop: internal error: KeyError: 'oops'"
    await world.must_be_tidy()


async def test_a_secret_that_cannot_be_opened_fails_the_task_and_says_which(place):
    world, _app, env = place
    closed = await world.app("closed", build_command="make", git_token="t0ken")
    world.secrets.values.clear()
    id = await world.deploy(await world.version("v2.0.0"), closed, to=env)
    await world.run()
    assert "there is no secret sec_1" in (await world.deployment(id)).failing
    await world.must_be_tidy()


async def test_secrets_reach_the_executor_and_no_log_line_and_no_fact(place):
    world, _app, env = place
    private = await world.app("private", build_command="make", git_token="t0ken")
    world.bench.next("build", Outcome("failed", "cannot clone"))
    id = await world.deploy(await world.version("v2.0.0"), private, to=env)
    await world.run()
    assert world.bench.applied[-1].secrets == {"application.git_token": "t0ken"}
    assert all(b"t0ken" not in row.state for row in world.log.stored)
    assert "t0ken" not in repr(world.bench.applied[-1])
    with pytest.raises(Refused):
        await world.deployments.cancel(world.by(), id)
