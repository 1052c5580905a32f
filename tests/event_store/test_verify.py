"""What the verification of an exported file finds, and where."""

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.event_store.chain import GENESIS
from adapters.event_store.lines import SIGNED
from adapters.event_store.signing import is_signed, pem, public_key
from adapters.event_store.verify import Verdict, kept_line, kept_lines, verify
from tests.event_store.audit import SIGNER, STRANGER, chained, exported, log_of, marks

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), min_size=1, max_size=12)
FILTERS = st.sampled_from([{}, {"user_id": "usr_1"}, {"action": "name.freed"}, {"resource": "name", "resource_id": "name_2"}])


def told(file: bytes, *keys: str) -> Verdict:
    return verify(file.splitlines(keepends=True), keys or (SIGNER.public,))


def lines_of(file: bytes) -> list[bytes]:
    # JSON has other line ends within its texts, but no line feed
    return [line + b"\n" for line in file.split(b"\n")[:-1]]


def position_of(line: bytes) -> int:
    fields = msgspec.json.decode(line)
    return fields.get("position") or fields.get("checkpoint")


@st.composite
def files(draw, least: int = 1):
    """A file, and how it was made: of the whole log or a part, with or without a filter and checkpoints."""
    names = draw(NAMES.filter(lambda found: len(found) >= least))
    first = draw(st.integers(1, len(names) - least + 1))
    last = draw(st.integers(first + least - 1, len(names)))
    return exported(log_of(names), first, last, draw(FILTERS), every=draw(st.integers(0, 3))), first, last


@settings(deadline=None, max_examples=40)
@given(files())
def test_every_file_as_it_was_made_is_verified(made):
    file, first, last = made
    verdict = verify(lines_of(file), [SIGNER.public])
    assert verdict.bad is None, verdict
    assert f"from {first} to {last}" in verdict.message


@settings(deadline=None, max_examples=200)
@given(files(), st.data())
def test_one_flipped_bit_is_found_in_its_line(made, data):
    file, first, last = made
    at = data.draw(st.integers(0, len(file) - 1))
    flipped = file[:at] + bytes([file[at] ^ (1 << data.draw(st.integers(0, 7)))]) + file[at + 1:]
    verdict = verify(flipped.splitlines(keepends=True), [SIGNER.public])
    assert verdict.bad is not None
    line = lines_of(file)[file[:at].count(b"\n")]
    if line.startswith(b'{"position":'):
        assert verdict.bad == position_of(line)
    elif line.startswith(b'{"checkpoint":'):
        assert verdict.bad == position_of(line) + 1
    else:
        assert first <= verdict.bad <= last + 1 or verdict.bad == 1


@given(st.integers(1, 3), FILTERS)
def test_an_only_line_that_has_run_into_the_closing_line_is_found_at_its_position(position, chosen):
    line, closing = lines_of(exported(log_of(["ann", "bob", "eve"]), position, position, chosen))
    assert verify([line[:-1] + b"\x0b" + closing], [SIGNER.public]).bad == position


@settings(deadline=None, max_examples=40)
@given(files(), st.data())
def test_a_deleted_line_is_found_where_it_stood(made, data):
    file, _, last = made
    lines = lines_of(file)
    at = data.draw(st.integers(0, len(lines) - 1))
    bad = verify(lines[:at] + lines[at + 1:], [SIGNER.public]).bad
    assert bad == last + 1 if at == len(lines) - 1 else bad in (position_of(lines[at]), position_of(lines[at]) + 1)


@settings(deadline=None, max_examples=40)
@given(files(), st.data())
def test_an_inserted_line_is_found_where_it_stands(made, data):
    file, _, last = made
    lines = lines_of(file)
    at = data.draw(st.integers(0, len(lines)))
    changed = [*lines[:at], data.draw(st.sampled_from(lines)), *lines[at:]]
    bad = verify(changed, [SIGNER.public]).bad
    assert bad is not None
    if 0 < at < len(lines):
        assert bad == position_of(lines[at - 1]) + 1 or changed[at] == lines[at] or bad == last + 1


@settings(deadline=None, max_examples=40)
@given(files(least=2), st.data())
def test_two_swapped_lines_are_found_at_the_first(made, data):
    file, first, _ = made
    lines = lines_of(file)
    one, other = sorted(data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True)))
    lines[one], lines[other] = lines[other], lines[one]
    want = first + sum(line.startswith(b'{"position":') for line in lines_of(file)[:one])
    assert verify(lines, [SIGNER.public]).bad in (want, 1)


