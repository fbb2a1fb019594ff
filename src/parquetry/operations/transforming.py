"""A user's function over the rows of a dataset, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError

from parquetry.errors import ExecutorError, ParquetryError, SchemaMismatchError
from parquetry.model.frames import one_table

Transform: TypeAlias = Callable[[pl.DataFrame], "pl.DataFrame | pl.LazyFrame"]


def transformed(tables: Iterable[pa.Table], transform: Transform, rows: int) -> Iterator[pa.Table]:
    """Yield what a function makes of rows that it is given so many at a time, as Polars frames.

    Raises:
        ExecutorError: The function failed, or gave no frame back.
        SchemaMismatchError: Polars has no such column type.
    """
    for batch in _batches(tables, rows):
        yield _apply(transform, batch)


def name_of(transform: Transform | None) -> str | None:
    """Return by what name the log keeps a function."""
    return None if transform is None else getattr(transform, "__name__", type(transform).__name__)


def _batches(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        start = 0
        while count + table.num_rows - start >= rows:
            step = rows - count
            yield pa.concat_tables([*held, table.slice(start, step)])
            held, count, start = [], 0, start + step
        if start < table.num_rows:
            held.append(table.slice(start))
            count += table.num_rows - start
    if held:
        yield pa.concat_tables(held)


def _apply(transform: Transform, batch: pa.Table) -> pa.Table:
    try:
        frame = pl.DataFrame(pl.from_arrow(batch))
    except (PolarsError, PanicException, pa.ArrowException) as error:
        raise SchemaMismatchError(
            f"The rows cannot be given to transform_fn as a Polars frame: {error}. Nothing was changed. "
            "Repartition without a function, or cast the column first."
        ) from error
    try:
        result = transform(frame)
        if isinstance(result, pl.LazyFrame):
            result = result.collect()
    except ParquetryError:
        raise
    except (Exception, PanicException) as error:
        raise ExecutorError(
            f"transform_fn failed on a batch of {frame.height} rows: {type(error).__name__}: {error}. "
            f"Nothing was changed. The columns of the batch are: {', '.join(frame.columns)}.",
            task=f"transform_fn ({name_of(transform)})",
        ) from error
    if not isinstance(result, pl.DataFrame):
        raise ExecutorError(
            f"transform_fn gave back {type(result).__name__}, not a Polars frame. Nothing was changed. "
            "Return the frame from it.",
            task=f"transform_fn ({name_of(transform)})",
        )
    return one_table(result)
