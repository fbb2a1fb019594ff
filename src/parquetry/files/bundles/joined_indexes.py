"""Page indexes of many chunks and of the pages behind them, made into one for each chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bundles.gathering import Gathered, gather
from parquetry.files.bundles.structs import Cut, Structs, read_structs
from parquetry.files.lockstep import Numbers, UnusualError, Walk
from parquetry.files.splicing.extending import LISTS, UNORDERED, joined_columns, joined_offsets
from parquetry.files.splicing.fields import ColumnIndex, OffsetIndex, PageLocation
from parquetry.files.splicing.structs import FALSE, I8, I32, LIST, TRUE, WIDEST_VARINT, zigzag
from parquetry.files.splicing.thrift import field_header, list_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parquetry.files.bundles.structs import Part
    from parquetry.files.lockstep import Flags

_FEWEST = 8  # that are alike; fewer are joined one by one


def join_offsets(
    ours: Mapping[int, Cut], theirs: Mapping[int, Cut], rows_before: Numbers
) -> dict[int, Cut]:
    """Return the offset indexes of chunks with their tails, by the number of the chunk.

    Args:
        ours: The offset index of each chunk in each file.
        theirs: Those of their tails.
        rows_before: How many rows of each file stand before the tails.

    Raises:
        UnusualError: One cannot be read.
    """
    rows = np.tile(rows_before, len(ours))

    def alike(
        one: Walk, other: Walk, members: Numbers
    ) -> tuple[Flags, Callable[[Flags], Gathered]]:
        pages = _pages(one), _pages(other)
        moved = [page.copy() for page in pages[1]]
        for page in moved:
            first = page.integer(PageLocation.FIRST_ROW_INDEX)
            before = rows[members]
            page.put_integer(
                PageLocation.FIRST_ROW_INDEX, before if first is None else first + before
            )
        joined = Structs()
        joined.put(OffsetIndex.PAGE_LOCATIONS, LIST, [*pages[0], *moved])
        same = one.same & other.same
        return same, lambda kept: gather(joined.only(kept).parts(), int(kept.sum()))

    def alone(one: bytes, other: bytes, number: int) -> bytes | None:
        return joined_offsets(one, other, int(rows[number]))

    return _join(ours, theirs, alike, alone)


def join_columns(ours: Mapping[int, Cut], theirs: Mapping[int, Cut]) -> dict[int, Cut]:
    """Return the column indexes of chunks with their tails, by the number of the chunk.

    Args:
        ours: The column index of each chunk in each file.
        theirs: Those of their tails.

    Raises:
        UnusualError: One cannot be read, or lacks what all of them have.
    """

    def alike(
        one: Walk, other: Walk, _members: Numbers
    ) -> tuple[Flags, Callable[[Flags], Gathered]]:
        parts = _joined_lists(_lists(one), _lists(other))
        same = one.same & other.same

        def gathered(kept: Flags) -> Gathered:
            some = [part.only(kept) if isinstance(part, Cut) else part for part in parts]
            return gather(some, int(kept.sum()))

        return same, gathered

    def alone(one: bytes, other: bytes, _number: int) -> bytes | None:
        return joined_columns(one, other)

    return _join(ours, theirs, alike, alone)


def _join(
    ours: Mapping[int, Cut],
    theirs: Mapping[int, Cut],
    alike: Callable[[Walk, Walk, Numbers], tuple[Flags, Callable[[Flags], Gathered]]],
    alone: Callable[[bytes, bytes, int], bytes | None],
) -> dict[int, Cut]:
    """Join those together that are like each other, the others one by one."""
    if not ours:
        return {}
    one, other = _side_by_side(ours), _side_by_side({number: theirs[number] for number in ours})
    wholes = [cut.data.tobytes() + bytes(WIDEST_VARINT) for cut in (one, other)]
    starts, lengths = np.zeros_like(one.starts), np.zeros_like(one.starts)
    pieces: list[bytes] = []
    size = 0
    left = np.arange(len(starts))
    while len(left) >= _FEWEST:
        walks = [
            Walk.within(whole, cut.starts[left], cut.starts[left] + cut.lengths[left])
            for whole, cut in zip(wholes, (one, other), strict=True)
        ]
        try:
            same, gathered = alike(walks[0], walks[1], left)
            found = gathered(same)
        except (UnusualError, IndexError, RecursionError):
            break
        members = left[same]
        lengths[members] = np.diff(found.ends, prepend=0)
        starts[members] = found.ends - lengths[members] + size
        pieces.append(found.data)
        size += len(found.data)
        left = left[~same]
    for number in left.tolist():
        joined = alone(one.at(number), other.at(number), number)
        if joined is None:
            raise UnusualError
        starts[number], lengths[number] = size, len(joined)
        pieces.append(joined)
        size += len(joined)
    data = np.frombuffer(b"".join(pieces), np.uint8)
    files = len(starts) // len(ours)
    return {
        number: Cut(data, starts[at : at + files], lengths[at : at + files])
        for number, at in zip(ours, range(0, len(starts), files), strict=True)
    }


def _side_by_side(cuts: Mapping[int, Cut]) -> Cut:
    """Return the indexes of all chunks, chunk by chunk; they stand in the same bytes."""
    parts = list(cuts.values())
    starts = np.concatenate([part.starts for part in parts])
    return Cut(parts[0].data, starts, np.concatenate([part.lengths for part in parts]))


def _pages(walk: Walk) -> list[Structs]:
    return read_structs(walk, {OffsetIndex.PAGE_LOCATIONS: {}}).structs(OffsetIndex.PAGE_LOCATIONS)


def _lists(walk: Walk) -> dict[int, tuple[int, int, Cut]]:
    """Return of each list of column indexes how many elements it has, their type and their bytes."""
    found: dict[int, tuple[int, int, Cut]] = {}
    for field, kind in walk.fields():
        if kind != LIST:
            walk.skip(kind)
            continue
        size, inner = walk.items()
        start = walk.at
        for _ in range(size):  # a flag among many is a byte
            walk.skip(I8 if inner in {TRUE, FALSE} else inner)
        found[field] = size, inner, Cut(walk.data, start, walk.at - start)
    return found


def _joined_lists(
    one: Mapping[int, tuple[int, int, Cut]], other: Mapping[int, tuple[int, int, Cut]]
) -> list[Part]:
    """Return what a column index of both is put together from; see `extending.joined_columns`."""
    parts: list[Part] = []
    last = 0
    for field in (*LISTS, ColumnIndex.BOUNDARY_ORDER, ColumnIndex.NULL_COUNTS):
        if field == ColumnIndex.BOUNDARY_ORDER:
            parts += [field_header(last, field, I32), zigzag(UNORDERED)]
        elif field in one and field in other:
            (size, kind, ours), (more, _, theirs) = one[field], other[field]
            parts += [field_header(last, field, LIST), list_header(size + more, kind), ours, theirs]
        elif field in LISTS:
            raise UnusualError
        else:
            continue
        last = field
    return [*parts, b"\0"]
