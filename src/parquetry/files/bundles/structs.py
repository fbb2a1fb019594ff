"""Thrift structs of many files side by side: field id → (type, the value in each of them).

What `splicing.structs.Struct` is for one file, `Structs` is for many that have the same fields: what
nobody touches stays the bytes that it was in each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from parquetry.files.lockstep import Numbers, Spans, UnusualError, unzigzagged
from parquetry.files.splicing.structs import (
    FALSE,
    I16,
    I64,
    LIST,
    STRUCT,
    TRUE,
    FieldMap,
    Shape,
    Struct,
)
from parquetry.files.splicing.thrift import field_header, list_header

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from parquetry.files.lockstep import Flags, Walk

MOST_ITEMS = 4096
"""Longer lists are not walked through: a step costs too much for the few files that have them."""

Bytes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"


class Cut(NamedTuple):
    """Where the bytes of each file stand."""

    data: Bytes
    starts: Numbers
    lengths: Numbers

    @classmethod
    def of(cls, each: Sequence[bytes]) -> Cut:
        """Return the bytes of each file."""
        lengths = np.array([len(one) for one in each], np.int64)
        return cls(np.frombuffer(b"".join(each), np.uint8), np.cumsum(lengths) - lengths, lengths)

    def each(self) -> list[bytes]:
        """Return the bytes of each file."""
        return Spans(self.starts, self.lengths).each(self.data)

    def at(self, number: int) -> bytes:
        """Return the bytes of one file."""
        start = int(self.starts[number])
        return self.data[start : start + int(self.lengths[number])].tobytes()

    def first(self) -> bytes:
        """Return the bytes of the first file."""
        return self.at(0)

    def only(self, kept: Flags) -> Cut:
        """Return those of some of the files."""
        return Cut(self.data, self.starts[kept], self.lengths[kept])


class ReadIntegers(NamedTuple):
    """Integers as they were read, and the bytes that they were read from."""

    cut: Cut
    raw: Numbers


Part: TypeAlias = "bytes | Cut | Numbers"
"""Bytes that all files share, bytes of each, or a number of each that is still to be encoded."""

Value: TypeAlias = "bytes | Cut | Numbers | ReadIntegers | Structs | list[Structs]"


class Structs(FieldMap["Value"]):
    """A struct in each of several files: field id → (type code, values), in the order of the bytes."""

    @classmethod
    def of(cls, struct: Struct) -> Structs:
        """Return a struct that is the same in all files."""
        many = cls()
        for field, (kind, value) in struct.items():
            if isinstance(value, Struct):
                many[field] = (kind, cls.of(value))
            elif isinstance(value, list):
                many[field] = (kind, [cls.of(one) for one in value])
            else:
                many[field] = (kind, value)
        return many

    def integer(self, field: int) -> Numbers | None:
        """Return an integer field of each file, or nothing if it is not set."""
        _, value = self.get(field, (0, None))
        if isinstance(value, ReadIntegers):
            found: Numbers = unzigzagged(value.raw)
            return found
        return value if isinstance(value, np.ndarray) else None

    def put_integer(self, field: int, values: Numbers, kind: int = I64) -> None:
        """Set an integer field. One that is there keeps its width."""
        known, _ = self.get(field, (kind, b""))
        self.put(field, known if I16 <= known <= I64 else kind, values)

    def cut(self, field: int) -> Cut | None:
        """Return where the bytes of a field that was not opened stand, or nothing if it is not set."""
        _, value = self.get(field, (0, None))
        return value if isinstance(value, Cut) else None

    def struct(self, field: int) -> Structs | None:
        """Return a struct field that was opened, or nothing if it is not set."""
        _, value = self.get(field, (0, None))
        return value if isinstance(value, Structs) else None

    def structs(self, field: int) -> list[Structs]:
        """Return a list of structs that was opened; one that is not set is empty."""
        _, value = self.get(field, (0, None))
        return value if isinstance(value, list) else []

    def copy(self) -> Structs:
        """Return one whose fields can be set without setting them here."""
        return Structs(self)

    def only(self, kept: Flags) -> Structs:
        """Return the structs of some of the files."""
        if kept.all():
            return self
        return Structs({field: (kind, _only(value, kept)) for field, (kind, value) in self.items()})

    def parts(self) -> list[Part]:
        """Return what the bytes of each struct are put together from."""
        out: list[Part] = []
        self.write(out)
        return out

    def write(self, out: list[Part]) -> None:
        """Add what the bytes of each struct are put together from."""
        last = 0
        for field, (kind, value) in self.items():
            out.append(field_header(last, field, kind))
            last = field
            if isinstance(value, Structs):
                value.write(out)
            elif isinstance(value, list):
                out.append(list_header(len(value)))
                for one in value:
                    one.write(out)
            else:
                out.append(value.cut if isinstance(value, ReadIntegers) else value)
        out.append(b"\0")


def read_structs(walk: Walk, shape: Shape, flags: Collection[int] = ()) -> Structs:
    """Return the structs that stand here, opened as far as a shape says.

    Args:
        walk: Where they stand.
        shape: Which fields that hold a struct or a list of structs to open.
        flags: Boolean fields that are left out. A walk does not tell their values, which are their
            types, so that no others may be there.

    Raises:
        UnusualError: The first has something that a walk does not know, or a field twice.
    """
    found = Structs()
    for field, kind in walk.fields():
        is_flag = kind in {TRUE, FALSE}
        if field in found or (is_flag and field not in flags):
            raise UnusualError
        if is_flag:
            continue
        if field in shape and kind == STRUCT:
            found[field] = (kind, read_structs(walk, shape[field]))
        elif field in shape and kind == LIST:
            found[field] = (kind, read_lists(walk, shape[field]))
        elif I16 <= kind <= I64:
            start = walk.at
            raw = walk.unsigned()
            cut = Cut(walk.data, start, walk.at - start)
            found[field] = (kind, ReadIntegers(cut, raw))
        else:
            start = walk.at
            walk.skip(kind)
            found[field] = (kind, Cut(walk.data, start, walk.at - start))
    return found


def read_lists(walk: Walk, shape: Shape, most: int = MOST_ITEMS) -> list[Structs]:
    """Return the lists of structs that stand here: by number, the structs of all files.

    Raises:
        UnusualError: They are longer than `most`, or hold something else.
    """
    size, kind = walk.items()
    if kind != STRUCT or size > most:
        raise UnusualError
    return [read_structs(walk, shape) for _ in range(size)]


def _only(value: Value, kept: Flags) -> Value:
    if isinstance(value, ReadIntegers):
        return ReadIntegers(value.cut.only(kept), value.raw[kept])
    if isinstance(value, list):
        return [one.only(kept) for one in value]
    if isinstance(value, np.ndarray):
        return value[kept]
    return value if isinstance(value, bytes) else value.only(kept)
