"""The audit: one row for each fact, and no secret in any."""

import json

import msgspec
import pytest

from domain.environment.events import EnvironmentCreated
from domain.task.events import TaskReleased
from domain.user.events import UserCreated
from domain.version.events import VersionCreated, VersionDeleted
from projections.audit_logs.project import details_of, masked_details
from projections.engine.connections import encode
from projections.queries import get_audit_log, list_audit_logs
from tests.projections.facts import JOB, TARGET, fact, later, samples

ANN = fact(UserCreated, "usr_ann", by="system:setup", username="ann", email="", roles=("admin",))
VERSION = fact(VersionCreated, "ver_1", git_tag="v1", git_commit="abc", repository="r")
DELETED = fact(VersionDeleted, "ver_1", by="usr_bob")


async def test_every_fact_there_can_be_has_a_row(given, pool):
    given(*samples())
    rows, total, _ = await list_audit_logs(pool, page_size=100)
    assert total == len(samples())
    assert [(row["position"], row["action"], row["resource_id"]) for row in reversed(rows)] == [
        (n, event.TOPIC, event.stream) for n, event in enumerate(samples(), 1)]


async def test_a_row_says_who_did_what_to_what_when_and_from_where(given, pool):
    given(ANN, VERSION)
    assert await get_audit_log(pool, 2) == {
        "position": 2, "user_id": "usr_ann", "username": "ann", "action": "version.created", "resource": "version", "resource_id": "ver_1",
        "timestamp": later(2), "source_ip": "192.0.2.1", "request_id": "req_2",
        "details": {"git_tag": "v1", "git_commit": "abc", "repository": "r", "description": "", "source": "api", "pull_request": None},
        "resource_version": 1, "command_id": "00000000-0000-0000-0000-000000000002", "correlation_id": "00000000-0000-0000-0000-000000000002",
        "causation_id": None, "recorded_at": later(2)}
    assert await get_audit_log(pool, 3) is None


async def test_no_secret_and_no_reference_to_one_is_in_the_audit(given, pool):
    given(fact(EnvironmentCreated, "env_1", name="p", type="physical", config={"hosts": ["h"], "ssh_key": {"secret": "sec_1"}}, is_active=True),
          fact(TaskReleased, "task_1", attempt=1, job=JOB))
    rows, _, _ = await list_audit_logs(pool)
    assert TARGET.config["ssh_key"] == {"secret": "sec_1"}
    assert "sec_1" not in json.dumps([row["details"] for row in rows])
    assert rows[1]["details"]["config"] == {"hosts": ["h"], "ssh_key": "********"}
    assert rows[0]["details"]["job"]["target"]["config"] == {"ssh_key": "********"}


@pytest.mark.parametrize(("filters", "expected"), [
    ({"user_id": "usr_ann"}, [2]), ({"action": "version.deleted"}, [3]), ({"resource": "version"}, [3, 2]), ({"resource_id": "usr_ann"}, [1]),
    ({"from_": 2}, [3, 2]), ({"to": 2}, [2, 1]), ({"from_": later(2), "to": later(2)}, [2]), ({"from_": later(4)}, []),
    ({"resource": "version", "user_id": "usr_bob"}, [3]), ({}, [3, 2, 1]),
])
async def test_the_audit_is_filtered_by_who_what_and_when(given, pool, filters, expected):
    given(ANN, VERSION, DELETED)
    rows, total, _ = await list_audit_logs(pool, **filters)
    assert ([row["position"] for row in rows], total) == (expected, len(expected))


def test_details_are_the_same_bytes_whichever_way_they_are_made():
    plain = [event for event in samples() if not event.PERSONAL and "sec_" not in str(event)]
    assert len(plain) > 30
    for event in (*plain, *(msgspec.structs.replace(event, stream='x"\\\u2028', by="ann\tü") for event in plain)):
        assert encode(details_of(event)) == encode(masked_details(event))
    assert all(isinstance(details_of(event), msgspec.Raw) for event in plain)