@settings(deadline=None, max_examples=40)
@given(files(), st.data())
def test_a_truncated_file_is_found_at_its_end(made, data):
    file, first, _ = made
    cut = file[:data.draw(st.integers(0, len(file) - 1))]
    want = first + sum(line.startswith(b'{"position":') for line in lines_of(cut))
    assert verify(cut.splitlines(keepends=True), [SIGNER.public]).bad in (want, 1)


@settings(deadline=None, max_examples=40)
@given(files(), st.data())
def test_a_file_made_anew_by_somebody_else_is_found_by_the_key(made, data):
    file, first, _ = made
    verdict = told(file, STRANGER.public)
    assert (verdict.bad, "not by a key that was given" in verdict.message) == (first, True)


def test_a_history_rewritten_by_who_holds_the_key_is_found_by_a_checkpoint_kept_outside():
    rows = log_of(list("abcdefgh"))
    kept = kept_lines(map(kept_line, marks(rows, 2)))
    state = rows[4].state.replace(b'"e"', b'"x"')
    forged = chained([*rows[:4], rows[4]._replace(state=state), *rows[5:]])
    file = exported(forged, every=2)
    assert told(file).bad is None, "nothing in the file itself tells"
    verdict = verify(lines_of(file), [SIGNER.public], kept)
    assert (verdict.bad, "kept" in verdict.message or "made anew" in verdict.message) == (5, True)


def test_a_wrong_signature_names_the_first_position_that_no_checkpoint_vouches_for():
    rows = log_of(list("abcdefgh"))
    file = exported(rows, every=3)
    signed = msgspec.json.decode(lines_of(file)[-1])["signature"].encode()
    wrong = file.replace(signed, signed[:-1] + (b"0" if signed[-1:] != b"0" else b"1"))
    verdict = told(wrong)
    assert (verdict.bad, "nothing vouches for what stands behind position 6" in verdict.message) == (7, True)


def test_positions_left_out_without_a_filter_are_found():
    rows = log_of(list("abc"))
    file = exported(rows, chosen={"user_id": "usr_1"})
    body, _, _ = lines_of(file)[-1].rpartition(b',"signature":')
    plain = body.replace(b'"filter":{"user_id":"usr_1"}', b'"filter":{}')
    again = b"".join(lines_of(file)[:-1]) + plain + b',"signature":"%s"}\n' % SIGNER.sign(SIGNED + plain).encode()
    assert "names no filter" in told(again).message


@given(NAMES)
def test_the_same_piece_has_the_same_bytes(names):
    rows = log_of(names)
    assert exported(rows, every=2) == exported(rows, every=2)


def test_two_pieces_follow_one_another():
    rows = log_of(list("abcdefgh"))
    one, two = (msgspec.json.decode(lines_of(file)[-1]) for file in (exported(rows, 1, 5), exported(rows, 6)))
    assert (one["digest"], one["last_position"] + 1) == (two["previous"], two["from"])
    assert one["previous"] == GENESIS.hex()


def test_a_file_can_be_verified_by_hand():
    """As docs/audit.md tells."""
    file = exported(log_of(list("ab")), every=1)
    lines = lines_of(file)
    before = b""
    for line in lines[:-1]:
        body, _, seal = line.rpartition(b',"seal":"')
        assert seal == hashlib.sha256(before + body).hexdigest()[:16].encode() + b'"}\n'
        before += line
    closing = msgspec.json.decode(lines[-1])
    assert closing["content"] == hashlib.sha256(before).hexdigest()
    body, _, signature = lines[-1].rpartition(b',"signature":"')
    assert is_signed(closing["key"], b"tiangong-deploy export v1\n" + body, signature[:128].decode())
    mark = msgspec.json.decode(lines[1])
    message = f"tiangong-deploy checkpoint v1\n{mark['checkpoint']}\n{mark['digest']}\n{mark['signed_at']}\n"
    assert is_signed(mark["key"], message.encode(), mark["signature"])


def test_a_public_key_is_read_from_hex_pem_and_files(tmp_path):
    file = tmp_path / "key.pem"
    file.write_text(pem(SIGNER.public))
    assert {public_key(SIGNER.public), public_key(SIGNER.public.upper()), public_key(file.read_text()), public_key(str(file))} == {SIGNER.public}
    for nonsense in ("", "abc", str(tmp_path), SIGNER.public[:-1]):
        with pytest.raises(ValueError, match="no Ed25519 public key"):
            public_key(nonsense)


@pytest.mark.parametrize("text", [b"", b"\n", b"{}\n", b"null\n", b'{"position":1}\n', b'{"count":1}\n', b"\xff\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_export_is_refused(text):
    assert verify([text] if text else []).bad == 1
