"""Rows as people have them, cut or joined into batches that are neither large nor many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import polars as pl
import pyarrow as pa

from parquetry.errors import SchemaMismatchError
from parquetry.model.frames import Rows, find_table, iterate_tables

BATCH_ROWS = 131_072
_BATCH_BYTES = 32 << 20

Batch: TypeAlias = "pl.DataFrame | list[Mapping[str, Any]]"


def row_batches(rows: Rows) -> Iterator[Batch]:
    """Yield the rows in batches of about a hundred thousand rows, or some ten megabytes.

    Dicts stay dicts, since their values have no width yet; all else comes as frames. Small batches of
    an iterator are joined if they have the same columns and types.

    Raises:
        SchemaMismatchError: The rows cannot be computed, or have no form in Parquet.
        ParameterError: They are of a kind that is not known.
    """
    waiting: list[pl.DataFrame] = []
    for piece in _pieces(rows):
        if isinstance(piece, list):
            yield from _emptied(waiting)
            yield piece
            continue
        if waiting and (waiting[0].schema != piece.schema or _is_full([*waiting, piece])):
            yield from _emptied(waiting)
        waiting.append(piece)
    yield from _emptied(waiting)


def _emptied(waiting: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    if waiting:
        frame = pl.concat(waiting)
        waiting.clear()
        yield frame


def _is_full(frames: list[pl.DataFrame]) -> bool:
    rows = sum(frame.height for frame in frames)
    return rows > BATCH_ROWS or sum(frame.estimated_size() for frame in frames) > _BATCH_BYTES


def _pieces(rows: Rows) -> Iterator[Batch]:
    """Yield the rows in pieces that are not large, but may be small."""
    if isinstance(rows, pl.LazyFrame):
        yield from _cut(_computed(rows))
    elif isinstance(rows, pl.DataFrame):
        yield from _cut([rows])
    elif isinstance(rows, pa.RecordBatchReader):
        yield from _cut(map(_frame, iterate_tables(rows)))
    elif (table := find_table(rows)) is not None:
        yield from _cut(_frame(one) for one in iterate_tables(table))
    elif isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        yield from _cut(map(_frame, iterate_tables(rows)))  # which says that it knows no such rows
    else:
        yield from _of_iterable(rows)


def _of_iterable(rows: Iterable[Any]) -> Iterator[Batch]:
    records: list[Mapping[str, Any]] = []
    for item in rows:
        if isinstance(item, Mapping):
            records.append(item)
            if len(records) == BATCH_ROWS:
                yield records
                records = []
            continue
        if records:
            yield records
            records = []
        yield from _pieces(item)
    if records:
        yield records


def _computed(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    try:
        yield from rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The rows could not be computed: {error}. Nothing was written."
        ) from error


def _frame(table: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(table))


def _cut(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    for frame in frames:
        per_row = frame.estimated_size() / max(1, frame.height)
        rows = min(BATCH_ROWS, max(1, int(_BATCH_BYTES / max(1.0, per_row))))
        yield from frame.iter_slices(rows)
