"""Lines on their way to the store: numbered, bounded, and honest about what is missing."""

import json

from adapters.task_logs import buffer
from adapters.task_logs.buffer import CHUNK, TAIL, Buffer


def drain(full: Buffer) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    while chunk := full.chunk():
        assert chunk.first == len(lines) + 1
        lines += [json.loads(line) for line in chunk.lines]
        full.stored()
    return lines


def test_lines_are_numbered_and_a_chunk_stays_as_it_is_until_it_is_stored():
    lines = Buffer()
    lines.add("one", "info", offset=10)
    first = lines.chunk()
    lines.add("two", "warn", offset=20)
    assert lines.chunk() is first
    assert (first.first, len(first.lines), first.offset) == (1, 1, 10)
    lines.stored()
    second = lines.chunk()
    assert (second.first, json.loads(second.lines[0])["message"], second.offset) == (2, "two", 20)


def test_a_chunk_tells_how_far_the_source_was_read_with_its_own_last_line():
    lines = Buffer(seq=7, offset=5)
    for n in range(CHUNK + 1):
        lines.add("x", "info", offset=100 + n)
    chunk = lines.chunk()
    assert (chunk.first, len(chunk.lines), chunk.offset, lines.offset) == (7, CHUNK, 100 + CHUNK - 1, 100 + CHUNK)


def test_a_long_line_is_split_and_what_cannot_be_stored_is_replaced():
    lines = Buffer()
    lines.add("天" * 40_000, "info")
    lines.add("a\0b\udc80", "info")
    messages = [line["message"] for line in drain(lines)]
    assert [len(message) for message in messages] == [16384, 16384, 40_000 - 2 * 16384, 4]
    assert messages[-1] == "a␀b?"


def test_what_does_not_fit_while_the_database_is_away_is_counted_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(buffer, "WAITING", 10_000)
    lines = Buffer()
    for n in range(1000):
        lines.add(f"line {n}", "info")
    kept = lines.seq - 1
    assert 10 < kept < 200
    waiting = drain(lines)
    lines.add("after", "info")
    assert waiting[-1]["message"] == f"line {kept - 1}"
    assert lines.lost
    chunk = lines.chunk()
    assert [json.loads(line)["message"] for line in chunk.lines] == [f"{1000 - kept} lines were dropped here", "after"]


def test_what_was_dropped_last_is_told_at_the_end(monkeypatch):
    monkeypatch.setattr(buffer, "WAITING", 100)
    lines = Buffer()
    for _ in range(10):
        lines.add("x" * 30, "info")
    lines.finish()
    assert "lines were dropped here" in drain(lines)[-1]["message"]


def test_of_a_log_without_end_the_beginning_and_the_last_lines_are_kept(monkeypatch):
    monkeypatch.setattr(buffer, "KEPT", 1 << 20)
    lines = Buffer()
    for n in range(20_000):
        lines.add(f"line {n}", "info")
    lines.finish()
    messages = [line["message"] for line in drain(lines)]
    [notice] = [n for n, message in enumerate(messages) if message.startswith("the log has reached 1 MiB")]
    assert messages[:notice] == [f"line {n}" for n in range(notice)]
    assert messages[notice + 1] == f"{20_000 - notice - TAIL} lines were dropped here"
    assert messages[notice + 2:] == [f"line {n}" for n in range(20_000 - TAIL, 20_000)]
    assert lines.lost
