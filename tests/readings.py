"""The same Parquet file as three engines read it, for tests that hold them against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PanicException

if TYPE_CHECKING:
    from pathlib import Path

UNREADABLE = (Exception, PanicException)
"""What an engine may raise at a file that it does not understand."""


def read_arrow(path: Path) -> list[Any]:
    """Return the rows as PyArrow reads them."""
    return as_rows(pq.ParquetFile(path).read())


def read_polars(path: Path) -> list[Any]:
    """Return the rows as Polars reads them."""
    return [repr(row) for row in pl.read_parquet(path, glob=False).rows()]


def read_duckdb(path: Path) -> list[Any]:
    """Return the rows as DuckDB reads them."""
    with duckdb.connect() as connection:
        return [repr(row) for row in connection.sql(f"FROM read_parquet('{path}')").fetchall()]


ENGINES = {"PyArrow": read_arrow, "Polars": read_polars, "DuckDB": read_duckdb}


def as_rows(table: pa.Table) -> list[str]:
    """Return the rows of a table as text, in which NaN is equal to NaN."""
    columns = [column_texts(column) for column in table.columns]
    return [repr(row) for row in zip(*columns, strict=True)]


def column_texts(column: pa.ChunkedArray) -> list[str]:
    """Return the values of a column as text; some of the format's own files overflow Python."""
    try:
        return [repr(value) for value in column.to_pylist()]
    except (OverflowError, ValueError):
        return [str(column.slice(row, 1).combine_chunks()) for row in range(len(column))]
