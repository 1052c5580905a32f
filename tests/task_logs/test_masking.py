"""Secrets out of log lines."""

import base64
from urllib.parse import quote

import pytest

from adapters.task_logs.masking import MASK, masker

SECRET = "pa/ss wörd+123"
PEM = "-----BEGIN KEY-----\nQUJDREVGR0hJSktMTU5PUA==\nc2hvcnQ=\n-----END KEY-----\n"


@pytest.mark.parametrize("shown", [
    SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode(), base64.b64encode(SECRET.encode()).decode().rstrip("="),
    base64.urlsafe_b64encode(SECRET.encode()).decode(),
])
def test_a_value_is_masked_as_it_is_and_in_its_usual_encodings(shown):
    assert masker([SECRET])(f"token={shown}; again {shown}.") == f"token={MASK}; again {MASK}."


def test_the_longest_value_is_masked_first():
    assert masker(["abcdef", "abcdef-and-more"])("x abcdef-and-more y abcdef") == f"x {MASK} y {MASK}"


def test_short_values_and_none_leave_the_text_alone():
    for values in ((), ("",), ("12345",), ("\n",)):
        assert masker(values)("12345 and more") == "12345 and more"


@pytest.mark.parametrize("value", [PEM, base64.b64encode(PEM.encode()).decode()])
def test_each_line_of_a_key_is_masked_also_where_the_setting_is_its_base64(value):
    mask = masker([value])
    assert mask("read QUJDREVGR0hJSktMTU5PUA== from c2hvcnQ=") == f"read {MASK} from {MASK}"
    assert "QUJD" not in mask(PEM)


def test_a_value_that_is_a_pattern_is_taken_literally():
    assert masker(["a.*b(c"])("axxb(c a.*b(c") == f"axxb(c {MASK}"


def test_a_value_with_a_lone_surrogate_does_not_break_it():
    assert masker(["abc\udc80def"])("abc\udc80def") == MASK
