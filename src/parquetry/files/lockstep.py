"""Many structs of Thrift's compact protocol, walked through side by side by NumPy.

The protocol has no index: whoever wants one field goes through all that stand before it. Structs of one
writer and one schema have the same fields in the same order and differ in numbers and texts only, so one
walk serves all of them: every step is taken for all at once. The first struct leads the way; one that
turns out to have other fields, or a list of another length, falls behind and is left to the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

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
    from collections.abc import Iterator, Sequence

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Flags: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"

_NIBBLE = 15


class UnusualError(Exception):
    """The leading struct has something that a walk does not know, or is cut off."""


class Spans(NamedTuple):
    """Where a binary value of each struct stands."""

    starts: Numbers
    lengths: Numbers


class Walk:
    """A walk through several structs, at the same field of each at any time.

    `same` tells which of them have followed the first one so far; what is read of the others means
    nothing.

    Args:
        structs: Their bytes, and nothing behind them.
    """

    def __init__(self, structs: Sequence[bytes]) -> None:
        lengths = np.array([len(one) for one in structs], np.int64)
        self.ends: Numbers = np.cumsum(lengths)
        self.at: Numbers = self.ends - lengths
        self.same: Flags = np.ones(len(structs), bool)
        self._whole = b"".join((*structs, bytes(WIDEST_VARINT)))
        self.data = np.frombuffer(self._whole, np.uint8)

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield number and type of each field; whoever gets one reads or skips its value.

        Raises:
            UnusualError: The first struct does not go on as one does.
        """
        number = 0
        while True:
            heads = self._bytes()
            head = self._agreed(np.where(heads & _NIBBLE == FALSE, heads - 1, heads))
            if not head:
                return
            step = head >> 4
            number = number + step if step else int(_unzigzagged(self._varint_alike()))
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
        found: Numbers = _unzigzagged(self._varints())
        return found

    def binaries(self) -> Spans:
        """Return where the binary values stand that come here."""
        lengths = self._varints()
        starts = self.at
        fitting = (lengths >= 0) & (lengths <= self.ends - starts)
        self._leave(~fitting)
        lengths = np.where(fitting, lengths, 0)
        self.at = starts + lengths
        return Spans(starts, lengths)

    def skip(self, kind: int) -> None:
        """Go past the values of a type that stand here."""
        if kind in FIXED_BYTES:
            self.at = self.at + FIXED_BYTES[kind]
        elif I16 <= kind <= I64:
            self._varints()
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
        lengths = self.at - starts
        first, whole = self.first(starts), self._whole
        alike = [whole.startswith(first, start) for start in starts.tolist()]
        self._leave((lengths != lengths[0]) | ~np.array(alike, bool))

    def first(self, starts: Numbers) -> bytes:
        """Return the bytes of the first struct from a place up to here."""
        return self._whole[starts[0] : self.at[0]]

    def finish(self) -> None:
        """Leave behind who is not at the end of his bytes."""
        self._leave(self.at != self.ends)

    def _bytes(self) -> Numbers:
        found = self.data[self.at].astype(np.int64)
        self.at = self.at + 1
        return found

    def _varints(self) -> Numbers:
        byte = self._bytes()
        value = byte & LAST
        more = byte > LAST
        shift = 7
        while more.any():
            if shift >= 7 * WIDEST_VARINT:
                self._leave(more)
                break
            byte = np.where(more, self.data[self.at], 0).astype(np.int64)
            self.at = self.at + more
            value |= (byte & LAST) << shift
            more = byte > LAST
            shift += 7
        return value

    def _varint_alike(self) -> int:
        return self._agreed(self._varints())

    def _agreed(self, found: Numbers) -> int:
        """Return what the first struct says; those that say something else are left behind."""
        self._leave(found != found[0])
        return int(found[0])

    def _leave(self, strays: Flags) -> None:
        """Leave some behind. They go where the first one goes, so that no place is out of bounds."""
        strays = strays | (self.at > self.ends)
        if strays.any():
            if strays[0]:
                raise UnusualError
            self.same = self.same & ~strays
        if not self.same.all():
            self.at = np.where(self.same, self.at, self.at[0])


def _unzigzagged(value: Any) -> Any:
    return (value >> 1 & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1)
