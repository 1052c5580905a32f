"""Rows as PostgreSQL's binary COPY takes them. A column at a time: so most of the work is done by C, and what comes again is packed once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, repeat
from struct import Struct
from struct import error as OutOfRange
from typing import Any

from projections.engine.connections import encode

Packer = Callable[[Sequence[Any]], Iterable[bytes]]
"""The values of a column, each behind its length."""
BEGIN, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
TEXT = 25
"""The database's number of the type."""
number, small, large, real, array = Struct("!i"), Struct("!ii"), Struct("!iq"), Struct("!id"), Struct("!iiiii")
NULL = number.pack(-1)
NO_TEXTS = number.pack(12) + Struct("!iii").pack(0, 0, TEXT)
TRUTHS = {True: b"\0\0\0\1\1", False: b"\0\0\0\1\0", None: NULL}


def packed(types: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """`types`: of the columns, as `projections.engine.shapes` knows them. Raises ValueError for what no such column can hold."""
    columns = [PACKERS[kind](values) for kind, values in zip(types, zip(*rows, strict=True), strict=True)]
    width = Struct("!h").pack(len(types))
    try:
        return b"".join([BEGIN, *chain.from_iterable(zip(repeat(width, len(rows)), *columns, strict=True)), END])
    except OutOfRange as found:
        raise ValueError(f"a number is too large for its column: {found}") from found


class Texts(dict[str | None, bytes]):
    """Many come again: topics, ids, names."""

    def __missing__(self, text: str) -> bytes:
        data = text.encode()
        found = self[text] = number.pack(len(data)) + data
        return found


def texts(values: Sequence[str | None]) -> Iterator[bytes]:
    return map(Texts({None: NULL}).__getitem__, values)


def numbers(form: Struct, size: int) -> Packer:
    pack = form.pack

    def of(values: Sequence[float | None]) -> Iterable[bytes]:
        if None in values:
            return [NULL if value is None else pack(size, value) for value in values]
        return map(pack, repeat(size), values)

    return of


def moments(values: Sequence[datetime | None]) -> Iterator[bytes]:
    """Neighbours are often the same."""
    before, data = None, NULL
    for value in values:
        if value is not before and value != before:
            data = NULL if value is None else moment(value)
            before = value
        yield data


def moment(value: datetime) -> bytes:
    since = value - EPOCH
    return large.pack(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def ids(values: Sequence[Any]) -> Iterator[bytes]:
    """UUIDs. Neighbours are often the same."""
    before, data = None, NULL
    for value in values:
        if value is not before:
            data = NULL if value is None else b"\0\0\0\x10" + value.bytes
            before = value
        yield data


def documents(values: Sequence[object]) -> Iterator[bytes]:
    for value in values:
        if value is None:
            yield NULL
        else:
            data = encode(value)
            yield number.pack(len(data)) + data


def lists(values: Sequence[Sequence[str] | None]) -> Iterator[bytes]:
    known = Texts()
    for value in values:
        if value:
            data = b"".join(map(known.__getitem__, value))
            yield number.pack(20 + len(data)) + array.pack(1, 0, TEXT, len(value), 1) + data
        else:
            yield NULL if value is None else NO_TEXTS


def truths(values: Sequence[bool | None]) -> Iterator[bytes]:
    return map(TRUTHS.__getitem__, values)


PACKERS: Mapping[str, Packer] = {
    "text": texts, "uuid": ids, "timestamptz": moments, "boolean": truths, "int": numbers(small, 4), "bigint": numbers(large, 8),
    "float8": numbers(real, 8), "json": documents, "text[]": lists,
}
