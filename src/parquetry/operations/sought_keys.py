"""The keys of new rows, in the order in which they are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from parquetry.model.plain_numbers import array_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.operations.bounds import Bounds, Flags
    from parquetry.operations.found_keys import Place

ROW = "::row"
RUN = "::run"

Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"


class SoughtKeys:
    """Sorts the keys of new rows by the folders where they can stand, and there by their first column.

    Those of one folder are a run; the part of a run that a row group can hold is a slice of it.

    Args:
        frame: The key columns; none is NULL.
        folder_keys: Those that the names of folders say.
    """

    def __init__(self, frame: pl.DataFrame, folder_keys: Sequence[str]) -> None:
        self._folder_keys = folder_keys
        self.file_keys = [name for name in frame.columns if name not in folder_keys]
        """The key columns that files have to be asked for."""
        order = [*folder_keys, *self.file_keys[:1]]
        frame = frame.with_row_index(ROW).sort(order)
        starts, ends = np.zeros(1, np.int64), np.array([len(frame)], np.int64)
        folders: list[tuple[Any, ...]] = [()]
        if folder_keys:
            runs = frame.group_by(list(folder_keys), maintain_order=True).agg(pl.len().alias(RUN))
            ends = np.cumsum(runs.get_column(RUN).to_numpy(), dtype=np.int64)
            starts = np.concatenate([starts, ends[:-1]])
            folders = runs.select(folder_keys).rows()
        self._starts, self._ends = starts, ends
        self._runs = {folder: number for number, folder in enumerate(folders)}
        numbers = np.repeat(np.arange(len(starts)), ends - starts)
        self._frame = frame.with_columns(pl.Series(RUN, array_of(numbers)))

    def run_of(self, keys: Mapping[str, Any]) -> int | None:
        """Return the number of the run that belongs to the folder of a file, None if there is none."""
        return self._runs.get(tuple(keys.get(key) for key in self._folder_keys))

    def slices(self, runs: Numbers, bounds: Bounds | None) -> tuple[Numbers, Numbers]:
        """Return for each of some row groups where its slice begins and ends.

        Args:
            runs: The run of each.
            bounds: What is known of the first of `file_keys` in them; None if there is none.
        """
        starts, ends = self._starts[runs], self._ends[runs]
        if bounds is None:
            return starts, ends
        column = self._frame.get_column(self.file_keys[0])
        known = np.flatnonzero(bounds.known & (ends > starts))
        places = pl.Series(array_of(known))
        low, high = (one[places].cast(column.dtype) for one in (bounds.low, bounds.high))
        within = starts[known], ends[known]
        starts[known] = _count_below(column, *within, low, with_equal=False)
        ends[known] = _count_below(column, *within, high, with_equal=True)
        ends[bounds.only_nulls] = starts[bounds.only_nulls]
        return starts, np.maximum(starts, ends)

    def parts(self, places: Iterable[Place]) -> pl.DataFrame:
        """Return the keys of slices, each run's once, with their `RUN` and the new row as `ROW`."""
        spans: dict[int, tuple[int, int]] = {}
        for place in places:
            start, end = spans.get(place.run, (place.start, place.end))
            spans[place.run] = min(start, place.start), max(end, place.end)
        return pl.concat(self._frame.slice(start, end - start) for start, end in spans.values())


def _count_below(
    column: pl.Series, starts: Numbers, ends: Numbers, values: pl.Series, *, with_equal: bool
) -> Numbers:
    """Return where in each of several sorted slices the values below one, or equal to it, end."""
    low, high = starts.copy(), ends.copy()
    while (is_open := low < high).any():
        middle = (low + high) // 2
        here = column[pl.Series(array_of(np.where(is_open, middle, 0)))]
        below: Flags = (here <= values if with_equal else here < values).to_numpy()
        low = np.where(is_open & below, middle + 1, low)
        high = np.where(is_open & ~below, middle, high)
    return low
