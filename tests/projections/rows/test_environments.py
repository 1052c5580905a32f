from domain.change.events import ChangeApproved, ChangeCreated, ChangeRejected, ChangeSubmitted
from domain.deployment.events import DeploymentConfirmed
from domain.environment.events import EnvironmentChanged, EnvironmentCreated, EnvironmentDeleted, EnvironmentObserved
from domain.lane.events import Installed, LaneEntered, LaneHandedOver, LaneLeft, LaneQueued
from domain.user.events import UserCreated
from projections.queries import get_deployment, get_environment, list_environments
from tests.projections.facts import PACKAGE, fact, later, planned


def environment(stream: str = "env_1", **fields):
    return fact(EnvironmentCreated, stream, **{"name": "production", "type": "kubernetes", "config": {}, "is_active": True, **fields})


def lane(kind, deployment: str, **fields):
    return fact(kind, "lane_1", environment_id="env_1", deployment_id=deployment, **fields)


async def test_an_environment_is_printed_as_s1_prints_it_without_its_secrets(given, pool):
    given(environment(config={"cluster": "prod-cluster", "namespace": "default", "kubeconfig": {"secret": "sec_1"}}))
    assert await get_environment(pool, "env_1") == {
        "id": "env_1", "name": "production", "type": "kubernetes",
        "config": {"cluster": "prod-cluster", "namespace": "default", "kubeconfig": "********"}, "is_active": True,
        "created_at": later(1), "updated_at": later(1), "status": "unknown", "message": "", "checked_at": None, "lock": None,
        "installed": [], "lane": {"inside": [], "waiting": []}, "stream_version": 1, "position": 1}


async def test_a_look_at_it_shows_and_is_no_change_of_it(given, pool):
    given(environment(), fact(EnvironmentObserved, "env_1", status="degraded", message="1 of 2 hosts"))
    found = await get_environment(pool, "env_1")
    assert (found["status"], found["message"], found["checked_at"]) == ("degraded", "1 of 2 hosts", later(2))
    assert (found["updated_at"], found["stream_version"]) == (later(1), 2)


async def test_a_change_shows(given, pool):
    given(environment(), fact(EnvironmentChanged, "env_1", name="prod", type="physical", config={"hosts": ["h1"]}, is_active=False))
    found = await get_environment(pool, "env_1")
    assert (found["name"], found["type"], found["config"], found["is_active"]) == ("prod", "physical", {"hosts": ["h1"]}, False)


async def test_environments_are_filtered_by_type_and_activity_and_deleted_ones_are_gone(given, pool):
    given(environment("env_1"), environment("env_2", type="physical"), environment("env_3", type="physical", is_active=False),
          environment("env_4"), fact(EnvironmentDeleted, "env_4"))
    assert await get_environment(pool, "env_4") is None
    assert [row["id"] for row in (await list_environments(pool, type="physical"))[0]] == ["env_3", "env_2"]
    assert [row["id"] for row in (await list_environments(pool, is_active=False))[0]] == ["env_3"]
    assert (await list_environments(pool))[1] == 3


async def test_the_lane_shows_who_is_inside_and_who_waits_for_whom(given, pool):
    given(environment(), lane(LaneEntered, "dep_1", application_ids=("app_1",), number=1),
          lane(LaneQueued, "dep_2", application_ids=("app_1", "app_2"), behind=("dep_1",)))
    assert (await get_environment(pool, "env_1"))["lane"] == {
        "inside": [{"deployment_id": "dep_1", "application_ids": ["app_1"], "number": 1, "since": later(2)}],
        "waiting": [{"deployment_id": "dep_2", "application_ids": ["app_1", "app_2"], "behind": ["dep_1"], "since": later(3)}]}


async def test_who_waited_enters_and_who_leaves_is_gone(given, pool):
    given(environment(), lane(LaneEntered, "dep_1", application_ids=("app_1",), number=1),
          lane(LaneQueued, "dep_2", application_ids=("app_1",), behind=("dep_1",)),
          lane(LaneLeft, "dep_1"), lane(LaneEntered, "dep_2", application_ids=("app_1",), number=2))
    found = (await get_environment(pool, "env_1"))["lane"]
    assert ([place["deployment_id"] for place in found["inside"]], found["waiting"]) == (["dep_2"], [])


async def test_a_rollback_takes_the_place_of_what_it_undoes(given, pool):
    given(environment(), lane(LaneEntered, "dep_1", application_ids=("app_1",), number=1),
          lane(LaneHandedOver, "dep_1", to_deployment_id="dep_2", application_ids=("app_1",), number=2))
    assert [(place["deployment_id"], place["number"]) for place in (await get_environment(pool, "env_1"))["lane"]["inside"]] == [("dep_2", 2)]


def installed(deployment: str, tag: str) -> Installed:
    return Installed(application_id="app_1", deployment_id=deployment, version_id=f"ver_{tag}", git_tag=tag, git_commit="abc", artifact=PACKAGE)


async def test_what_runs_there_now_is_what_the_last_success_left(given, pool):
    given(environment(), lane(LaneLeft, "dep_1", installed=(installed("dep_1", "v1"),)),
          planned("dep_2", tasks=()), lane(LaneLeft, "dep_2", installed=(installed("dep_2", "v2"),)), lane(LaneLeft, "dep_3"))
    assert (await get_environment(pool, "env_1"))["installed"] == [{
        "application_id": "app_1", "application": "api", "deployment_id": "dep_2", "version_id": "ver_v2", "git_tag": "v2", "git_commit": "abc",
        "artifact": {"digest": PACKAGE.digest, "name": "api.tar.gz", "size": 1234, "unpack": True}, "since": later(4),
        "created_by": "usr_ann", "change_id": None, "approved_by": None, "approved_at": None}]


async def test_what_runs_there_shows_who_agreed_to_it(given, pool):
    given(environment(), fact(UserCreated, "usr_cid", username="cid", email="cid@example.com", roles=()),
          fact(ChangeCreated, "chg_1", title="t", description="", type="deployment", payload={}), fact(ChangeSubmitted, "chg_1", plan_digest="d"),
          fact(ChangeApproved, "chg_1", by="usr_cid", plan_digest="d"), planned("dep_1", change_id="chg_1", tasks=()),
          lane(LaneLeft, "dep_1", installed=(installed("dep_1", "v1"),)))
    for found in ((await get_environment(pool, "env_1"))["installed"][0], await get_deployment(pool, "dep_1")):
        assert (found["change_id"], found["approved_by"], found["approved_at"]) == ("chg_1", "cid@example.com", later(5))


async def test_a_rejection_is_no_approval_and_a_word_before_the_start_is_one(given, pool):
    given(environment(), fact(ChangeCreated, "chg_1", title="t", description="", type="deployment", payload={}),
          fact(ChangeRejected, "chg_1", by="usr_cid", reason="no"), planned("dep_1", change_id="chg_1", tasks=()),
          planned("dep_2", manual_approval=True, tasks=()), fact(DeploymentConfirmed, "dep_2", by="usr_dan", decision="continue", reason="yes"))
    assert (await get_deployment(pool, "dep_1"))["approved_by"] is None
    found = await get_deployment(pool, "dep_2")
    assert (found["approved_by"], found["approved_at"]) == ("usr_dan", later(6))
