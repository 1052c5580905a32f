"""The log as a file, from a real log."""

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_store.checkpoints import Checkpoints, between
from adapters.event_store.files import PostgresAuditFiles
from adapters.event_store.reading import Gap
from adapters.event_store.table import HEADER, harmless, quoted
from adapters.event_store.verify import verify
from application.ports.audit import Wanted
from domain.environment.events import EnvironmentCreated
from domain.errors import Invalid
from domain.recorded import Origin
from tests.event_store.audit import NOON, SIGNER
from tests.event_store.facts import append, fact
from tests.support.pools import pool_of
from tests.support.waiting import until


@pytest.fixture
def files(as_server: str) -> PostgresAuditFiles:
    return PostgresAuditFiles(as_server, SIGNER)


async def told(log, files, **wanted) -> list[dict]:
    """The lines of a file that verifies."""
    text = await whole(files, **wanted)
    verdict = verify(text.splitlines(keepends=True), [SIGNER.public])
    assert verdict.bad is None, verdict
    return [msgspec.json.decode(line) for line in text.splitlines()]


async def whole(files, **wanted) -> bytes:
    return await asyncio.to_thread(lambda: b"".join(files.jsonl(Wanted(**wanted))))


async def grow(log, *names: str) -> None:
    for name in names:
        await append(log, fact(name=name))


async def test_a_line_is_the_audits_row_with_the_stored_bytes_and_the_digest(log, files, admin):
    await append(log, fact("name_x", name="größe"))
    line, closing = await told(log, files)
    state, digest = admin.execute("select state, digest from log.stored_events").fetchone()
    assert (line["event"].encode(), line["digest"]) == (state, digest.hex())
    expected = {
        "position": 1, "user_id": "usr_ann", "action": "name.claimed", "resource": "name", "resource_id": "name_x", "resource_version": 1,
        "timestamp": "2026-01-01T12:00:00Z", "source_ip": "192.0.2.1", "request_id": "req_1",
        "details": {"kind": "user", "name": "größe", "owner": "usr_ann"}}
    assert {name: line[name] for name in expected} == expected
    assert (closing["count"], closing["last_position"], closing["digest"], closing["key"]) == (1, 1, digest.hex(), SIGNER.public)


async def test_details_hide_references_to_secrets(log, files):
    config = {"ssh_key": {"secret": "sec_1"}, "deep": [{"secret": "sec_2"}], "note": '{"secret":"sec_3"}'}
    await append(log, EnvironmentCreated(stream="env_1", version=1, at=NOON, by="usr_ann", name="p", type="memory", is_active=True, config=config))
    line, _ = await told(log, files)
    assert line["details"]["config"] == {"ssh_key": "********", "deep": ["********"], "note": '{"secret":"sec_3"}'}


async def test_what_this_version_cannot_read_is_exported_all_the_same(log, files, admin):
    admin.execute("""select log.append('{x}', '{1}', '{strange.thing}', '{"not json"}', '{1}', array[gen_random_uuid()], '{q}', '{me}',
                     array[gen_random_uuid()], array[null]::uuid[], '{""}', '{""}')""")
    line, _ = await told(log, files)
    assert (line["event"], line["user_id"], list(line["details"])) == ("not json", "me", ["unreadable"])


@pytest.mark.parametrize(("wanted", "positions"), [
    ({}, [1, 2, 3, 4, 5]), ({"start": 3}, [3, 4, 5]), ({"start": 2, "end": 3}, [2, 3]), ({"start": 6}, []), ({"end": 99}, [1, 2, 3, 4, 5]),
    ({"end": 0}, []),
])
async def test_a_piece_goes_from_a_position_to_a_position(log, files, wanted, positions):
    await grow(log, *"abcde")
    *lines, closing = await told(log, files, **wanted)
    assert [line["position"] for line in lines] == positions
    first = wanted.get("start", 1)
    assert (closing["count"], closing["from"], closing["last_position"]) == (len(positions), first, first + len(positions) - 1)


async def test_a_piece_goes_from_a_time_to_a_time(log, files, admin):
    await grow(log, *"ab")
    between_them = admin.execute("select clock_timestamp()").fetchone()[0]
    await grow(log, *"cd")
    later = between_them + timedelta(hours=1)
    for wanted, positions in (({"start": between_them}, [3, 4]), ({"end": between_them}, [1, 2]), ({"start": 2, "end": between_them}, [2]),
                              ({"start": later}, []), ({"start": between_them, "end": later}, [3, 4]), ({"end": NOON}, [])):
        assert [line["position"] for line in (await told(log, files, **wanted))[:-1]] == positions


@pytest.mark.parametrize("wanted", [{"start": 4, "end": 3}, {"start": NOON, "end": NOON - timedelta(1)}, {"start": 7}])
async def test_a_piece_that_cannot_be_is_refused_before_it_begins(log, files, wanted):
    await grow(log, *"abcde")
    with pytest.raises(Invalid):
        next(files.jsonl(Wanted(**wanted)))
    with pytest.raises(Invalid):
        next(files.csv(Wanted(**wanted), {}))


async def test_a_filter_leaves_places_behind(log, files):
    await grow(log, *"ab")
    await append(log, fact("name_wanted"))
    *lines, closing = await told(log, files, resource_id="name_wanted")
    assert [sorted(line) for line in lines[:2]] == [["digest", "position", "seal"]] * 2
    assert lines[2]["resource_id"] == "name_wanted"
    assert (closing["count"], closing["left_out"], closing["filter"]) == (1, 2, {"resource_id": "name_wanted"})


