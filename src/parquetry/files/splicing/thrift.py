"""A lossless codec for Thrift's compact protocol, the language of Parquet's footers.

Reading cuts a struct into fields and leaves their values as they are, except where a *shape* says
to open them: `{4: {1: {3: {}}}}` opens the row groups of a footer, their chunks and the chunks'
metadata. A footer then costs about 12 µs a column chunk, and what is written back is what was read.

The bytes may be hostile: every size is held against the bytes that are left before anything is
made of it, nesting ends at `MAX_DEPTH`, and what does not add up is a `CorruptionError`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from parquetry.errors import CorruptionError
from parquetry.files.splicing.structs import (
    BINARY,
    FALSE,
    FIXED_BYTES,
    I16,
    I64,
    LAST,
    LIST,
    MAP,
    SET,
    STRUCT,
    TRUE,
    WIDEST_VARINT,
    Shape,
    Struct,
    read_varint,
    varint,
    zigzag,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH = 32
"""How deep values may nest. Those of Parquet nest seven deep."""

_BYTES = tuple(bytes([code]) for code in range(256))
_NIBBLE = 15
_MARK = 8  # bytes by which structs of one writer are found


def decode_struct(data: bytes, shape: Shape | None = None) -> Struct:
    """Return the struct that `data` begins with, opened as far as `shape` says.

    Args:
        data: Bytes that begin with a struct. What follows it is not looked at.
        shape: Which fields that hold a struct or a list of structs to open.

    Raises:
        CorruptionError: If the bytes are no struct: cut off, too deep, sizes beyond the end.
    """
    try:
        struct, _ = _struct(data, 0, shape or {}, MAX_DEPTH)
    except IndexError:
        raise _cut_off(data) from None
    return struct


def read_struct(data: bytes, at: int) -> tuple[Struct, int]:
    """Return the struct that stands at a place, and the place behind it."""
    try:
        return _struct(data, at, {}, MAX_DEPTH)
    except IndexError:
        raise _cut_off(data) from None


def decode_structs(data: bytes, shape: Shape | None = None) -> list[Struct]:
    """Return the structs of the list that `data` begins with, each opened as `shape` says."""
    try:
        if data[0] & _NIBBLE != STRUCT:
            raise CorruptionError("The Thrift data hold a list of something else than structs.")
        structs, _ = _structs(data, 0, shape or {}, MAX_DEPTH)
    except IndexError:
        raise _cut_off(data) from None
    return structs


def cut_list(data: bytes, field: int, shape: Shape | None = None) -> tuple[Struct, list[bytes]]:
    """Return the struct that `data` begins with, and the bytes of the structs in one of its lists.

    To pass over structs takes most of the time that reading a footer takes. Those of one writer begin
    alike, and so are found by that. Where more or fewer places begin so, they are passed over after all;
    whoever reads them has to see whether each ends where it should.

    Args:
        data: Bytes that begin with a struct.
        field: The field that holds the list; in the struct that is returned it is empty.
        shape: As of `decode_struct`.

    Raises:
        CorruptionError: If the bytes are no struct.
    """
    try:
        place = _find(data, field)
        if place is None:
            return decode_struct(data, shape), []
        size, at = _list_size(data, place)
        if data[place] & _NIBBLE != STRUCT or not size:
            return decode_struct(data, shape), []
        starts = _find_alike(data, at, size)
        if starts is None:
            _, values = decode_list(data[place:])
            end = at + sum(map(len, values))
        else:
            end = _skip_struct(data, starts[-1], MAX_DEPTH)
            values = [data[a:b] for a, b in pairwise([*starts, end])]
    except IndexError:
        raise _cut_off(data) from None
    return decode_struct(b"".join((data[:place], list_header(0), data[end:])), shape), values


def _find(data: bytes, wanted: int) -> int | None:
    """Return where the value of a field begins, None if the struct does not have it."""
    at = field = 0
    while header := data[at]:
        at += 1
        if step := header >> 4:
            field += step
        else:
            number, at = read_varint(data, at)
            field = (number >> 1) ^ -(number & 1)
        if field == wanted:
            return at
        if header & _NIBBLE not in {TRUE, FALSE}:
            at = _skip(data, at, header & _NIBBLE, MAX_DEPTH)
    return None


def _find_alike(data: bytes, at: int, size: int) -> list[int] | None:
    """Return where so many structs begin as the one at a place does, None if that is not certain."""
    mark = data[at : at + _MARK]
    starts = [at]
    while len(starts) <= size:
        at = data.find(mark, at + _MARK)
        if at < 0:
            break
        starts.append(at)
    return starts if len(starts) == size else None


def decode_list(data: bytes) -> tuple[int, list[bytes]]:
    """Return of which type the elements of the list are that `data` begins with, and their bytes."""
    try:
        kind = data[0] & _NIBBLE
        size, at = _list_size(data, 0)
        values: list[bytes] = []
        for _ in range(size):
            end = _skip_many(data, at, 1, kind, MAX_DEPTH)
            values.append(data[at:end])
            at = end
    except IndexError:
        raise _cut_off(data) from None
    return kind, values


def encode_list(kind: int, values: Sequence[bytes]) -> bytes:
    """Return the bytes of a list of elements of one type."""
    return b"".join((list_header(len(values), kind), *values))


def encode_struct(struct: Struct) -> bytes:
    """Return the bytes of a struct."""
    out: list[bytes] = []
    _write(struct, out)
    return b"".join(out)


def encode_structs(structs: Sequence[Struct]) -> bytes:
    """Return the bytes of a list of structs."""
    out = [list_header(len(structs))]
    for struct in structs:
        _write(struct, out)
    return b"".join(out)


def _cut_off(data: bytes) -> CorruptionError:
    return CorruptionError(f"The {len(data)} bytes of Thrift data end in the middle of a value.")


def field_header(last: int, field: int, kind: int) -> bytes:
    """Return what stands before the value of a field that comes behind another, or behind none (0)."""
    step = field - last
    if 0 < step <= _NIBBLE:
        return _BYTES[step << 4 | kind]
    return _BYTES[kind] + zigzag(field)


def list_header(size: int, kind: int = STRUCT) -> bytes:
    """Return what stands before the elements of a list."""
    if size < _NIBBLE:
        return _BYTES[size << 4 | kind]
    return _BYTES[0xF0 | kind] + varint(size)


def _write(struct: Struct, out: list[bytes]) -> None:
    last = 0
    for field, (kind, value) in struct.items():
        out.append(field_header(last, field, kind))
        last = field
        if type(value) is bytes:
            out.append(value)
        elif isinstance(value, Struct):
            _write(value, out)
        elif isinstance(value, list):
            out.append(encode_structs(value))
    out.append(b"\0")


def _struct(data: bytes, at: int, shape: Shape, depth: int) -> tuple[Struct, int]:
    """Cut a struct into its fields. It runs for every field of a footer, so it is one loop."""
    if depth <= 0:
        _hold_depth(depth)
    struct = Struct()
    field = 0
    while header := data[at]:
        at += 1
        kind = header & _NIBBLE
        if step := header >> 4:
            field += step
        else:
            number, at = read_varint(data, at)
            field = (number >> 1) ^ -(number & 1)
        start = at
        if I16 <= kind <= I64:
            while data[at] > LAST:
                at += 1
            at += 1
            if at - start > WIDEST_VARINT:
                raise _too_long()
        elif field in shape and kind == STRUCT:
            opened, at = _struct(data, at, shape[field], depth - 1)
            struct[field] = (kind, opened)
            continue
        elif field in shape and kind == LIST and data[at] & _NIBBLE == STRUCT:
            many, at = _structs(data, at, shape[field], depth - 1)
            struct[field] = (kind, many)
            continue
        else:
            at = _skip(data, at, kind, depth)
        struct[field] = (kind, data[start:at])
    return struct, at + 1


def _structs(data: bytes, at: int, shape: Shape, depth: int) -> tuple[list[Struct], int]:
    size, at = _list_size(data, at)
    many: list[Struct] = []
    for _ in range(size):
        opened, at = _struct(data, at, shape, depth)
        many.append(opened)
    return many, at


def _list_size(data: bytes, at: int) -> tuple[int, int]:
    """Return how many elements a list has, and the position of the first."""
    size = data[at] >> 4
    at += 1
    if size == _NIBBLE:
        size, at = read_varint(data, at)
    if size > len(data) - at:  # an element takes a byte at least
        _hold_size(data, at, size)
    return size, at


def _hold_size(data: bytes, at: int, size: int) -> None:
    left = len(data) - at
    if size > left:
        raise CorruptionError(
            f"A value in the Thrift data claims {size} bytes or elements; {left} bytes are left."
        )


def _hold_depth(depth: int) -> None:
    if depth <= 0:
        raise CorruptionError(f"The Thrift data nest deeper than {MAX_DEPTH} levels.")


def _skip_number(data: bytes, at: int) -> int:
    start = at
    while data[at] > LAST:
        at += 1
    if at - start >= WIDEST_VARINT:
        raise _too_long()
    return at + 1


def _too_long() -> CorruptionError:
    return CorruptionError("A number in the Thrift data is longer than ten bytes.")


def _skip(data: bytes, at: int, kind: int, depth: int) -> int:
    """Return the position behind a value that stays as it is."""
    if kind == BINARY:
        size = data[at]
        if size > LAST:
            size, at = read_varint(data, at)
        else:
            at += 1
        if size > len(data) - at:
            _hold_size(data, at, size)
        return at + size
    if kind == STRUCT:
        return _skip_struct(data, at, depth)
    if kind in {LIST, SET}:
        element = data[at] & _NIBBLE
        size, at = _list_size(data, at)
        return _skip_many(data, at, size, element, depth)
    if I16 <= kind <= I64:
        return _skip_number(data, at)
    if kind == MAP:
        return _skip_map(data, at, depth)
    fixed = FIXED_BYTES.get(kind)
    if fixed is None:
        raise CorruptionError(f"The Thrift data hold a value of the unknown type {kind}.")
    _hold_size(data, at, fixed)
    return at + fixed


def _skip_struct(data: bytes, at: int, depth: int) -> int:
    """Pass over a struct. It runs for most of the bytes of a footer, so numbers are passed over here."""
    if depth <= 0:
        _hold_depth(depth)
    while header := data[at]:
        at += 1
        kind = header & _NIBBLE
        if header <= _NIBBLE:
            at = _skip_number(data, at)
        if I16 <= kind <= I64:
            start = at
            while data[at] > LAST:
                at += 1
            at += 1
            if at - start > WIDEST_VARINT:
                raise _too_long()
        elif kind not in {TRUE, FALSE}:
            at = _skip(data, at, kind, depth - 1)
    return at + 1


def _skip_many(data: bytes, at: int, size: int, kind: int, depth: int) -> int:
    _hold_depth(depth)
    if kind in {TRUE, FALSE}:  # among many a boolean is a byte; as a field it is none
        _hold_size(data, at, size)
        return at + size
    if kind == STRUCT:
        for _ in range(size):
            at = _skip_struct(data, at, depth - 1)
        return at
    for _ in range(size):
        at = _skip(data, at, kind, depth - 1)
    return at


def _skip_map(data: bytes, at: int, depth: int) -> int:
    size, at = read_varint(data, at)
    if not size:
        return at
    kinds = data[at]
    at += 1
    _hold_size(data, at, size)
    for _ in range(size):
        at = _skip_many(data, at, 1, kinds >> 4, depth)
        at = _skip_many(data, at, 1, kinds & _NIBBLE, depth)
    return at
