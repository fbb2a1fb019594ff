"""Where the keys of new rows stand in a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import polars as pl
import pyarrow.compute as pc

from parquetry.model.plain_numbers import array_of
from parquetry.operations.footers import Footers
from parquetry.operations.opened import OpenedFile, rows_of, to_polars
from parquetry.operations.pruning import ask_bloom_filter
from parquetry.operations.updating import differing, moving
from parquetry.operations.working import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from parquetry.operations.bounds import GroupPlace
    from parquetry.operations.scope import Scope, ScopedFile

_ROW = "::row"
_AT = "::at"
_MOST_ASKED = 20_000  # keys; beyond, asking a Bloom filter costs more than decoding

Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
Flags: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"


class NewRows(NamedTuple):
    """The rows that are to be upserted, in the dataset's types.

    Args:
        table: All their columns.
        keys: The columns that identify a row.
        update: The columns that a match may change.
    """

    table: pa.Table
    keys: tuple[str, ...]
    update: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Keys that were found in one row group.

    Args:
        at: The positions in the row group, ascending.
        rows: Of each, the number of the new row.
        changed: Whether the new row differs from what is there.
        columns: The columns in which any does.
        moved: Whether it belongs to another folder.
    """

    at: Numbers
    rows: Numbers
    changed: Flags
    columns: frozenset[str]
    moved: Flags


@dataclass(frozen=True)
class Searched:
    """What the search found in one file.

    Args:
        file: The file.
        group_rows: How many rows each row group has.
        found: By the number of the row group; nothing where nothing was found.
        scanned: How many rows were decoded.
    """

    file: ScopedFile
    group_rows: tuple[int, ...]
    found: Mapping[int, Found]
    scanned: int


class KeySearch:
    """Searches a dataset for keys: by folders, bounds and Bloom filters, then in the key columns.

    **Cost:** the footers of the files whose folders admit a key; the key columns of the row groups
    whose bounds admit one; of those that hold one, the columns to update. Two at a time.

    Args:
        scope: The dataset.
        new: The new rows.
    """

    def __init__(self, scope: Scope, new: NewRows) -> None:
        self._scope = scope
        self._new = new
        self._in_folders = [key for key in new.keys if key in scope.key_types]
        self._in_files = [key for key in new.keys if key not in scope.key_types]
        frame = pl.DataFrame([to_polars(new.table[key], key, "the new rows") for key in new.keys])
        self._by_folder = _grouped(frame.with_row_index(_ROW), self._in_folders, self._in_files)
        self._update = pl.DataFrame(
            [to_polars(new.table[name], name, "the new rows") for name in new.update]
        )

    def run(self) -> Iterator[Searched]:
        """Yield what was found, for each file that had to be looked into."""
        files = [file for file in self._scope.files if self._wanted(file) is not None]
        for footers in Footers.of_files(files, self._scope.footers):
            yield from in_order(self._look, self._with_slices(footers))

    def _wanted(self, file: ScopedFile) -> pl.DataFrame | None:
        return self._by_folder.get(tuple(file.keys.get(key) for key in self._in_folders))

    def _with_slices(
        self, footers: Footers
    ) -> Iterator[tuple[OpenedFile, list[pl.DataFrame | None]]]:
        """Yield each file with the new rows that each of its row groups may hold."""
        starts, ends = self._cuts(footers)
        at = 0
        for number, file in enumerate(footers.files):
            wanted = self._wanted(file)
            slices: list[pl.DataFrame | None] = []
            for rows in footers.group_rows[number]:
                part = None
                if wanted is not None and ends[at] > starts[at] and rows:
                    part = wanted.slice(int(starts[at]), int(ends[at] - starts[at]))
                    part = _not_ruled_out(footers.place(at), part, self._in_files)
                slices.append(part)
                at += 1
            if any(part is not None for part in slices):
                yield footers.opened(number), slices

    def _cuts(self, footers: Footers) -> tuple[Numbers, Numbers]:
        """Return where in the sorted new rows of its folder the rows of each row group can stand."""
        frames = [
            self._wanted(file)
            for file, rows in zip(footers.files, footers.group_rows, strict=True)
            for _ in rows
        ]
        lengths = np.array([0 if one is None else len(one) for one in frames], np.int64)
        starts, ends = np.zeros(len(frames), np.int64), lengths.copy()
        if not self._in_files or not frames:
            return starts, ends
        first = self._in_files[0]
        bounds = footers.bounds(first, self._scope.types[first])
        known = np.flatnonzero(bounds.known & (lengths > 0))
        for _, numbers in _alike(frames, known):
            values = frames[numbers[0]]
            if values is None:
                continue
            column = values.get_column(first)
            places = pl.Series(array_of(numbers))
            low, high = (one.gather(places).cast(column.dtype) for one in (bounds.low, bounds.high))
            starts[numbers] = column.search_sorted(low, side="left").to_numpy()
            ends[numbers] = column.search_sorted(high, side="right").to_numpy()
        ends[bounds.only_nulls] = 0  # keys are never NULL
        return starts, ends

    def _look(self, one: tuple[OpenedFile, list[pl.DataFrame | None]]) -> Searched:
        file, slices = one
        found, scanned = {}, 0
        with file:
            for index, part in enumerate(slices):
                if part is None:
                    continue
                scanned += file.group_rows[index]
                here = self._look_into(file, index, part)
                if here is not None:
                    found[index] = here
        return Searched(file.file, tuple(file.group_rows), found, scanned)

    def _look_into(self, file: OpenedFile, index: int, part: pl.DataFrame) -> Found | None:
        at, rows = self._pairs(file, index, part)
        if not len(at):
            return None
        new = old = pl.DataFrame(height=len(at))
        if self._new.update:
            new = self._update[pl.Series(array_of(rows))]
            old = file.frame(index, self._new.update, self._scope.types, at)
        changes = differing(old, new)
        changed = np.zeros(len(at), bool)
        for differs in changes.values():
            changed |= differs
        moved = moving(new, file.file.keys, self._scope.key_types)
        return Found(
            at,
            rows,
            changed,
            frozenset(changes),
            np.zeros(len(at), bool) if moved is None else moved[0],
        )

    def _pairs(self, file: OpenedFile, index: int, part: pl.DataFrame) -> tuple[Numbers, Numbers]:
        """Return where new rows stand in a row group, ascending, and which new row stands there."""
        names = self._in_files
        if not names:
            rows = np.arange(file.group_rows[index])
            new = part.get_column(_ROW).to_numpy().astype(np.int64)
            return np.repeat(rows, len(new)), np.tile(new, len(rows))
        keys = file.frame(index, names, self._scope.types)
        if len(names) == 1 and keys.dtypes[0].is_integer():
            return _pairs_of_numbers(keys.to_series(), part.get_column(names[0]), part)
        wanted = part.select(_ROW, *names)
        pairs = keys.with_row_index(_AT).join(wanted, on=names, how="inner").sort(_AT)
        at, numbers = (pairs.get_column(name).to_numpy() for name in (_AT, _ROW))
        return at.astype(np.int64), numbers.astype(np.int64)


