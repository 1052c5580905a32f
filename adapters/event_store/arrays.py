"""One-dimensional arrays in PostgreSQL's binary format, packed by hand: psycopg's own list dumpers cost as much as the rest of an append.

An array is a header (dimensions, a flag for nulls, the elements' type; then length and lower bound, unless it is empty) and the elements,
each behind its length in bytes, a null with the length -1.
"""

import struct
from collections.abc import Iterable, Sequence
from uuid import UUID

INT4 = struct.Struct(">i").pack
INT8 = struct.Struct(">q").pack
NULL = INT4(-1)
HEADER = struct.Struct(">iiiii").pack
EMPTY = struct.Struct(">iii").pack
SIZES = tuple(INT4(size) for size in range(1024))
"""Most lengths, packed once."""


def packed(elements: Sequence[bytes | None], type_oid: int) -> bytes:
    """Nulls and whatever else."""
    if not elements:
        return EMPTY(0, 0, type_oid)
    parts = [HEADER(1, 1, type_oid, len(elements), 1)]
    for element in elements:
        if element is None:
            parts.append(NULL)
        else:
            size = len(element)
            parts += (SIZES[size] if size < 1024 else INT4(size), element)
    return b"".join(parts)


def texts(elements: Sequence[bytes]) -> bytes:
    """Of UTF-8 bytes."""
    return packed(elements, 25)


def byteas(elements: Sequence[bytes]) -> bytes:
    return packed(elements, 17)


def int8s(elements: Sequence[bytes]) -> bytes:
    """Of numbers packed by INT8."""
    return packed(elements, 20)


def int4s(elements: Sequence[bytes]) -> bytes:
    """Of numbers packed by INT4."""
    return packed(elements, 23)


def uuids(values: Iterable[UUID | None]) -> bytes:
    return packed([value.bytes if value else None for value in values], 2950)


def numbers(array: bytes | None) -> list[int]:
    """What PostgreSQL answers as int4[] or int8[] without nulls inside; nothing for a null."""
    if not array:
        return []
    dimensions, _, type_oid = struct.unpack_from(">iii", array)
    if not dimensions:
        return []
    (count,) = struct.unpack_from(">i", array, 12)
    return list(struct.unpack_from(">" + count * ("4xi" if type_oid == 23 else "4xq"), array, 20))
