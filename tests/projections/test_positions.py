"""Waiting for the read models, whatever happens to the connection that listens."""

import asyncio
import time

import psycopg
import pytest

from domain.user.events import TokenIssued, TokenRevoked, UserCreated, UserForgotten
from projections.catalogue import PROJECTIONS
from projections.engine.positions import Positions
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from tests.projections.facts import fact, planned, reader, recorded, samples, started
from tests.support.waiting import until

RECORDS = recorded(*samples())


@pytest.fixture
async def positions(database: str):
    async with Positions(database, look=30.0) as positions:  # so seldom that only notices can be what is tested
        await until(lambda: positions.connected)
        yield positions


def kill_listener(admin: psycopg.Connection) -> int:
    query = """select count(pg_terminate_backend(pid)) from pg_stat_activity
                where datname = current_database() and application_name = 'tiangong positions'"""
    return admin.execute(query).fetchone()[0]


async def test_what_is_there_already_is_not_waited_for(projector: Projector, database: str):
    projector.apply(RECORDS[:3])
    async with Positions(database) as positions:
        assert await positions.wait(3, timeout=5)
        assert positions.current == 3
        assert await positions.wait(0, timeout=0)


async def test_who_waits_wakes_when_the_projector_has_come_so_far(positions: Positions, projector: Projector):
    waiting = [asyncio.create_task(positions.wait(position, timeout=10)) for position in (2, 4)]
    await asyncio.to_thread(projector.apply, RECORDS[:2])
    assert await waiting[0]
    assert not waiting[1].done()
    await asyncio.to_thread(projector.apply, RECORDS[2:4])
    assert await waiting[1]


async def test_who_waits_in_vain_is_told_so_at_his_deadline(positions: Positions):
    before = time.monotonic()
    assert await positions.wait(1, timeout=0.05) is False
    assert 0.04 < time.monotonic() - before < 5


async def test_who_has_waited_in_vain_is_forgotten(positions: Positions, projector: Projector):
    patient = [asyncio.create_task(positions.wait(position, timeout=10)) for position in (2, 1)]
    found = await asyncio.gather(*(positions.wait(10**17 + number, timeout=0.01) for number in range(50)))
    assert found == [False] * 50
    impatient = asyncio.create_task(positions.wait(3, timeout=10))
    await asyncio.sleep(0)
    impatient.cancel()
    assert len(positions._waiting) < 8
    await asyncio.to_thread(projector.apply, RECORDS[:2])
    assert await asyncio.gather(*patient) == [True, True]


async def test_a_connection_that_was_killed_is_made_again_and_nothing_is_missed(positions: Positions, projector: Projector, admin, caplog):
    await asyncio.to_thread(projector.apply, RECORDS[:1])
    assert await positions.wait(1, timeout=5)
    for position in range(2, 6):
        waiting = asyncio.create_task(positions.wait(position, timeout=10))
        assert kill_listener(admin) == 1
        await asyncio.to_thread(projector.apply, RECORDS[position - 1:position])
        assert await waiting
        await until(lambda: positions.connected)
    assert "connects again" in caplog.text


async def test_a_projector_that_died_before_it_could_say_so_is_noticed_by_looking(projector: Projector, database: str, admin):
    async with Positions(database, look=0.05) as positions:
        await until(lambda: positions.connected)
        admin.execute("update positions set position = 7")
        assert await positions.wait(7, timeout=5)


async def test_a_database_that_lost_its_last_moments_is_believed(projector: Projector, database: str, admin):
    projector.apply(RECORDS[:5])
    async with Positions(database, look=0.05) as positions:
        assert await positions.wait(5, timeout=5)
        admin.execute("update positions set position = 4")
        await until(lambda: positions.current == 4)


async def test_an_older_or_a_strange_notice_does_not_turn_back(positions: Positions, projector: Projector, admin):
    await asyncio.to_thread(projector.apply, RECORDS[:5])
    assert await positions.wait(5, timeout=5)
    for payload in ("3", "nonsense", "", "6"):
        admin.execute("select pg_notify('projected', %s)", (payload,))
    assert await positions.wait(6, timeout=5)


async def test_news_about_people_is_heard_before_the_position_and_other_facts_are_none(positions: Positions, projector: Projector, database: str):
    people = [fact(UserCreated, "usr_bob", username="bob", email="", roles=("viewer",)), fact(TokenIssued, "tok_1", user_id="usr_bob", name="ci"),
              fact(TokenRevoked, "tok_1", reason="lost"), fact(UserForgotten, "usr_bob", pseudonyms=())]
    records = recorded(planned(), started(), *people[:2], planned("dep_2"), *people[2:])
    news = []
    for record in records:
        before = positions.people.current
        await asyncio.to_thread(projector.apply, [record])
        assert await positions.wait(record.position, timeout=5)
        news.append(positions.people.current > before)
    assert news == [False, False, True, True, False, True, True]
    rebuild(database, reader(records), PROJECTIONS)
    before = positions.people.current
    await asyncio.to_thread(projector.apply, recorded(fact(UserCreated, "usr_eve", username="eve", email="", roles=("viewer",)), after=7))
    await until(lambda: positions.people.current > before)


async def test_who_did_not_listen_for_a_while_takes_it_that_there_was_news_about_people(positions: Positions, admin):
    assert positions.people.connected
    before = positions.people.current
    assert kill_listener(admin) == 1
    await until(lambda: positions.people.current > before)
    assert positions.people.connected


async def test_who_never_asks_is_no_session_that_each_notice_wakes(database: str, admin):
    listeners = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'tiangong positions'"
    async with Positions(database) as positions:
        assert positions._task is None
        assert await positions.wait(0, timeout=5)
        await until(lambda: positions.connected)
        assert admin.execute(listeners).fetchone() == (1,)


async def test_a_connection_that_is_made_for_the_first_time_is_not_lost_and_one_that_broke_is(database: str, admin):
    async with Positions(database) as positions:
        assert not positions.lost
        await until(lambda: positions.connected)
        assert kill_listener(admin) == 1
        await until(lambda: positions.lost)
        await until(lambda: positions.connected)
        assert not positions.lost


async def test_closing_ends_the_waiting_for_good(database: str):
    positions = Positions(database)
    await positions.open()
    await positions.close()
    assert await positions.wait(1, timeout=0.01) is False
    await positions.close()
