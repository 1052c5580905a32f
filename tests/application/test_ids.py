"""Ids: when they were made, in their first ten characters, and 80 bits of chance in the other sixteen."""

import time

from application.house import ALPHABET, eight, moment, new_id


def number(text: str) -> int:
    found = 0
    for character in text:
        found = found << 5 | ALPHABET.index(character)
    return found


def test_an_id_tells_when_it_was_made_and_sorts_by_that():
    before = time.time_ns() // 1_000_000
    ids = [new_id("chg") for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 1000
    moments = [number(id.removeprefix("chg_")[:10]) for id in ids]
    assert before <= moments[0] <= moments[-1] <= after
    assert moments == sorted(moments)
    assert {len(id) for id in ids} == {len("chg_") + 26}


def test_every_bit_has_its_place_in_the_characters():
    for bits in (0, 1, 1 << 39, (1 << 40) - 1, 0x123456789A):
        assert (number(eight(bits)), len(eight(bits))) == (bits, 8)
        assert (number(moment(bits)), len(moment(bits))) == (bits, 10)
    assert number(moment((1 << 48) - 1)) == (1 << 48) - 1
