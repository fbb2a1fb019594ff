"""One series on disk: a Parquet file, or a folder of files that each hold a range of scenarios."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import SchemaMismatchError
from parquetry.series.indexing import check_columns, check_steps
from parquetry.series.reader import open_file, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.series.indexing import Floats, Indices, Steps
    from parquetry.series.reader import SeriesFile, Stamp


class SeriesSource:
    """The steps and scenarios of one series, read as they are asked for.

    Args:
        path: The file, or the folder of files.
        files: The files, by their first column.

    **Cost:** a read decodes the row groups that cover the steps, in the columns asked, unless a tile
    holds them already.
    """

    def __init__(self, path: str, files: list[SeriesFile]) -> None:
        self.path = path
        self.files = files
        self.rows = files[0].rows
        self.columns = sum(len(file.columns) for file in files)
        self._first_columns = np.array([file.first_column for file in files], np.intp)
        _check_parts(path, files)

    def read(self, steps: Steps, columns: Indices) -> Floats:
        """Return (steps, scenarios) in the order asked.

        Raises:
            SeriesIndexError: A step or a column lies outside.
        """
        if len(self.files) == 1 and isinstance(steps, range) and steps:
            found = self._read_block(self.files[0], steps, columns)
            if found is not None:
                return found
        check_columns(columns, self.columns, self.path)
        check_steps(steps, 0, self.rows, self.path)
        result = np.empty((len(columns), len(steps)))
        for file, chosen, local in self._split_columns(columns):
            _gather(file, steps, local, result, chosen)
        return result.T

    def load(self, steps: Steps, columns: Indices) -> Floats:
        """Return (steps, scenarios) for ascending, unique columns, past the cache.

        Raises:
            SeriesIndexError: A step or a column lies outside.
        """
        check_columns(columns, self.columns, self.path)
        check_steps(steps, 0, self.rows, self.path)
        result = np.empty((len(columns), len(steps)))
        for file, chosen, local in self._split_columns(columns):
            for group, where, rows in _split_steps(file, steps):
                result[_grid(chosen, where)] = file.load(group, local)[:, rows]
        return result.T

    def prefetch(self, steps: range, columns: Indices) -> None:
        """Decode what covers these steps, so that the next read finds it."""
        for file, _, local in self._split_columns(columns):
            for group, _, _ in _split_steps(file, steps):
                file.tile(group, local)

    def is_warm(self, steps: range, columns: Indices) -> bool:
        """Return whether a read of these steps would find everything decoded."""
        for file, _, local in self._split_columns(columns):
            for group in range(file.group_of(steps.start), file.group_of(steps.stop - 1) + 1):
                tile = file.tiles[group]
                if tile is None or (tile.position[local] < 0).any():
                    return False
        return True

    def _read_block(self, file: SeriesFile, steps: range, columns: Indices) -> Floats | None:
        """Return a block within one row group: the common case, and the one that must be fast."""
        first, stop = steps.start, steps.stop
        if first < 0 or stop > self.rows:
            return None
        group = file.group_of(first)
        if stop > file.stops[group]:
            return None
        if len(columns) == 1:
            column = int(columns[0])
            tile = file.tiles[group]
            if tile is not None and 0 <= column < self.columns:
                place = tile.position.item(column)
                if place >= 0:
                    tile.touch()
                    return tile.values[place, first - tile.first : stop - tile.first, None].copy()
        check_columns(columns, self.columns, self.path)
        tile, places = file.tile(group, columns)
        return tile.values[:, first - tile.first : stop - tile.first][places].T

    def _split_columns(
        self, columns: Indices
    ) -> Iterator[tuple[SeriesFile, slice | Indices, Indices]]:
        """Yield each file, where its share of the columns goes, and the columns' positions in it."""
        if len(self.files) == 1:
            if len(columns):
                yield self.files[0], slice(None), columns
            return
        owner = np.searchsorted(self._first_columns, columns, side="right") - 1
        for number in np.unique(owner):
            chosen = np.flatnonzero(owner == number)
            yield self.files[number], chosen, columns[chosen] - self._first_columns[number]


def open_source(path: str) -> SeriesSource:
    """Return the series at a path.

    Raises:
        NotFoundError: There is nothing.
        CorruptionError: A file is no Parquet file.
        SchemaMismatchError: The columns are no numbers, not named 0, 1, …, or the files do not fit.
    """
    path = os.path.abspath(path)
    parts = part_paths(path)
    with _sources_lock:
        stamps = [stamp_of(part) for part in parts]
        known = _sources.get(path)
        if known is None or known[0] != stamps:
            files = sorted((open_file(part) for part in parts), key=lambda file: file.first_column)
            known = _sources[path] = (stamps, SeriesSource(path, files))
        return known[1]


def part_paths(path: str) -> list[str]:
    """Return the files that make up a series, by name."""
    if not os.path.isdir(path):
        return [path]
    names = sorted(name for name in os.listdir(path) if name.endswith(".parquet"))
    if not names:
        raise SchemaMismatchError(
            f"The folder {path} stands for a series but holds no Parquet file. Remove it, or convert "
            "the series again.",
            path=path,
        )
    return [os.path.join(path, name) for name in names]


_sources: dict[str, tuple[list[Stamp], SeriesSource]] = {}
_sources_lock = threading.Lock()


def _check_parts(path: str, files: list[SeriesFile]) -> None:
    """Refuse gaps and overlaps between columns, and files of different length."""
    columns = np.concatenate([file.columns for file in files])
    expected = np.arange(len(columns))
    if not np.array_equal(columns, expected):
        wrong = int(expected[columns != expected][0])
        raise SchemaMismatchError(
            f"The columns of {path} must be 0, 1, … without a gap; column {wrong} is missing or "
            "occurs twice. The file was left as it is. Write it again with every scenario.",
            path=path,
        )
    if len({file.rows for file in files}) > 1:
        raise SchemaMismatchError(
            f"The files of {path} have different numbers of steps: "
            f"{', '.join(str(file.rows) for file in files)}. Convert the series again.",
            path=path,
        )


def _gather(
    file: SeriesFile, steps: Steps, local: Indices, result: Floats, chosen: slice | Indices
) -> None:
    for group, where, rows in _split_steps(file, steps):
        tile, places = file.tile(group, local)
        result[_grid(chosen, where)] = tile.values[:, rows][places]


def _grid(columns: slice | Indices, steps: slice | Indices) -> tuple[slice | Indices, ...]:
    """Return an index of whole rows and columns, where two arrays would be taken pair by pair."""
    if isinstance(columns, slice) or isinstance(steps, slice):
        return columns, steps
    return np.ix_(columns, steps)


def _split_steps(
    file: SeriesFile, steps: Steps
) -> Iterator[tuple[int, slice | Indices, slice | Indices]]:
    """Yield each row group, where its share of the steps goes, and which of its rows they are."""
    if not len(steps):
        return
    if isinstance(steps, range):
        for group in range(file.group_of(steps.start), file.group_of(steps.stop - 1) + 1):
            start, stop = file.starts[group], file.stops[group]
            first, last = max(start, steps.start), min(stop, steps.stop)
            yield (
                group,
                slice(first - steps.start, last - steps.start),
                slice(first - start, last - start),
            )
        return
    owner = np.searchsorted(file.starts, steps, side="right") - 1
    for group in np.unique(owner).tolist():
        where = np.flatnonzero(owner == group)
        yield group, where, steps[where] - file.starts[group]


def _forget_lock() -> None:
    global _sources_lock  # noqa: PLW0603
    _sources_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
