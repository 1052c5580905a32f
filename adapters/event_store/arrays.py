"""One-dimensional arrays in PostgreSQL's binary format, packed by hand: psycopg's own list dumpers cost as much as the rest of an append.

An array is a header (dimensions, a flag for nulls, the elements' type; then length and lower bound, unless it is empty) and the elements,
each behind its length in bytes, a null with the length -1.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

INT4 = struct.Struct(">i").pack
INT8 = struct.Struct(">q").pack
NULL = INT4(-1)


class PackedArray:
    """An array that is sent as it is. The statement says its type (`%s::text[]`)."""

    __slots__ = ("data",)

    def __init__(self, elements: Sequence[bytes | None], type_oid: int) -> None:
        parts = [struct.pack(">iiiii", 1, 1, type_oid, len(elements), 1) if elements else struct.pack(">iii", 0, 0, type_oid)]
        for element in elements:
            if element is None:
                parts.append(NULL)
            else:
                parts += (INT4(len(element)), element)
        self.data = b"".join(parts)


class PackedArrayDumper(Dumper):
    """Gives psycopg the bytes; to be registered on a connection's `adapters`."""

    format = Format.BINARY

    def dump(self, obj: PackedArray) -> bytes:
        return obj.data


def register(conn: psycopg.Connection) -> None:
    """Let the connection take packed arrays as parameters."""
    conn.adapters.register_dumper(PackedArray, PackedArrayDumper)


def _of(type_oid: int) -> Callable[[Iterable[bytes | None]], PackedArray]:
    return lambda elements: PackedArray(list(elements), type_oid)


texts = _of(25)
"""Of UTF-8 bytes."""
byteas = _of(17)
int8s = _of(20)
"""Of numbers packed by INT8."""
int4s = _of(23)
"""Of numbers packed by INT4."""


def uuids(values: Iterable[UUID | None]) -> PackedArray:
    return PackedArray([value.bytes if value else None for value in values], 2950)
