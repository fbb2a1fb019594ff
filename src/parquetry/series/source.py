"""One series on disk: a Parquet file, or a folder of files that each hold a range of scenarios."""

from __future__ import annotations

import os
import threading
import weakref
from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from parquetry.series.handles import stamp_of
from parquetry.series.indexing import check_columns, check_steps, distinct
from parquetry.series.parts import Parts, part_paths
from parquetry.series.tiles import Tile, tile_cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.series.handles import Stamp
    from parquetry.series.indexing import Floats, Indices, Steps
    from parquetry.series.series_file import SeriesFile


class SeriesSource:
    """The steps and scenarios of one series, read as they are asked for.

    Args:
        path: The file, or the folder of files.
        parts: The files.

    **Cost:** a read decodes the row groups that cover the steps, in the columns asked, unless a tile
    holds them already.
    """

    def __init__(self, path: str, parts: Parts) -> None:
        self.path = path
        self.lock = (
            threading.Lock()
        )  # one tile is filled at a time; reads of filled ones do not wait
        self._parts = parts
        first = parts.file(0)
        self.rows = first.rows
        self.columns = parts.columns
        self._starts, self._stops = first.starts, first.stops
        self.tiles: list[Tile | None] = [None] * len(self._starts)

    @property
    def files(self) -> list[SeriesFile]:
        """Every file, by its first column."""
        return self._parts.files()

    def read(self, steps: Steps, columns: Indices) -> Floats:
        """Return (steps, scenarios) in the order asked.

        Raises:
            SeriesIndexError: A step or a column lies outside.
        """
        if isinstance(steps, range) and steps:
            found = self._read_block(steps, columns)
            if found is not None:
                return found
        self._check(steps, columns)
        result = np.empty((len(columns), len(steps)))
        if len(columns):
            for group, where, rows in _split_steps(self._starts, self._stops, steps):
                tile, places = self._tile(group, columns)
                result[:, where] = tile.values[:, rows][places]
        return result.T

    def load(self, steps: Steps, columns: Indices) -> Floats:
        """Return (steps, scenarios) for ascending, unique columns, past the cache.

        Raises:
            SeriesIndexError: A step or a column lies outside.
        """
        self._check(steps, columns)
        result = np.empty((len(columns), len(steps)))
        pieces = [
            (file, (group, local, rows), (chosen, where))
            for file, chosen, local in self._parts.split(columns)
            for group, where, rows in _split_steps(file.starts, file.stops, steps)
        ]
        if len(columns) > 1 or len(pieces) > 1:
            for file, asked, _ in pieces:
                file.announce(*asked)
        for file, asked, (chosen, where) in pieces:
            if isinstance(where, slice):
                file.fill(result[chosen, where], *asked)
            else:
                part = np.empty((len(asked[1]), len(where)))
                file.fill(part, *asked)
                result[chosen, where] = part
        return result.T

    def prefetch(self, steps: range, columns: Indices) -> None:
        """Decode what covers these steps, so that the next read finds it."""
        for group, _, _ in _split_steps(self._starts, self._stops, steps):
            self._tile(group, columns)

    def is_warm(self, steps: range, columns: Indices) -> bool:
        """Return whether a read of these steps would find everything decoded."""
        for group in range(self._group_of(steps.start), self._group_of(steps.stop - 1) + 1):
            tile = self.tiles[group]
            if tile is None or (tile.position[columns] < 0).any():
                return False
        return True

    def forget(self) -> None:
        """Begin anew, in a forked process: lock and tiles may have been caught in the middle."""
        self.lock = threading.Lock()
        self.tiles = [None] * len(self._starts)

    def _check(self, steps: Steps, columns: Indices) -> None:
        check_columns(columns, self.columns, self.path)
        check_steps(steps, 0, self.rows, self.path)

    def _group_of(self, step: int) -> int:
        return bisect_right(self._starts, step) - 1

    def _read_block(self, steps: range, columns: Indices) -> Floats | None:
        """Return a block within one row group: the common case, and the one that must be fast."""
        first, stop = steps.start, steps.stop
        if first < 0 or stop > self.rows:
            return None
        group = self._group_of(first)
        if stop > self._stops[group]:
            return None
        if len(columns) == 1:
            column = columns.item(0)
            tile = self.tiles[group]
            if tile is not None and 0 <= column < self.columns:
                place = tile.position.item(column)
                if place >= 0:
                    tile.touch()
                    return tile.values[place, first - tile.first : stop - tile.first, None].copy()
        check_columns(columns, self.columns, self.path)
        tile, places = self._tile(group, columns)
        return tile.values[:, first - tile.first : stop - tile.first][places].T

    def _tile(self, group: int, columns: Indices) -> tuple[Tile, Indices]:
        """Return the tile of a row group with at least these columns, and where in it they are."""
        tile = self.tiles[group]
        if tile is not None:
            found = tile.position[columns]
            if not found.size or found.min() >= 0:
                tile.touch()
                return tile, found
        with self.lock:
            tile = self._filled(group, columns)
        return tile, tile.position[columns]

    def _filled(self, group: int, columns: Indices) -> Tile:
        tile = self.tiles[group]
        first, rows = self._starts[group], self._stops[group] - self._starts[group]
        if tile is None:
            tile = Tile(first, rows, self.columns, partial(_forget, weakref.ref(self), group))
        missing = distinct(columns[tile.position[columns] < 0])
        if missing.size:
            tile.fill(missing, self.load(range(first, first + rows), missing).T)
            self.tiles[group] = tile
            tile.touch()
            tile_cache.account(tile, len(missing) * rows * 8)
        return tile


def open_source(path: str) -> SeriesSource:
    """Return the series at a path: one object in a process for one content.

    Raises:
        NotFoundError: There is nothing.
        CorruptionError: A file is no Parquet file.
        SchemaMismatchError: The columns are no numbers, not named 0, 1, …, or the files do not fit.
    """
    path = os.path.abspath(path)
    paths = part_paths(path)
    with _sources_lock:
        stamps = [stamp_of(part) for part in paths]
        known = _sources.get(path)
        if known is None or known[0] != stamps:
            known = _sources[path] = (stamps, SeriesSource(path, Parts(path, paths)))
        return known[1]


_sources: dict[str, tuple[list[Stamp], SeriesSource]] = {}
_sources_lock = threading.Lock()


def _split_steps(
    starts: list[int], stops: list[int], steps: Steps
) -> Iterator[tuple[int, slice | Indices, slice | Indices]]:
    """Yield each row group, where its share of the steps goes, and which of its rows they are."""
    if not len(steps):
        return
    if isinstance(steps, range):
        last = bisect_right(starts, steps.stop - 1)
        for group in range(bisect_right(starts, steps.start) - 1, last):
            start, stop = max(starts[group], steps.start), min(stops[group], steps.stop)
            where = slice(start - steps.start, stop - steps.start)
            yield group, where, slice(start - starts[group], stop - starts[group])
        return
    owner = np.searchsorted(starts, steps, side="right") - 1
    for group in distinct(owner).tolist():
        chosen = np.flatnonzero(owner == group)
        yield group, chosen, steps[chosen] - starts[group]


def _forget(owner: weakref.ref[SeriesSource], group: int) -> None:
    source = owner()
    if source is not None:
        source.tiles[group] = None


def _forget_all() -> None:
    """Begin anew in a forked process."""
    global _sources_lock  # noqa: PLW0603
    _sources_lock = threading.Lock()
    tile_cache.__init__(tile_cache.budget_bytes)  # type: ignore[misc]
    for _, source in _sources.values():
        source.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
