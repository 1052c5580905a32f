"""Each process by itself: which fact leads to which wishes."""

from datetime import timedelta

import msgspec
import pytest

from application.processes import alerts, auto_deploy, deadlines, erasure, rollback, rollout
from application.processes.catalogue import PROCESSES
from application.processes.reactions import Table
from application.processes.wishes import (
    AdmitNext,
    CancelTimer,
    DeployVersion,
    Erase,
    FinishChange,
    HoldTask,
    Notify,
    OfferTask,
    PutBack,
    SetTimer,
    SweepAnswers,
    WithdrawTask,
)
from domain.deployment import events as deployment
from domain.lane import events as lane
from domain.notification import events as notification
from domain.registry import EVENTS, decode
from domain.task import events as task
from domain.user import events as user
from domain.version import events as version
from tests.golden.make import path
from tests.support.given import NOON

DEP, TASK, NTF = "dep_1", "task_1", "ntf_1"
LATER, TOMORROW = NOON + timedelta(minutes=30), NOON + timedelta(hours=24)


def full(cls, **fields):
    """An event of this class, with everything filled in; what matters is said."""
    example = decode(cls.TOPIC, path(cls.TOPIC, 1, "full").read_bytes().rstrip(b"\n"))
    stream = {"deployment": DEP, "task": TASK, "notification": NTF}.get(cls.TOPIC.partition(".")[0], example.stream)
    return msgspec.structs.replace(example, **{"stream": stream, "at": NOON, **fields})


def deadline(stream):
    return [CancelTimer(stream, "reminder"), SetTimer(stream, "deadline", LATER)]


def reminder(stream):
    return [CancelTimer(stream, "deadline"), SetTimer(stream, "reminder", TOMORROW)]


def none(stream):
    return [CancelTimer(stream, "deadline"), CancelTimer(stream, "reminder")]


WISHES = {
    deadlines.react: [
        (full(deployment.DeploymentCreated), reminder(DEP)),
        (full(deployment.DeploymentStarted, deadline=LATER), deadline(DEP)),
        (full(deployment.DeploymentConfirmationRequested), reminder(DEP)),
        (full(deployment.DeploymentConfirmed, deadline=LATER), deadline(DEP)),
        (full(deployment.DeploymentConfirmed, deadline=None), []),
        (full(deployment.DeploymentRetried, deadline=LATER), deadline(DEP)),
        (full(deployment.DeploymentSucceeded), none(DEP)),
        (full(deployment.DeploymentFailed), none(DEP)),
        (full(deployment.DeploymentCancelled), none(DEP)),
        (full(task.TaskReleased), reminder(TASK)),
        (full(task.TaskStarted, deadline=LATER), deadline(TASK)),
        (full(task.TaskTimedOut), reminder(TASK)),
        (full(task.TaskConfirmed, deadline=LATER), deadline(TASK)),
        (full(task.TaskConfirmed, deadline=None), []),
        (full(task.TaskSucceeded), none(TASK)),
        (full(task.TaskFailed), none(TASK)),
        (full(task.TaskCancelled), none(TASK)),
        (full(notification.NotificationRequested), [SetTimer(NTF, "delivery", NOON)]),
        (full(notification.NotificationSent), [CancelTimer(NTF, "delivery")]),
        (full(notification.NotificationFailed), [CancelTimer(NTF, "delivery")]),
    ],
    rollout.react: [
        (full(task.TaskReleased, attempt=2), [OfferTask(TASK, 2)]),
        (full(task.TaskStarted, attempt=2, token=5, worker="w1"), [HoldTask(TASK, 2, 5, "w1")]),
        *((full(kind, attempt=2), [WithdrawTask(TASK, 2)]) for kind in (task.TaskSucceeded, task.TaskFailed, task.TaskCancelled)),
        (full(lane.LaneLeft, environment_id="env_1"), [AdmitNext("env_1")]),
        (full(lane.LaneHandedOver, environment_id="env_1"), [AdmitNext("env_1")]),
    ],
    rollback.react: [
        (full(deployment.DeploymentFailed, rolls_back=True), [PutBack(DEP), FinishChange(DEP)]),
        (full(deployment.DeploymentFailed, rolls_back=False), [FinishChange(DEP)]),
        (full(deployment.DeploymentSucceeded), [FinishChange(DEP)]),
        (full(deployment.DeploymentCancelled), [FinishChange(DEP)]),
    ],
    auto_deploy.react: [
        (full(version.VersionCreated, stream="ver_1", source="github"), [DeployVersion("ver_1")]),
        (full(version.VersionCreated, source="api"), []),
    ],
    alerts.react: [
        *((full(deployment.DeploymentFailed, error="e", task_type=type, rolls_back=False), [Notify(rule, "critical", DEP, "", "e")])
          for type, rule in [("build", "build_failed"), ("test", "build_failed"), ("deploy", "deploy_failed"), ("custom", "deploy_failed"),
                             ("health_check", "health_check_failed"), ("", "deploy_failed")]),
        (full(deployment.DeploymentFailed, error="e", task_type="deploy", rolls_back=True),
         [Notify("deploy_failed", "critical", DEP, "", "e; the version before is being put back")]),
        (full(deployment.DeploymentConfirmationRequested, reason="timeout", message="m"), [Notify("deploy_timeout", "warning", DEP, "", "m")]),
        (full(deployment.DeploymentConfirmationRequested, reason="manual_approval"), []),
        (full(task.TaskTimedOut), [Notify("deploy_timeout", "warning", "", TASK,
                                          "its deadline passed and its outcome is not known: confirm or roll back")]),
        (full(deployment.DeploymentRolledBack, rollback_id="dep_2"),
         [Notify("rolled_back", "info", DEP, "", "the version before is in place again (dep_2)")]),
        (full(deployment.DeploymentRollbackFailed, error="e"), [Notify("rollback_failed", "critical", DEP, "", "e")]),
    ],
    erasure.react: [(full(user.UserForgotten, stream="usr_1", pseudonyms=("adr_1", "name_1")), [Erase(("usr_1", "adr_1", "name_1"))])],
    erasure.sweep: [(full(user.UserForgotten), [SweepAnswers()])],
}
ROWS = [(name, event, wishes) for name, react in PROCESSES.items() for event, wishes in WISHES[react]]


