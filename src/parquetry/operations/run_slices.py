"""Rows cut where their keys change: without a copy where equal keys stand together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from polars.exceptions import PanicException, PolarsError

from parquetry.errors import LayoutError
from parquetry.model.hive import encode_segment
from parquetry.model.plain_numbers import array_of, integers_of
from parquetry.model.splitting import check_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MANY_RUNS = 4096  # beyond, runs are no longer grouped one by one
_RUN = "\0run"
Numbers = np.ndarray[Any, np.dtype[np.int64]]


def slice_by(
    table: pa.Table, keys: Sequence[str], known: Mapping[str, str] | None = None
) -> Iterator[tuple[str, pa.Table]]:
    """Yield each partition's folder with its rows, in the order of their first rows.

    NULL is a value like any other, and so is NaN. Rows of a partition keep their order.

    **Cost:** where each partition's rows stand together, slices that share the table's memory; one copy
    of the table otherwise.

    Args:
        table: The rows.
        keys: By what to part them.
        known: The names of the folders for keys that have one value in all rows.

    Raises:
        LayoutError: A value cannot name a folder.
    """
    known = known or {}
    varying = [key for key in keys if key not in known]
    if not table.num_rows:
        return
    if not varying:
        yield "/".join(known[key] for key in keys), table
        return
    check_times(table, varying)
    starts = _run_starts(table, varying)
    lengths = np.diff(np.append(starts, table.num_rows))
    rows_of = lengths.tolist()
    groups = _grouped(table.select(varying).take(array_of(starts)))
    if len(groups) < len(starts):
        order = np.concatenate([runs for _, runs in groups])
        table = table.take(array_of(_rows_of(starts[order], lengths[order])))
    names = [known.get(key, "") for key in keys]
    places = [list(keys).index(key) for key in varying]
    start = 0
    for segments, runs in groups:
        for place, segment in zip(places, segments, strict=True):
            names[place] = segment
        rows = sum([rows_of[run] for run in runs])
        yield "/".join(names), table.slice(start, rows)
        start += rows


def _run_starts(table: pa.Table, keys: Sequence[str]) -> Numbers:
    """Return the numbers of the rows whose keys differ from the row before."""
    try:
        ends = [
            pc.run_end_encode(table[key].combine_chunks(), run_end_type=pa.int64()).run_ends
            for key in keys
        ]
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return _run_starts_by_polars(_frame(table.select(list(keys))))
    numbers = [integers_of(one) for one in ends]
    changes = numbers[0]
    if len(numbers) > 1:  # not by NumPy's `unique`, which loads masked arrays
        changes = np.sort(np.concatenate(numbers))
        changes = changes[np.append(changes[1:] != changes[:-1], True)]
    return np.concatenate([np.zeros(1, np.int64), changes[:-1]])


def _run_starts_by_polars(frame: pl.DataFrame) -> Numbers:
    differs = frame.select(pl.any_horizontal(pl.all().ne_missing(pl.all().shift(1)))).to_series()
    changes = differs.to_numpy(writable=True)
    changes[0] = True
    return np.flatnonzero(changes)


def _grouped(firsts: pa.Table) -> list[tuple[tuple[str, ...], list[int]]]:
    """Return the folders' names for each combination of keys and its runs, in order of appearance."""
    if firsts.num_rows <= _MANY_RUNS:
        return _grouped_one_by_one(firsts)
    names = firsts.column_names
    groups = _frame(firsts).with_row_index(_RUN).group_by(names, maintain_order=True).agg(_RUN)
    rows = groups.select(names).iter_rows(named=True)
    runs = groups.get_column(_RUN).to_list()
    return [(_segments(row), numbers) for row, numbers in zip(rows, runs, strict=True)]


def _grouped_one_by_one(firsts: pa.Table) -> list[tuple[tuple[str, ...], list[int]]]:
    columns = [
        [encode_segment(key, value) for value in column.to_pylist()]
        for key, column in zip(firsts.column_names, firsts.columns, strict=True)
    ]
    runs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, folder in enumerate(zip(*columns, strict=True)):
        runs[folder].append(number)
    return list(runs.items())


def _segments(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple([encode_segment(key, value) for key, value in row.items()])


def _frame(keys: pa.Table) -> pl.DataFrame:
    try:
        frame = pl.DataFrame(pl.from_arrow(keys))
    except (PolarsError, PanicException, pa.ArrowException) as error:
        raise LayoutError(
            f"The columns {keys.column_names} cannot all name folders: {error}. Nothing was changed. "
            "Partition by text, numbers, booleans, dates or times."
        ) from error
    for key, kind in frame.schema.items():
        if kind.is_nested():
            encode_segment(key, frame.item(0, key))  # which says why not
    return frame


def _rows_of(starts: Numbers, lengths: Numbers) -> Numbers:
    """Return the numbers of the rows of runs, run after run."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1])
