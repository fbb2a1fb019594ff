"""The page indexes of many column chunks, read side by side, and where their pages stand later."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.bundles.gathering import gather
from parquetry.files.bundles.structs import Bytes, Cut, Structs, read_structs
from parquetry.files.lockstep import Numbers, UnusualError, Walk
from parquetry.files.splicing.fields import OffsetIndex, PageLocation
from parquetry.files.splicing.indexes import moved_offsets
from parquetry.files.splicing.structs import WIDEST_VARINT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.lockstep import Flags, Spans
    from parquetry.files.splicing.file_bytes import FileBytes

_FEWEST = 8  # chunks with as many pages; fewer are read one by one
_LONG_LIST = 0xF0


class _Shape(NamedTuple):
    """Offset indexes with as many pages each, and which ones these are."""

    members: Numbers
    structs: Structs


class PageIndexes:
    """The page indexes of some column chunks in each of several files.

    Args:
        sources: The files that they stand in.
        of: Which of them it is, for each of the files side by side.
        chunks: The chunks.
    """

    def __init__(self, sources: Sequence[FileBytes], of: Numbers, chunks: Sequence[Chunks]) -> None:
        self._files = len(of)
        self._chunks = chunks
        self._indexed = [number for number, chunk in enumerate(chunks) if chunk.offsets is not None]
        self._whole, self._shift = _fetch(sources, of, chunks)
        self._data = np.frombuffer(self._whole, np.uint8)
        self.sound: Flags = np.ones(self._files, bool)
        self._shapes: list[_Shape] = []
        self._alone: list[int] = []
        self._starts = self._ends = self._first = self._last = self._shift[:0]
        if self._indexed:
            self._read()

    def columns(self, number: int) -> Cut | None:
        """Return the column index of a chunk in each file, None if it has none that may stay."""
        return self._cut(self._chunks[number].columns)

    def offsets(self, number: int) -> Cut | None:
        """Return the offset index of a chunk in each file as it stands there, None if it has none."""
        return self._cut(self._chunks[number].offsets)

    def _cut(self, place: Spans | None) -> Cut | None:
        return None if place is None else Cut(self._data, place.starts + self._shift, place.lengths)

    def moved(self, shifts: Mapping[int, Numbers]) -> dict[int, Cut]:
        """Return the offset index of each chunk that has one, when its pages stand so much further.

        Args:
            shifts: How much, by the number of the chunk; those that are left out are not returned.
        """
        if not self._indexed:
            return {}
        none = np.zeros(self._files, np.int64)
        moves = np.concatenate([shifts.get(number, none) for number in self._indexed])
        starts, lengths = np.zeros_like(moves), np.zeros_like(moves)
        pieces: list[bytes] = []
        size = 0
        for members, structs in self._shapes:
            moved = _moved(structs, moves[members])
            found = gather(moved.parts(), len(members))
            lengths[members] = np.diff(found.ends, prepend=0)
            starts[members] = found.ends - lengths[members] + size
            pieces.append(found.data)
            size += len(found.data)
        for number in self._alone:
            one = self._moved_alone(number, int(moves[number])) or b""
            starts[number], lengths[number] = size, len(one)
            pieces.append(one)
            size += len(one)
        data = np.frombuffer(b"".join(pieces), np.uint8)
        return {
            number: Cut(data, starts[at : at + self._files], lengths[at : at + self._files])
            for at, number in zip(count(0, self._files), self._indexed, strict=False)
            if number in shifts
        }

    def _moved_alone(self, number: int, shift: int) -> bytes | None:
        raw = self._whole[self._starts[number] : self._ends[number]]
        return moved_offsets(raw, int(self._first[number]), int(self._last[number]), shift)

    def _read(self) -> None:
        """Read all offset indexes; a file with one that speaks of other pages is not sound."""
        chunks = [self._chunks[number] for number in self._indexed]
        places = [chunk.offsets for chunk in chunks if chunk.offsets is not None]
        self._starts = np.concatenate([place.starts + self._shift for place in places])
        self._ends = self._starts + np.concatenate([place.lengths for place in places])
        self._first = np.concatenate([chunk.start for chunk in chunks])
        self._last = np.concatenate([chunk.end for chunk in chunks])
        for members in _by_pages(self._data, self._starts):
            left = members
            while len(left) >= _FEWEST and (shape := self._read_alike(left)) is not None:
                self._shapes.append(shape)
                left = left[~np.isin(left, shape.members, kind="table")]
            self._alone += left.tolist()
        liars = [number for number in self._alone if self._moved_alone(number, 0) is None]
        self.sound[np.array(liars, np.int64) % self._files] = False

    def _read_alike(self, members: Numbers) -> _Shape | None:
        """Return those of some offset indexes that are like the first; None if that is unusual."""
        walk = Walk.within(self._whole, self._starts[members], self._ends[members])
        try:
            structs = read_structs(walk, {OffsetIndex.PAGE_LOCATIONS: {}})
            for page in structs.structs(OffsetIndex.PAGE_LOCATIONS):
                at = page.integer(PageLocation.OFFSET)
                if at is None:
                    return None
                walk.leave((at < self._first[members]) | (at >= self._last[members]))
        except (UnusualError, IndexError, RecursionError):
            return None
        return _Shape(members[walk.same], structs.only(walk.same))


def _moved(structs: Structs, shifts: Numbers) -> Structs:
    pages = []
    for page in structs.structs(OffsetIndex.PAGE_LOCATIONS):
        at = page.integer(PageLocation.OFFSET)
        moved = page.copy()
        if at is not None:
            moved.put_integer(PageLocation.OFFSET, at + shifts)
        pages.append(moved)
    found = structs.copy()
    kind, _ = found[OffsetIndex.PAGE_LOCATIONS]
    found.put(OffsetIndex.PAGE_LOCATIONS, kind, pages)
    return found


def _by_pages(data: Bytes, starts: Numbers) -> Iterator[Numbers]:
    """Yield which offset indexes begin in the same way: with a list of as many pages."""
    heads = data[starts[:, None] + np.arange(4)].astype(np.int64)
    heads[:, 2:] *= heads[:, 1:2] >= _LONG_LIST  # the number of pages stands behind, then
    keys = heads @ (256 ** np.arange(4))
    order = np.argsort(keys, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)


def _fetch(
    sources: Sequence[FileBytes], of: Numbers, chunks: Sequence[Chunks]
) -> tuple[bytes, Numbers]:
    """Return the bytes in which page indexes stand, one read a file.

    Returns:
        The bytes, with some to spare behind them, and how much further in them than in its file
        something stands.
    """
    places = [one for chunk in chunks for one in (chunk.offsets, chunk.columns) if one is not None]
    if not places:
        return b"", np.zeros(len(of), np.int64)
    first = np.full(len(sources), np.iinfo(np.int64).max)
    last = np.zeros(len(sources), np.int64)
    for place in places:
        np.minimum.at(first, of, place.starts)
        np.maximum.at(last, of, place.starts + place.lengths)
    first = np.minimum(first, last)  # of files that nothing is copied from
    lengths = last - first
    parts = [
        source.read(start, length)
        for source, start, length in zip(sources, first.tolist(), lengths.tolist(), strict=True)
    ]
    bases = np.cumsum(lengths) - lengths
    return b"".join((*parts, bytes(WIDEST_VARINT))), (bases - first)[of]
