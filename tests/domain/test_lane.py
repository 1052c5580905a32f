"""An environment's lane: who may come in, who waits, who goes first, and what has been left running."""

import pytest

from domain.errors import Refused
from domain.lane.events import Installed, LaneEntered, LaneHandedOver, LaneLeft, LaneQueued
from domain.lane.model import KEPT, lane_of
from tests.support.given import ANN, NOON, fact, given

AS = {"at": NOON, "by": ANN}
LANE = "lane_1"


def entered(id, *apps, number=1):
    return fact(LaneEntered, LANE, environment_id="env_1", deployment_id=id, application_ids=apps, number=number)


def handed(id, to, *apps, number):
    return fact(LaneHandedOver, LANE, environment_id="env_1", deployment_id=id, to_deployment_id=to, application_ids=apps, number=number)


def queued(id, *apps, behind=()):
    return fact(LaneQueued, LANE, environment_id="env_1", deployment_id=id, application_ids=apps, behind=behind)


def left(id, *installed):
    return fact(LaneLeft, LANE, environment_id="env_1", deployment_id=id, installed=installed)


def ran(app, deployment, version):
    return Installed(application_id=app, deployment_id=deployment, version_id=version, git_tag=version, git_commit="c0ffee")


def ask(id, *apps):
    return lambda lane: lane.ask("env_1", id, apps, **AS)


def test_the_first_comes_in():
    given(stream=LANE).when(ask("dep_1", "app_1")).then(entered("dep_1", "app_1"))


def test_who_shares_an_application_waits_and_is_told_for_whom():
    given(entered("dep_1", "app_1", "app_2")).when(ask("dep_2", "app_2", "app_3")).then(queued("dep_2", "app_2", "app_3", behind=("dep_1",)))


def test_who_shares_nothing_comes_in_beside():
    given(entered("dep_1", "app_1")).when(ask("dep_2", "app_2")).then(entered("dep_2", "app_2", number=2))


def test_nobody_overtakes_somebody_who_waits_for_the_same():
    waiting = (entered("dep_1", "app_1"), queued("dep_2", "app_1", "app_2", behind=("dep_1",)))
    given(*waiting).when(ask("dep_3", "app_2")).then(queued("dep_3", "app_2", behind=("dep_2",)))


def test_those_who_wait_come_in_in_the_order_they_came():
    lane = given(entered("dep_1", "app_1"), queued("dep_2", "app_1"), queued("dep_3", "app_1"), left("dep_1")).state
    assert [place.deployment_id for place in lane.admissible()] == ["dep_2"]


def test_who_shares_nothing_with_those_before_may_come_in_first():
    lane = given(entered("dep_1", "app_1"), queued("dep_2", "app_1"), queued("dep_3", "app_2")).state
    assert [place.deployment_id for place in lane.admissible()] == ["dep_3"]


def test_who_waited_comes_in_and_waits_no_more():
    free = given(entered("dep_1", "app_1"), queued("dep_2", "app_1"), left("dep_1"))
    lane = free.when(ask("dep_2", "app_1")).then(entered("dep_2", "app_1", number=2))
    assert lane.holds("dep_2")
    assert lane.waiting == ()


def test_who_is_inside_does_not_come_in_twice():
    given(entered("dep_1", "app_1")).when(ask("dep_1", "app_1")).refuses(Refused, "in its environment already")


def test_a_rollback_takes_the_place_before_anybody_who_waits():
    busy = given(entered("dep_1", "app_1"), queued("dep_2", "app_1"))
    lane = busy.when(lambda lane: lane.hand_over("dep_1", "dep_9", ("app_1",), **AS)).then(
        handed("dep_1", "dep_9", "app_1", number=2))
    assert lane.holds("dep_9")
    assert not lane.knows("dep_1")
    assert lane.in_the_way_of("dep_2", ("app_1",)) == ("dep_9",)


@pytest.mark.parametrize("history", [(), (queued("dep_1", "app_1"),), (entered("dep_1", "app_1"), left("dep_1"))])
def test_only_who_is_inside_hands_over(history):
    given(*history, stream=LANE).when(lambda lane: lane.hand_over("dep_1", "dep_9", ("app_1",), **AS)).refuses(Refused, "has left")


def test_who_gives_up_waiting_leaves():
    lane = given(entered("dep_1", "app_1"), queued("dep_2", "app_1")).when(lambda lane: lane.leave("dep_2", **AS)).then(left("dep_2"))
    assert not lane.knows("dep_2")
    assert lane.holds("dep_1")


def test_the_lane_remembers_what_runs_and_what_ran_before():
    lane = given(
        entered("dep_1", "app_1"), left("dep_1", ran("app_1", "dep_1", "v1")), entered("dep_2", "app_1", number=2),
        left("dep_2", ran("app_1", "dep_2", "v2")), entered("dep_3", "app_1", number=3)).state
    assert lane.before("app_1", "dep_2").version_id == "v1"
    assert lane.before("app_1", "dep_3").version_id == "v2"  # it has left nothing: what runs is before it
    assert lane.before("app_1", "dep_1") is None
    assert lane.before("app_9", "dep_2") is None
    assert lane.installation("app_1", "v1").deployment_id == "dep_1"
    assert lane.installation("app_1", "v9") is None


def test_the_newest_installation_of_a_version_is_the_one_that_counts():
    lane = given(entered("dep_1", "app_1"), left("dep_1", ran("app_1", "dep_1", "v1")), left("dep_2", ran("app_1", "dep_2", "v1"))).state
    assert lane.installation("app_1", "v1").deployment_id == "dep_2"


def test_only_the_newest_installations_are_kept():
    lane = given(*(left(f"dep_{n}", ran("app_1", f"dep_{n}", f"v{n}")) for n in range(KEPT + 3))).state
    assert [i.version_id for i in lane.installed["app_1"]] == [f"v{n}" for n in range(KEPT + 2, 2, -1)]


def test_who_came_in_later_has_overtaken():
    lane = given(
        entered("dep_1", "app_1", "app_2"), left("dep_1"), entered("dep_2", "app_2", number=2),
        handed("dep_2", "dep_3", "app_2", number=3)).state
    assert lane.overtaken(("app_1", "app_2"), 1)
    assert lane.overtaken(("app_2",), 2)
    assert not lane.overtaken(("app_1",), 1)
    assert not lane.overtaken(("app_2",), 3)
    assert not lane.overtaken(("app_9",), 0)


def test_a_lane_has_its_environments_id():
    assert lane_of("env_01k") == "lane_01k"
