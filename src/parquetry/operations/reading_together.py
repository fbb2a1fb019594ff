"""Rows of many small row groups, decoded by one call."""

from __future__ import annotations

import os
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import types as pt

from parquetry.files.bundles.stacking import ChunkPlaces, Stack, Wanted, decode_stacked
from parquetry.files.bundles.structs import read_structs
from parquetry.files.lockstep import UnusualError, Walk
from parquetry.files.splicing.footer import SHAPE
from parquetry.files.splicing.thrift import decode_struct
from parquetry.files.text_codes import LARGEST_DICTIONARY
from parquetry.model.plain_numbers import array_of
from parquetry.operations.bounds import place_of
from parquetry.operations.bundles import bundles_of
from parquetry.operations.opened import changed, told
from parquetry.storage.whole_files import read_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.footer_table import FooterTable
    from parquetry.operations.row_frames import Part
    from parquetry.operations.scope import ScopedFile

FEWEST = 4
"""Row groups that are worth it."""

_AT_ONCE_ROWS = 65_536


class Places:
    """Where the column chunks of files alike stand.

    Args:
        table: What their footers say.
    """

    def __init__(self, table: FooterTable) -> None:
        self.table = table
        self._known: dict[tuple[int, int], ChunkPlaces | None] = {}

    @cached_property
    def stack(self) -> Stack:
        """What makes files of their columns."""
        return Stack(decode_struct(self.table.raw, SHAPE))

    def chunk(self, group: int, leaf: int) -> ChunkPlaces | None:
        """Return where a chunk stands in each file; None where that takes more than a look at it."""
        key = group, leaf
        if key not in self._known:
            self._known[key] = self._find(group, leaf)
        return self._known[key]

    def _find(self, group: int, leaf: int) -> ChunkPlaces | None:
        said = self.table.chunks[group, leaf].said
        if said is None:
            return None
        walk = Walk.within(self.table.whole, said.starts, said.starts + said.lengths)
        try:
            found = read_structs(walk, {})
        except (UnusualError, IndexError, RecursionError):
            return None
        return ChunkPlaces.of(found) if walk.same.all() else None


class Seat(NamedTuple):
    """Where a file stands among those that are alike.

    Args:
        places: Those of all of them.
        number: The how manyth it is.
    """

    places: Places
    number: int


def read_together(parts: Sequence[Part], names: Sequence[str]) -> pa.Table | None:
    """Return some columns of rows, part by part, as `OpenedFile` would return them of each part.

    **Cost:** the pages of these columns are read; then one call, without the interpreter's lock.

    Args:
        parts: The rows.
        names: Columns that the files hold.

    Returns:
        None where the parts have to be asked one by one: they are few or have not one shape, or one of
        them cannot be decoded, which is told better by itself.

    Raises:
        ConflictError: A file is not the one that was seen.
        StorageError: A file cannot be read.
    """
    chosen = _chosen(parts, names)
    if chosen is None:
        return None
    codes = [
        name
        for name, (_, chunk) in chosen.items()
        if parts[0].at is not None
        and pt.is_string(parts[0].file.file.columns.field(name).type)
        and chunk.has_small_dictionary(LARGEST_DICTIONARY)
    ]
    places = [chunk for _, chunk in chosen.values()]
    starts, sizes = (
        np.stack(found, axis=1).tolist()
        for found in ([one.starts for one in places], [one.sizes for one in places])
    )
    pieces = [
        _read_pieces(part.file.file, *where)
        for part, *where in zip(parts, starts, sizes, strict=True)
    ]
    rows = np.array([part.file.group_rows[part.group] for part in parts], np.int64)
    seat = parts[0].file.seat
    if seat is None:
        return None
    content = seat.places.stack.file(rows, dict(chosen.values()), list(chain(*pieces)))
    return decode_stacked(content, list(chosen), codes, _wanted(parts, rows.tolist()))


def _chosen(
    parts: Sequence[Part], names: Sequence[str]
) -> Mapping[str, tuple[int, ChunkPlaces]] | None:
    """Return by column which leaf it is, and where its chunks stand."""
    first = parts[0]
    seats = [part.file.seat for part in parts]
    if len(parts) < FEWEST or not names or seats[0] is None:
        return None
    places = seats[0].places
    numbers = [seat.number for seat in seats if seat is not None and seat.places is places]
    ascending = all(a < b for a, b in pairwise(numbers))
    if len(numbers) < len(parts) or not ascending:
        return None
    if any(part.group != first.group or (part.at is None) != (first.at is None) for part in parts):
        return None
    kept = np.zeros(len(places.table.members), bool)
    kept[numbers] = True
    chosen: dict[str, tuple[int, ChunkPlaces]] = {}
    for name in names:
        leaf = place_of(places.table.example, first.file.file.columns, name)
        if leaf is None or places.table.example.schema.column(leaf).physical_type == "INT96":
            return None
        chunk = places.chunk(first.group, leaf)
        if chunk is None:
            return None
        chosen[name] = leaf, chunk.only(kept)
    return chosen


def _read_pieces(file: ScopedFile, starts: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
    """Return pages of a file, which must be the one that was seen."""
    with told(file.path):
        descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            if not (
                _is_as_seen(os.fstat(descriptor), file) or _is_as_seen(os.lstat(file.path), file)
            ):
                raise changed(file.path)  # neither the file nor a link to it is what it was
            return [
                read_at(descriptor, size, start) for start, size in zip(starts, sizes, strict=True)
            ]
        finally:
            os.close(descriptor)


def _is_as_seen(facts: os.stat_result, file: ScopedFile) -> bool:
    seen = file.state
    found = facts.st_size, facts.st_mtime_ns, facts.st_ino
    return found == (seen.bytes, seen.mtime_ns, seen.inode)


def _wanted(parts: Sequence[Part], rows: Sequence[int]) -> list[Wanted] | None:
    """Return which rows are wanted of which row groups; None for all of all.

    Only so many are decoded at a time that the memory for them is used again and again.
    """
    chosen = [part.at for part in parts if part.at is not None]
    if not chosen:
        return None
    found = []
    for groups in bundles_of(range(len(parts)), rows.__getitem__, _AT_ONCE_ROWS):
        starts = accumulate((rows[group] for group in groups[:-1]), initial=0)
        places = [chosen[group] + start for group, start in zip(groups, starts, strict=True)]
        found.append(Wanted(groups, array_of(np.concatenate(places))))
    return found
