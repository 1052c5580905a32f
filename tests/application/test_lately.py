"""What a process has appended lately: what follows without a gap, and nothing that only the log may tell."""

from uuid import UUID

import pytest

from application.changes import CreateChange
from application.lately import LARGEST, Heard, Lately
from domain.recorded import Origin
from domain.registry import EVENTS, decode
from domain.task.events import TaskCancelRequested
from tests.application.town import Town
from tests.golden.make import path
from tests.support.given import fact

COMMAND, ORIGIN = UUID(int=1), Origin("usr_ann", UUID(int=2))


def facts(number: int) -> list[TaskCancelRequested]:
    return [fact(TaskCancelRequested, f"task_{n}", attempt=1, reason="") for n in range(number)]


def kept(*pieces: tuple[int, int], kept: int = 100) -> Lately:
    """Of commands: where the first fact of each stands, and how many there are."""
    lately = Lately(kept)
    for first, number in pieces:
        lately.add(first, facts(number), COMMAND, ORIGIN)
    return lately


def positions(heard: list[Heard]) -> list[int]:
    return [one.position for one in heard]


def test_what_follows_is_known_up_to_the_first_gap():
    lately = kept((3, 2), (5, 1), (8, 2))
    assert positions(lately.after(2)) == [3, 4, 5]
    assert positions(lately.after(4)) == [5]
    assert positions(lately.after(7)) == [8, 9]


@pytest.mark.parametrize("position", [0, 3, 5, 6, 8, 9])
def test_behind_a_gap_or_within_a_command_nothing_is_known(position):
    assert kept((3, 2), (5, 1), (8, 2)).after(position) == []


def test_a_fact_is_told_with_its_command():
    event = facts(1)[0]
    lately = Lately()
    lately.add(7, [event], COMMAND, ORIGIN)
    assert lately.after(6) == [Heard(7, event, COMMAND, ORIGIN)]


def test_whole_commands_are_told_until_there_are_enough():
    assert positions(kept((1, 2), (3, 2), (5, 2)).after(0, 3)) == [1, 2, 3, 4]


def test_the_oldest_are_forgotten():
    lately = kept((1, 2), (3, 2), (5, 2), kept=4)
    assert lately.after(0) == []
    assert positions(lately.after(2)) == [3, 4, 5, 6]


@pytest.mark.parametrize("cls", [cls for cls in EVENTS.values() if cls.PERSONAL])
def test_what_may_name_people_is_for_the_log_to_tell(cls):
    lately = kept((1, 1))
    lately.add(2, [decode(cls.TOPIC, path(cls.TOPIC, 1, "full").read_bytes().rstrip(b"\n"))], COMMAND, ORIGIN)
    assert positions(lately.after(0)) == [1]


async def test_what_a_large_request_has_stored_is_read_from_the_log():
    town = Town()
    for size, known in ((1, True), (LARGEST, False)):
        before = town.log.position
        await town.changes.create(town.by(), CreateChange("deploy", "deployment", {"version_id": "ver_1", "application_ids": ["app_1"],
                                                                                  "environment_id": "e" * size}))
        assert town.log.position > before
        assert bool(town.house.lately.after(before)) is known
