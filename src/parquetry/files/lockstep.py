"""Many structs of Thrift's compact protocol, walked through side by side by NumPy.

The protocol has no index: whoever wants one field goes through all that stand before it. Structs of one
writer and one schema have the same fields in the same order and differ in numbers and texts only, so one
walk serves all of them: every step is taken for all at once. The first struct leads the way; one that
turns out to have other fields, or a list of another length, falls behind and is left to the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np

from parquetry.files.splicing.structs import (
    BINARY,
    FALSE,
    FIXED_BYTES,
    I8,
    I16,
    I64,
    LAST,
    LIST,
    SET,
    STRUCT,
    TRUE,
    WIDEST_VARINT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Flags: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Bytes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"

_NIBBLE = 15


class UnusualError(Exception):
    """The leading struct has something that a walk does not know, or is cut off."""


class Spans(NamedTuple):
    """Where a binary value of each struct stands."""

    starts: Numbers
    lengths: Numbers

    def only(self, kept: Flags) -> Spans:
        """Return those of some of the structs."""
        return Spans(self.starts[kept], self.lengths[kept])

    def each(self, data: np.ndarray[Any, np.dtype[np.uint8]]) -> list[bytes]:
        """Return the values, of any length, from the bytes in which they stand."""
        whole = data.data
        ends = self.starts + self.lengths
        return [bytes(whole[a:b]) for a, b in zip(self.starts.tolist(), ends.tolist(), strict=True)]


class HasMembers(Protocol):
    """What was read of structs of one shape."""

    @property
    def members(self) -> Numbers:
        """Which of the structs that were given these are; the first of them is one."""


Found = TypeVar("Found", bound=HasMembers)

_MOST_SHAPES = 8  # beyond, structs have too little in common


def each_shape(count: int, read: Callable[[Numbers], Found | None], worth: int) -> Iterator[Found]:
    """Yield what is read of each shape that some structs have; those of rare shapes are left out.

    Args:
        count: How many structs there are.
        read: Reads those of some numbers that are like the first of them; None if that one is unusual.
        worth: So many of one shape are worth a walk.
    """
    left = np.arange(count)
    for _ in range(_MOST_SHAPES):
        if len(left) < worth:
            return
        found = read(left)
        members = left[:1] if found is None else found.members
        if found is not None and len(members) >= worth:
            yield found
        left = left[~np.isin(left, members, kind="table")]


class Walk:
    """A walk through several structs, at the same field of each at any time.

    `same` tells which of them have followed the first one so far; what is read of the others means
    nothing.

    Args:
        structs: Their bytes, and nothing behind them.
    """

    def __init__(self, structs: Sequence[bytes]) -> None:
        lengths = np.array([len(one) for one in structs], np.int64)
        ends: Numbers = np.cumsum(lengths)
        self.begin(b"".join((*structs, bytes(WIDEST_VARINT))), ends - lengths, ends)

    @classmethod
    def within(cls, whole: bytes, starts: Numbers, ends: Numbers) -> Walk:
        """Return a walk through structs that stand among other bytes.

        Args:
            whole: The bytes, and as many more as the widest number has.
            starts: Where the structs begin.
            ends: Where nothing of them stands any more.
        """
        walk = cls(())
        walk.begin(whole, starts, ends)
        return walk

    def begin(self, whole: bytes, starts: Numbers, ends: Numbers) -> None:
        """Stand before other structs; see `within`."""
        self.whole = whole
        self.data = np.frombuffer(whole, np.uint8)
        self.at: Numbers = starts
        self.ends: Numbers = ends
        self.same: Flags = np.ones(len(starts), bool)
        self._are_all_same = True

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield number and type of each field; whoever gets one reads or skips its value.

        Raises:
            UnusualError: The first struct does not go on as one does.
        """
        number = 0
        while True:
            heads = self._bytes()
            head = int(heads[0])
            strays = heads != head
            if head & _NIBBLE in {TRUE, FALSE} or is_any(strays):
                head = self._agreed(np.where(heads & _NIBBLE == FALSE, heads - 1, heads))
            else:
                self.leave(strays)
            if not head:
                return
            step = head >> 4
            number = number + step if step else int(unzigzagged(self._varint_alike()))
            yield number, head & _NIBBLE

    def items(self) -> tuple[int, int]:
        """Return how many items the lists have that stand here, and their type.

        Raises:
            UnusualError: The first struct has no room for so many.
        """
        head = self._agreed(self._bytes())
        size = head >> 4
        if size == _NIBBLE:
            size = self._varint_alike()
        if not 0 <= size <= self.ends[0] - self.at[0]:  # an item has at least a byte
            raise UnusualError
        return size, head & _NIBBLE

    def integers(self) -> Numbers:
        """Return the integers that stand here."""
        found: Numbers = unzigzagged(self.unsigned())
        return found

    def binaries(self) -> Spans:
        """Return where the binary values stand that come here."""
        lengths = self.unsigned()
        starts = self.at
        fitting = (lengths >= 0) & (lengths <= self.ends - starts)
        self.leave(~fitting)
        lengths = np.where(fitting, lengths, 0)
        self.at = starts + lengths
        return Spans(starts, lengths)

    def skip(self, kind: int) -> None:
        """Go past the values of a type that stand here."""
        if kind in FIXED_BYTES:
            self.at = self.at + FIXED_BYTES[kind]
        elif I16 <= kind <= I64:
            self.unsigned()
        elif kind == BINARY:
            self.binaries()
        elif kind == STRUCT:
            for _, inner in self.fields():
                self.skip(inner)
        elif kind in {LIST, SET}:
            size, inner = self.items()
            for _ in range(size):  # a flag among many is a byte
                self.skip(I8 if inner in {TRUE, FALSE} else inner)
        else:
            raise UnusualError

    def keep_alike(self, starts: Numbers) -> None:
        """Leave behind whose bytes from some places up to here differ from those of the first."""
        self.hold_alike(starts, self.at - starts)

    def hold_alike(self, starts: Numbers, lengths: Numbers) -> None:
        """Leave behind whose bytes that were read before differ from those of the first."""
        first = self.whole[starts[0] : starts[0] + lengths[0]]
        alike = [self.whole.startswith(first, start) for start in starts.tolist()]
        self.leave((lengths != lengths[0]) | ~np.array(alike, bool))

    def first(self, starts: Numbers) -> bytes:
        """Return the bytes of the first struct from a place up to here."""
        return self.whole[starts[0] : self.at[0]]

    def finish(self) -> None:
        """Leave behind who is not at the end of his bytes."""
        self.leave(self.at != self.ends)

    def _bytes(self) -> Bytes:
        found: Bytes = self.data.take(self.at)
        self.at = self.at + 1
        return found

    def unsigned(self) -> Numbers:
        """Return the integers that stand here as they are written: without a sign."""
        byte = self._bytes().astype(np.int64)
        more = byte > LAST
        if not is_any(more):
            return byte
        value = byte & LAST
        shift = 7
        while is_any(more):
            if shift >= 7 * WIDEST_VARINT:
                self.leave(more)
                break
            byte = np.where(more, self.data[self.at], 0).astype(np.int64)
            self.at = self.at + more
            value |= (byte & LAST) << shift
            more = byte > LAST
            if shift == 7 * (WIDEST_VARINT - 1):  # where there is room for one bit of 64
                self.leave(byte > 1)
            shift += 7
        return value

    def _varint_alike(self) -> int:
        return self._agreed(self.unsigned())

    def _agreed(self, found: Numbers | Bytes) -> int:
        """Return what the first struct says; those that say something else are left behind."""
        self.leave(found != found[0])
        return int(found[0])

    def agree(self, flags: Flags) -> bool:
        """Return what is so of the first struct; those of which it is not so are left behind."""
        self.leave(flags != flags[0])
        return bool(flags[0])

    def leave(self, strays: Flags) -> None:
        """Leave some behind. They go where the first one goes, so that no place is out of bounds.

        Raises:
            UnusualError: The first is one of them.
        """
        strays = strays | (self.at > self.ends)
        if is_any(strays):
            if strays[0]:
                raise UnusualError
            self.same = self.same & ~strays
            self._are_all_same = False
        if not self._are_all_same:
            self.at = np.where(self.same, self.at, self.at[0])


def is_any(flags: Flags) -> bool:
    """Return whether a flag is set; of some hundred, in a tenth of the time that `any` takes."""
    return b"\1" in flags.tobytes()


def unzigzagged(value: Any) -> Any:
    """Return the signed integers, or the one, that were written as these without a sign."""
    return (value >> 1 & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1)
