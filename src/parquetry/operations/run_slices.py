"""Rows cut where their keys change: without a copy where equal keys stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError

from parquetry.errors import LayoutError
from parquetry.model.hive import partition_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RUN = "\0run"


def slice_by(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """Yield each partition's folder with its rows, in the order of their first rows.

    NULL is a value like any other, and so is NaN. Rows of a partition keep their order.

    **Cost:** where each partition's rows stand together, slices that share the table's memory; one copy
    of the table otherwise.

    Raises:
        LayoutError: A value cannot name a folder.
    """
    if not keys:
        yield "", table
        return
    if not table.num_rows:
        return
    frame = _frame(table, keys)
    starts = _run_starts(frame)
    lengths = np.diff(np.append(starts, table.num_rows))
    firsts = frame[starts].with_row_index(_RUN)
    groups = firsts.group_by(list(keys), maintain_order=True).agg(_RUN)
    runs = groups.get_column(_RUN)
    sizes = runs.list.len().to_numpy()
    if groups.height < firsts.height:
        order = runs.explode().to_numpy()
        table = table.take(pa.array(_rows_of(starts[order], lengths[order])))
        lengths = lengths[order]
    ends = np.cumsum(lengths)[np.cumsum(sizes) - 1]
    start = 0
    values = groups.select(list(keys)).iter_rows(named=True)
    for one, end in zip(values, ends.tolist(), strict=True):
        yield partition_folder(one), table.slice(start, end - start)
        start = end


def _frame(table: pa.Table, keys: Sequence[str]) -> pl.DataFrame:
    try:
        return pl.DataFrame(pl.from_arrow(table.select(list(keys))))
    except (PolarsError, PanicException, pa.ArrowException) as error:
        raise LayoutError(
            f"The columns {list(keys)} cannot all name folders: {error}. Nothing was changed. Partition "
            "by text, numbers, booleans, dates or times."
        ) from error


def _run_starts(frame: pl.DataFrame) -> np.ndarray:
    """Return the numbers of the rows whose keys differ from the row before."""
    differs = frame.select(pl.any_horizontal(pl.all().ne_missing(pl.all().shift(1)))).to_series()
    changes = differs.to_numpy(writable=True)
    changes[0] = True
    return np.flatnonzero(changes)


def _rows_of(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the numbers of the rows of runs, run after run."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1])
