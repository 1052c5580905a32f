"""The checks of a campaign see what they are to see."""

from collections import Counter

import pytest

from api.demo.client import Json
from tests.kill.checks import INTERRUPTED, assert_honest, assert_one_receipt_each
from tests.kill.marks import LINES

TESTED: Json = {"id": "task_1", "type": "test", "status": "success"}
DEPLOYED: Json = {"id": "task_2", "type": "deploy", "status": "success"}


def log(*messages: str, complete: bool = True) -> Json:
    lines = [{"seq": n, "level": "warn" if text.startswith(INTERRUPTED) else "info", "message": text} for n, text in enumerate(messages, 1)]
    return {"logs": lines, "complete": complete}


def numbered(*, without: int = -1) -> list[str]:
    return [f"line {n}" for n in range(LINES) if n != without]


def test_a_second_end_receipt_for_a_key_is_seen():
    with pytest.raises(AssertionError, match="twice"):
        assert_one_receipt_each(Counter({("start", "task_2-1"): 1, ("end", "task_2-1"): 2}))


def test_an_end_without_a_start_is_seen():
    with pytest.raises(AssertionError):
        assert_one_receipt_each(Counter({("end", "task_2-1"): 1}))


def test_a_whole_log_is_fine_and_so_is_one_that_says_where_it_was_cut(tmp_path):
    assert assert_honest(TESTED, log(*numbered()), tmp_path) is False
    assert assert_honest(TESTED, log("line 0", f"{INTERRUPTED}: lines may be missing", *numbered(), complete=False), tmp_path) is True


def test_a_missing_line_is_seen_where_the_log_says_that_it_is_complete(tmp_path):
    with pytest.raises(AssertionError, match="lost lines"):
        assert_honest(TESTED, log(*numbered(without=7)), tmp_path)


def test_a_gap_in_the_numbers_is_seen(tmp_path):
    gapped = log(*numbered(), complete=False)
    del gapped["logs"][5]
    with pytest.raises(AssertionError, match="gap"):
        assert_honest(TESTED, gapped, tmp_path)


def test_a_cut_log_that_says_it_is_complete_is_seen(tmp_path):
    with pytest.raises(AssertionError, match="says that it is complete"):
        assert_honest(TESTED, log(f"{INTERRUPTED}: lines may be missing", *numbered()), tmp_path)


def test_what_the_host_printed_and_the_log_does_not_have_is_seen(tmp_path):
    (tmp_path / ".tiangong/jobs/task_2-1").mkdir(parents=True)
    (tmp_path / ".tiangong/jobs/task_2-1/output").write_text("unpacked\nrestarted\n")
    assert assert_honest(DEPLOYED, log("uploading", "unpacked", "restarted"), tmp_path) is False
    with pytest.raises(AssertionError, match="the host printed what the log does not have"):
        assert_honest(DEPLOYED, log("uploading", "unpacked"), tmp_path)