@pytest.mark.parametrize(("name", "event", "wishes"), ROWS, ids=[f"{name}-{event.TOPIC}-{n}" for n, (name, event, _) in enumerate(ROWS)])
def test_a_fact_leads_to_its_wishes(name, event, wishes):
    assert PROCESSES[name](event) == wishes


@pytest.mark.parametrize("name", PROCESSES)
def test_every_other_fact_leads_to_nothing(name):
    meant = {type(event) for event, _ in WISHES[PROCESSES[name]]}
    for cls in EVENTS.values():
        if cls not in meant:
            assert PROCESSES[name](full(cls)) == [], cls.TOPIC


def named_in(function):
    """The kinds of facts that a function's own code names, also in tuples."""
    found = [function.__globals__.get(name) for name in function.__code__.co_names]
    kinds = [one for each in found for one in (each if isinstance(each, tuple) else [each])]
    return {kind for kind in kinds if kind in EVENTS.values()}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_says_that_it_is_about_just_the_facts_that_its_code_and_this_table_name(name):
    """A kind that it forgot to say would never be handed to it, and nobody would miss it."""
    react = PROCESSES[name]
    assert named_in(react.function) == react.kinds == {type(event) for event, _ in WISHES[react]}


def test_no_kind_of_fact_is_a_kind_of_another():
    """Facts are handed out by their very class."""
    assert [(one, other) for one in EVENTS.values() for other in EVENTS.values() if one is not other and issubclass(one, other)] == []


def test_a_table_asks_those_it_may_concern_and_those_who_do_not_say():
    table = Table({"rollback": rollback.react, "all": lambda event: [], "erasure": erasure.react})
    assert [name for name, _ in table.about(full(user.UserForgotten))] == ["all", "erasure"]
    assert [name for name, _ in table.about(full(deployment.DeploymentFailed))] == ["rollback", "all"]


def test_nothing_runs_before_its_deadline_is_stored():
    assert next(iter(PROCESSES)) == "deadlines"


def test_a_timer_is_named_by_its_stream_and_kind():
    assert SetTimer(DEP, "deadline", LATER).id == CancelTimer(DEP, "deadline").id == "dep_1/deadline"