def _pairs_of_numbers(
    keys: pl.Series, wanted: pl.Series, part: pl.DataFrame
) -> tuple[Numbers, Numbers]:
    """Do as a join does of one column of whole numbers, without asking the query engine."""
    known = pc.index_in(keys.to_arrow(), value_set=wanted.to_arrow())
    at = np.flatnonzero(pl.Series(known.is_valid()).to_numpy())
    places = np.from_dlpack(known.drop_null())
    return at, part.get_column(_ROW).to_numpy()[places].astype(np.int64)


def _grouped(
    frame: pl.DataFrame, folders: Sequence[str], files: Sequence[str]
) -> dict[tuple[Any, ...], pl.DataFrame]:
    """Return the new rows by the folders they can stand in, sorted by the first of the other keys."""
    if files:
        frame = frame.sort(files[0])
    if not folders:
        return {(): frame}
    return {
        tuple(values): part
        for values, part in frame.partition_by(folders, as_dict=True, maintain_order=True).items()
    }


def _alike(
    frames: Sequence[pl.DataFrame | None], numbers: Iterable[int]
) -> Iterator[tuple[int, Numbers]]:
    """Yield the numbers of the row groups that share one frame of new rows."""
    found: dict[int, list[int]] = {}
    for number in numbers:
        found.setdefault(id(frames[number]), []).append(number)
    for key, some in found.items():
        yield key, np.array(some, np.int64)


def _not_ruled_out(
    place: GroupPlace, part: pl.DataFrame, names: Sequence[str]
) -> pl.DataFrame | None:
    """Return the new rows that the Bloom filters of a row group do not rule out, None if all are."""
    if len(part) > _MOST_ASKED:
        return part
    for name in names:
        flags = ask_bloom_filter(place, name, part.get_column(name))
        if flags is not None:
            part = rows_of(part, flags)
            if not len(part):
                return None
    return part