async def test_the_same_piece_has_the_same_bytes_whatever_happens_after(log, files, as_server):
    """Checkpoints that are made later do not come into it."""
    await grow(log, *"abc")
    async with pool_of(as_server) as pool:
        checkpoints = Checkpoints(pool, SIGNER, lambda: NOON, events=1)
        await checkpoints.sign_if_due()
        await grow(log, *"def")
        first = await whole(files, end=6)
        await checkpoints.sign_if_due()
        await grow(log, *"ghi")
        await checkpoints.sign_if_due()
    assert await whole(files, end=6) == first
    assert [msgspec.json.decode(line).get("checkpoint") for line in first.splitlines()] == [None, None, None, 3, None, None, None, None]
    assert [line.get("checkpoint") for line in await told(log, files, start=6)] == [None, 6, None, None, None, None]


async def test_an_export_waits_for_a_checkpoint_that_is_being_made(log, files, database, admin):
    """Else that checkpoint would come later into a piece that was exported already."""
    await grow(log, *"ab")
    with psycopg.connect(database) as busy:
        busy.execute("select pg_advisory_xact_lock(%s)", (7355610,))
        exporting = asyncio.create_task(whole(files))
        await until(lambda: admin.execute(
            "select count(*) from pg_stat_activity where application_name = 'tiangong audit export' and wait_event = 'advisory'").fetchone()[0])
        await grow(log, "c")
    assert len((await exporting).splitlines()) == 4
    assert between(admin, 1, 9) == []


async def test_a_file_is_made_from_one_position_and_no_transaction_stays_open(log, files, admin, monkeypatch):
    monkeypatch.setattr("adapters.event_store.export.PAGE", 2)
    await grow(log, *"abcd")
    pieces = files.jsonl(Wanted())
    found = [next(pieces)]
    await grow(log, "late")
    query = "select state from pg_stat_activity where application_name = 'tiangong audit export'"
    await until(lambda: admin.execute(query).fetchall() == [("idle",)])  # once the next page is there
    lines = b"".join([*found, *pieces]).splitlines()
    assert (len(lines), msgspec.json.decode(lines[-1])["last_position"]) == (5, 4)


async def test_a_commands_facts_name_it_on_every_page_and_in_every_piece(log, files, admin, monkeypatch):
    monkeypatch.setattr("adapters.event_store.export.PAGE", 2)
    await append(log, fact("x"), *(fact() for _ in range(4)), command=UUID(int=7))
    await append(log, command=UUID(int=8))  # without events: it stands in nobody's way
    await append(log, *(fact() for _ in range(3)), command=UUID(int=9))
    commands = [str(row[0]) for row in admin.execute(
        "select c.command_id from log.stored_events e join log.stored_events_commands c "
        "on c.events > 0 and e.notification_id between c.first_position and c.first_position + c.events - 1 order by e.notification_id")]
    assert commands == [str(UUID(int=7))] * 5 + [str(UUID(int=9))] * 3
    for start in range(1, 9):
        assert [line["command_id"] for line in (await told(log, files, start=start))[:-1]] == commands[start - 1:]


@pytest.mark.parametrize("damage", ["delete from log.stored_events where notification_id = 3",
                                    "delete from log.stored_events_commands where first_position = 3",
                                    "update log.stored_events_commands set events = 0 where first_position = 3"])
async def test_a_position_that_is_missing_ends_the_export_and_is_named(log, files, admin, damage):
    await grow(log, *"abcde")
    tables = ("log.stored_events", "log.stored_events_commands")
    for number, table in enumerate(tables):
        admin.execute(f"alter table {table} disable trigger all; create temporary table kept{number} as table {table}")
    admin.execute(damage)
    for pieces in (files.jsonl(Wanted()), files.csv(Wanted(), {})):
        with pytest.raises(Gap, match="position 3 is missing"):
            await asyncio.to_thread(list, pieces)
    for number, table in enumerate(tables):
        admin.execute(f"truncate {table}; insert into {table} table kept{number}; alter table {table} enable trigger all")


async def test_a_file_that_nobody_reads_on_lets_go_of_its_connection(log, files, admin):
    await grow(log, *"ab")
    pieces: Iterator[bytes] = files.jsonl(Wanted())
    next(pieces)
    pieces.close()
    await until(lambda: not admin.execute("select 1 from pg_stat_activity where application_name = 'tiangong audit export'").fetchall())


async def test_a_table_is_for_reading_and_no_formula(log, files):
    evil = Origin("usr_ann", UUID(int=1), None, "=cmd|' /C calc'!A0", "@SUM(1)")
    await log.append([fact("name_x", name="a\nb")], UUID(int=2), evil)
    await grow(log, "b")
    text = b"".join(files.csv(Wanted(), {"usr_ann": "+ann@example.com"})).decode()
    header, first, second = csv.reader(io.StringIO(text, newline=""))
    assert tuple(header) == HEADER
    row = dict(zip(header, first, strict=True))
    assert (row["position"], row["username"], row["source_ip"], row["request_id"]) == ("1", "'+ann@example.com", "'=cmd|' /C calc'!A0", "'@SUM(1)")
    assert msgspec.json.decode(row["details"])["name"] == "a\nb"
    assert second[0] == "2"
    assert [line[0] for line in csv.reader(io.StringIO(b"".join(files.csv(Wanted(resource_id="name_x"), {})).decode()))] == ["position", "1"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2))
def test_cells_are_read_as_they_were_written(texts):
    line = ",".join(map(quoted, texts)) + "\r\n"
    assert list(csv.reader(io.StringIO(line, newline=""))) == [texts]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_compute_is_quoted(start):
    assert harmless(start + "1") == "'" + start + "1"
    assert harmless("1" + start) == "1" + start
