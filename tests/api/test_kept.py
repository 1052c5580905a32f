"""What is kept while nothing happens: as good as asking, for those who may ask, and no longer than a second."""

import asyncio
from dataclasses import dataclass, field

import pytest

from api.kept import Kept
from tests.api.story import REPOSITORY, V1


@dataclass
class Stand:
    """Read models that come as far as the test says, and a clock that shows what it says."""

    current: int = 7
    connected: bool = True
    now: float = 100.0
    asked: list[str] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def ask(self) -> str:
        self.asked.append("asked")
        return f"answer {len(self.asked)}"


@pytest.fixture
def stand() -> Stand:
    return Stand()


@pytest.fixture
def kept(stand: Stand) -> Kept[str]:
    return Kept(seconds=1.0, most=3, clock=stand.clock)


async def test_while_nothing_happens_it_is_asked_once(stand: Stand, kept: Kept[str]):
    assert [await kept.of("a", stand, stand.ask) for _ in range(3)] == ["answer 1"] * 3
    assert await kept.of("b", stand, stand.ask) == "answer 2"


@pytest.mark.parametrize(("name", "value"), [("current", 8), ("current", 6), ("connected", False), ("now", 101.1)])
async def test_it_is_asked_again_when(stand: Stand, kept: Kept[str], name: str, value: object):
    """the read models have moved on, or back; nobody would tell us; a second has gone by."""
    await kept.of("a", stand, stand.ask)
    setattr(stand, name, value)
    assert await kept.of("a", stand, stand.ask) == "answer 2"


async def test_what_was_asked_for_before_the_read_models_moved_is_not_kept(stand: Stand, kept: Kept[str]):
    async def slow() -> str:
        stand.current += 1
        return "of the past, perhaps"

    assert await kept.of("a", stand, slow) == "of the past, perhaps"
    assert await kept.of("a", stand, stand.ask) == "answer 1"


async def test_nothing_is_not_kept_and_no_more_than_so_many(stand: Stand, kept: Kept[str]):
    async def nobody() -> None:
        return None

    assert await kept.of("a", stand, nobody) is None
    for key in "abcdabcd":
        await kept.of(key, stand, stand.ask)
    assert len(kept._values) <= 3


async def test_who_comes_while_somebody_asks_is_told_the_same(stand: Stand, kept: Kept[str]):
    with kept.sharing("a", stand) as tell:
        waiting = [asyncio.create_task(kept.shared("a", stand)) for _ in range(3)]
        await asyncio.sleep(0)
        stand.current += 1  # they came before: the answer is good for them, but not for who comes now, nor is it kept
        assert await kept.shared("a", stand) is None
        tell("answer")
    assert await asyncio.gather(*waiting) == ["answer"] * 3
    assert kept.get("a", stand) is None
    assert "a" not in kept


async def test_who_waited_for_somebody_that_failed_asks_on_his_own(stand: Stand, kept: Kept[str]):
    async def fail() -> None:
        with kept.sharing("a", stand):
            await asyncio.sleep(0)
            raise OSError("away")

    failing = asyncio.create_task(fail())
    await asyncio.sleep(0)  # it has begun
    assert await kept.shared("a", stand) is None
    with pytest.raises(OSError, match="away"):
        await failing


async def test_many_who_ask_at_once_are_answered_by_one_question(rig, admin):
    await admin.get(f"{V1}/deployments")  # the route is known
    answers = await asyncio.gather(*(admin.get(f"{V1}/deployments?page_size=7") for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}


async def test_a_list_shows_what_was_written_as_soon_as_the_write_is_answered(admin):
    for number in range(5):
        await admin.get(f"{V1}/versions")
        made = await admin.post(f"{V1}/versions", json={"git_tag": f"v1.0.{number}", "git_commit": "abc123def456", "repository": REPOSITORY})
        listed = (await admin.get(f"{V1}/versions", headers={"X-Min-Position": made.headers["X-Log-Position"]})).json()
        assert (listed["total"], listed["versions"][0]["id"]) == (number + 1, made.json()["id"])


async def test_a_list_that_is_kept_answers_as_the_one_that_was_asked_for(rig, admin):
    await admin.post(f"{V1}/versions", json={"git_tag": "v1.0.0", "git_commit": "abc123def456", "repository": REPOSITORY})
    answers = [await admin.get(f"{V1}/versions?page_size=5") for _ in range(3)]
    assert [answer.content for answer in answers] == [answers[0].content] * 3
    assert len({frozenset(set(answer.headers.items()) - {("x-request-id", answer.headers["x-request-id"])}) for answer in answers}) == 1
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert rig.services.lists.get((f"{V1}/versions", b"page_size=5"), rig.services.positions) is not None
    counted = (await admin.get("/metrics")).text
    counts = [line.rpartition(" ")[2] for line in counted.splitlines() if 'total{method="GET"' in line and '/versions",status="200"' in line]
    assert counts == ["3.0"]  # under its route, kept or not


async def test_a_kept_list_is_only_for_those_who_may_ask(rig, admin):
    async with rig.client("viewer") as viewer, rig.client("") as stranger:
        kept = await admin.get(f"{V1}/audit-logs")
        refused, unknown = await viewer.get(f"{V1}/audit-logs"), await stranger.get(f"{V1}/audit-logs")
        assert (kept.status_code, refused.status_code, unknown.status_code) == (200, 403, 401)
        assert refused.json()["error"]["details"] == {"action": "audit:read"}


async def test_who_waits_for_a_position_is_not_answered_from_before_it(admin):
    before = (await admin.get(f"{V1}/versions")).json()["total"]
    made, _ = await asyncio.gather(
        admin.post(f"{V1}/versions", json={"git_tag": "v9.0.0", "git_commit": "abc123def456", "repository": REPOSITORY}), admin.get(f"{V1}/versions"))
    seen = await admin.get(f"{V1}/versions", headers={"X-Min-Position": made.headers["X-Log-Position"]})
    assert seen.json()["total"] == before + 1


async def test_who_comes_while_it_is_asked_for_shares_the_next_answer(stand: Stand, kept: Kept[str]):
    async def slowly() -> str:
        answer = await stand.ask()
        await asyncio.sleep(0.01)
        return answer

    first = [asyncio.create_task(kept.of("a", stand, slowly)) for _ in range(2)]
    await asyncio.sleep(0.001)
    stand.current += 1
    second = [asyncio.create_task(kept.of("a", stand, slowly)) for _ in range(20)]
    await asyncio.gather(*first, *second)
    assert {each.result() for each in first}.isdisjoint(each.result() for each in second)  # begun before the second came: not for them
    assert len(stand.asked) <= 4


async def test_an_error_is_raised_for_its_key_alone(stand: Stand, kept: Kept[str]):
    async def broken() -> str:
        await asyncio.sleep(0)
        raise OSError("away")

    keys = "abcabcabcabc"
    found = await asyncio.gather(*(kept.of(key, stand, broken if key == "b" else stand.ask) for key in keys), return_exceptions=True)
    assert [isinstance(each, OSError) for each in found] == [key == "b" for key in keys]
