"""Pages that come behind those of column chunks, in many files: what is said of both.

What `splicing.extending` does for one chunk is done by its functions here, file by file; all that
surrounds it is done for all files together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bundles.alike import Alike, LooseGroups, read_groups
from parquetry.files.bundles.gathering import gather
from parquetry.files.bundles.structs import Cut, Structs
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.extending import MOST_PAGES, SUMS, count_pages, united
from parquetry.files.splicing.fields import ColumnMetaData
from parquetry.files.splicing.statistics import joined_statistics
from parquetry.files.splicing.structs import LIST, STRUCT
from parquetry.files.splicing.thrift import decode_struct, encode_struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.lockstep import Flags, Numbers
    from parquetry.files.splicing.schema import Element

_NOTHING = b"\0"  # a struct without fields


@dataclass(frozen=True, eq=False)
class Extension:
    """Rows that come behind those of the only row group of some of the files side by side.

    Args:
        members: Which of the files.
        tails: Their rows.
        chunks: By leaf, the chunk as it is with its tail, the pages aside.
        has_bounds: By leaf, whether bounds are said of both.
    """

    members: Numbers
    tails: Alike
    chunks: Mapping[int, Chunks]
    has_bounds: Mapping[int, bool]


@dataclass(frozen=True)
class Tails:
    """Rows that come behind.

    Args:
        groups: A row group for each of some files, without dictionaries.
        leaves: Which leaves of the files their chunks are for.
        codec: The codec of their pages.
    """

    groups: LooseGroups
    leaves: Sequence[int]
    codec: int


def read_extension(files: Alike, tails: Tails, numbers: Numbers) -> Extension | None:
    """Return the rows that are like those of the first of some files, None if these are unusual.

    Args:
        files: The files, for which rows are read. They have one row group each.
        tails: The rows.
        numbers: Which of the files to look at.
    """
    found = read_groups(tails.groups, numbers, files.example, files.float_bounds)
    if found is None:
        return None
    some = files.at(found.members)
    elements = [element for column in files.example.columns for element in column.leaves]
    alike = _has_room(some, tails.leaves[0])
    chunks: dict[int, Chunks] = {}
    flags: dict[int, Flags] = {}
    try:
        for leaf, tail in zip(tails.leaves, found.origin.groups[0].chunks, strict=True):
            ours = some.origin.groups[0].chunks[leaf]
            _hold_extendable(ours, tails.codec)
            chunks[leaf], flags[leaf], fits = _extended(ours, tail, elements[leaf])
            alike &= fits & (flags[leaf] == flags[leaf][0])
    except UnusualError:
        return None
    if not alike[0]:
        return None
    return Extension(
        found.members[alike],
        found.only(alike),
        {leaf: one.only(alike) for leaf, one in chunks.items()},
        {leaf: bool(one[0]) for leaf, one in flags.items()},
    )


def _has_room(files: Alike, leaf: int) -> Flags:
    """Return which files have few pages in a chunk; as many came to all of its row group."""
    offsets = files.origin.indexes.offsets(leaf)
    if offsets is None:
        return np.zeros(len(files.members), bool)
    return np.array([count_pages(one) < MOST_PAGES for one in offsets.each()])


def _hold_extendable(chunks: Chunks, codec: int) -> None:
    """Raise `UnusualError` where `is_extendable` says of the first file that it is none."""
    found = chunks.metadata.integer(ColumnMetaData.CODEC)
    if (
        found is None
        or (found != codec).any()
        or ColumnMetaData.BLOOM_FILTER_OFFSET in chunks.metadata
        or not chunks.has_column_index
    ):
        raise UnusualError


def _extended(ours: Chunks, theirs: Chunks, element: Element) -> tuple[Chunks, Flags, Flags]:
    """Return a chunk as it is with its tail, which files have bounds, and which are like the first."""
    metadata = ours.metadata.copy()
    for field in SUMS:
        known = [one.metadata.integer(field) for one in (ours, theirs)]
        metadata.put_integer(field, np.sum([one for one in known if one is not None], axis=0))
    lists = [one.metadata.cut(ColumnMetaData.ENCODINGS) for one in (ours, theirs)]
    if lists[0] is None or lists[1] is None:
        raise UnusualError
    pairs = list(zip(lists[0].each(), lists[1].each(), strict=True))
    fits = np.array([pair == pairs[0] for pair in pairs])
    metadata.put(ColumnMetaData.ENCODINGS, LIST, united(pairs[0]))
    metadata.drop(*ColumnMetaData.DESCRIBING_PAGES)
    statistics, has_bounds = _joined_statistics(ours, theirs, element)
    metadata.put(ColumnMetaData.STATISTICS, STRUCT, statistics)
    return replace(ours, metadata=metadata), has_bounds, fits


def _joined_statistics(ours: Chunks, theirs: Chunks, element: Element) -> tuple[Cut, Flags]:
    values = [one.metadata.integer(ColumnMetaData.NUM_VALUES) for one in (ours, theirs)]
    files = len(ours.start)
    counts = [np.zeros(files, int) if one is None else one for one in values]

    @cache  # many files say the same of a column with few values
    def joined(one: bytes, other: bytes, here: int, there: int) -> tuple[bytes, bool]:
        sides = decode_struct(one), decode_struct(other)
        statistics, has_bounds = joined_statistics(*sides, (here, there), element)
        return encode_struct(statistics), has_bounds

    said = (_statistics(one.metadata, files) for one in (ours, theirs))
    found = list(map(joined, *said, *(one.tolist() for one in counts)))
    return Cut.of([one for one, _ in found]), np.array([has for _, has in found])


def _statistics(metadata: Structs, files: int) -> list[bytes]:
    """Return what is said of the values of a chunk in each file."""
    _, value = metadata.get(ColumnMetaData.STATISTICS, (0, None))
    if isinstance(value, Structs):
        value = gather(value.parts(), files).cut
    return value.each() if isinstance(value, Cut) else [_NOTHING] * files
