"""The index of what still held: which facts of an environment and its lane make up how it was."""

import pytest

from domain.environment.events import EnvironmentChanged, EnvironmentCreated, EnvironmentObserved
from domain.lane.events import Installed, LaneEntered, LaneHandedOver, LaneLeft, LaneQueued
from projections.engine.connections import connect
from projections.history.queries import positions_held
from tests.projections.facts import fact


def place(kind, environment: str = "env_1", **fields):
    return fact(kind, environment, **({"name": "n", "type": "memory", "config": {}, "is_active": True} | fields))


def lane(kind, deployment: str, environment: str = "env_1", **fields):
    return fact(kind, "lane" + environment[3:], environment_id=environment, deployment_id=deployment, **fields)


def entered(deployment: str, environment: str = "env_1"):
    return lane(LaneEntered, deployment, environment, application_ids=("app_1",), number=1)


def left(deployment: str, *applications: str):
    return lane(LaneLeft, deployment, installed=tuple(
        Installed(application_id=app, deployment_id=deployment, version_id="ver_1", git_tag="v1", git_commit="c") for app in applications))


@pytest.fixture
def held(database):
    def ask(upto: int, environment: str = "env_1") -> list[int]:
        with connect(database) as conn:
            return sorted(positions_held(conn, environment, upto))

    return ask


def test_of_each_kind_of_fact_about_an_environment_the_last_one_holds(given, held):
    looked = fact(EnvironmentObserved, "env_1", status="healthy", message="")
    given(place(EnvironmentCreated), place(EnvironmentChanged), looked, looked, place(EnvironmentChanged), place(EnvironmentCreated, "env_2"))
    assert [held(upto) for upto in (0, 1, 2, 3, 4, 5, 6)] == [[], [1], [1, 2], [1, 2, 3], [1, 2, 4], [1, 4, 5], [1, 4, 5]]
    assert held(6, "env_2") == [6]
    assert held(6, "env_3") == []


def test_of_each_application_the_last_installation_holds(given, held):
    given(left("dep_1", "app_1", "app_2"), left("dep_2", "app_1"), left("dep_3"), left("dep_4", "app_2"))
    assert [held(upto) for upto in (1, 2, 3, 4)] == [[1], [1, 2], [1, 2], [2, 4]]


def test_a_step_in_the_lane_holds_until_the_next_one(given, held):
    given(entered("dep_1"), lane(LaneQueued, "dep_2", application_ids=("app_1",), behind=("dep_1",)), lane(LaneLeft, "dep_1"), entered("dep_2"),
          lane(LaneHandedOver, "dep_2", to_deployment_id="dep_3", application_ids=("app_1",), number=2), lane(LaneLeft, "dep_3"))
    assert [held(upto) for upto in range(1, 7)] == [[1], [1, 2], [2], [4], [5], []]


def test_who_comes_back_holds_again_and_lanes_do_not_mix(given, held):
    given(entered("dep_1"), entered("dep_9", "env_2"), lane(LaneLeft, "dep_1"), entered("dep_1"))
    assert [held(upto) for upto in range(1, 5)] == [[1], [1], [], [4]]
    assert [held(upto, "env_2") for upto in range(1, 5)] == [[], [2], [2], [2]]
