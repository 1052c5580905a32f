"""The standard plan: S1's printed workflow comes out exactly, and what is left out of it where there is nothing to do."""

import pytest

from domain.scheduling import dag
from domain.strategies.standard import NAMES, plan
from domain.task.values import Artifact, Target
from tests.domain.deployments import app

ROLLING = Target(environment_id="env_1", name="production", type="kubernetes", config={"deployment_strategy": "rolling-update"})
PLAIN = Target(environment_id="env_1", name="production", type="physical", config={})
CONFIG = {
    "dockerfile": "Dockerfile", "context": ".", "tags": ["org/app:v1.0.0", "org/app:latest"], "test_command": "go test ./...",
    "coverage_threshold": 80, "replicas": 3, "max_unavailable": 1, "endpoint": "/health", "expected_status": 200, "timeout": 60, "port": 8080,
}
PRINTED = [  # S1, 工作流编排示例, 标准部署工作流
    {"id": "task_001", "type": "build", "depends_on": [],
     "config": {"dockerfile": "Dockerfile", "context": ".", "tags": ["org/app:v1.0.0", "org/app:latest"]}},
    {"id": "task_002", "type": "test", "depends_on": ["task_001"], "config": {"test_command": "go test ./...", "coverage_threshold": 80}},
    {"id": "task_003", "type": "deploy", "depends_on": ["task_002"], "config": {"strategy": "rolling-update", "replicas": 3, "max_unavailable": 1}},
    {"id": "task_004", "type": "health_check", "depends_on": ["task_003"], "config": {"endpoint": "/health", "expected_status": 200, "timeout": 60}},
]
IDS = [f"task_{n:03}" for n in range(1, 41)]
PACKAGE = Artifact(digest="sha256:00", name="app.tar.gz", size=1)


def shape(tasks):
    return {task.id: (task.type, task.application_id, task.depends_on) for task in tasks}


def test_the_printed_workflow_comes_out_exactly():
    tasks = plan([app(config=CONFIG)], ROLLING, IDS)
    printed = [{"id": t.id, "type": t.type, "depends_on": list(t.depends_on), "config": t.config} for t in tasks]
    assert printed == PRINTED
    assert [list(t["config"]) for t in printed] == [list(t["config"]) for t in PRINTED]  # in the printed order, too


def test_an_explicit_strategy_wins_over_the_environments():
    assert plan([app(config=CONFIG)], ROLLING, IDS, strategy="canary")[2].config["strategy"] == "canary"


def test_without_any_strategy_it_is_all_at_once():
    assert plan([app()], PLAIN, IDS)[0].config == {"strategy": "all-at-once"}


def test_a_health_check_has_its_defaults():
    assert plan([app()], PLAIN, IDS)[1].config == {"endpoint": "/health", "expected_status": 200, "timeout": 60}


@pytest.mark.parametrize(("given", "expected"), [("30", 30), (30, 30), (30.0, 30), ("soon", 60), (None, 60), (True, 60), (-1, 60), ("²", 60)])
def test_a_number_may_come_as_digits_and_anything_else_is_the_default(given, expected):
    assert plan([app(config={"timeout": given})], PLAIN, IDS)[1].config["timeout"] == expected


@pytest.mark.parametrize(("config", "packaged", "types"), [
    ({}, False, ("deploy", "health_check")),
    ({"build_command": "make"}, False, ("build", "deploy", "health_check")),
    ({"dockerfile": "Dockerfile"}, False, ("build", "deploy", "health_check")),
    ({"artifact": "dist"}, False, ("build", "deploy", "health_check")),
    ({"install_command": "npm ci"}, False, ("deploy", "health_check")),
    ({"test_command": "make test"}, False, ("test", "deploy", "health_check")),
    (CONFIG, False, ("build", "test", "deploy", "health_check")),
    (CONFIG, True, ("deploy", "health_check")),
])
def test_only_what_there_is_to_do_is_planned(config, packaged, types):
    tasks = plan([app(config=config)], PLAIN, IDS, artifacts={"app_1": PACKAGE} if packaged else {})
    assert tuple(task.type for task in tasks) == types
    assert [task.depends_on for task in tasks] == [(), *((IDS[n],) for n in range(len(tasks) - 1))]


def test_the_package_of_one_application_spares_only_its_own_build():
    tasks = plan([app("app_1", config=CONFIG), app("app_2", config=CONFIG)], PLAIN, IDS, artifacts={"app_2": PACKAGE})
    assert [(t.application_id, t.type) for t in tasks][4:] == [("app_2", "deploy"), ("app_2", "health_check")]


def test_applications_without_an_order_run_side_by_side():
    tasks = plan([app("app_1"), app("app_2")], PLAIN, IDS)
    assert shape(tasks) == {
        "task_001": ("deploy", "app_1", ()), "task_002": ("health_check", "app_1", ("task_001",)),
        "task_003": ("deploy", "app_2", ()), "task_004": ("health_check", "app_2", ("task_003",)),
    }


def test_in_order_each_deploy_waits_for_the_application_before_it_and_builds_do_not():
    apps = [app("app_1", config={"build_command": "make"}), app("app_2", config={"build_command": "make"}), app("app_3")]
    tasks = plan(apps, PLAIN, IDS, must_in_order=["app_2", "app_1"])
    assert shape(tasks) == {
        "task_001": ("build", "app_2", ()), "task_002": ("deploy", "app_2", ("task_001",)), "task_003": ("health_check", "app_2", ("task_002",)),
        "task_004": ("build", "app_1", ()), "task_005": ("deploy", "app_1", ("task_004", "task_003")),
        "task_006": ("health_check", "app_1", ("task_005",)),
        "task_007": ("deploy", "app_3", ()), "task_008": ("health_check", "app_3", ("task_007",)),
    }


def test_tasks_are_named_for_people():
    assert [task.name for task in plan([app(name="shop", config=CONFIG)], PLAIN, IDS)] == [f"{what} shop" for what in NAMES.values()]


@pytest.mark.parametrize("count", range(1, 6))
def test_every_plan_is_sound_and_has_at_most_four_tasks_an_application(count):
    apps = [app(f"app_{n}", config=CONFIG) for n in range(count)]
    tasks = plan(apps, PLAIN, IDS, must_in_order=[a.id for a in reversed(apps)])
    dag.validate({task.id: task.depends_on for task in tasks})
    assert len(tasks) == 4 * count
