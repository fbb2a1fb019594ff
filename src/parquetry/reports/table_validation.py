"""Whether the rows of a dataset or file are rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.dataset import Dataset
from parquetry.errors import CorruptionError, NotFoundError, ParameterError
from parquetry.files.footers import read_footer
from parquetry.tables.validation import filter_rows

if TYPE_CHECKING:
    from pathlib import Path

    from parquetry.tables import Failures, TableSchema


@dataclass(frozen=True, slots=True)
class TableValidation:
    """How many rows there are, of which table they should be, and what is wrong with which."""

    table: str
    rows: int
    failures: Failures


def validate_path(path: Path, table: TableSchema | None = None) -> TableValidation:
    """Return whether all rows of a dataset or of one file are rows of a table, keys included.

    **Cost:** memory for all rows.

    Args:
        path: A dataset, or a Parquet file.
        table: The table; that of the dataset if left out.

    Raises:
        NotFoundError: Nothing stands there.
        ParameterError: No table was given, and the dataset is of none.
        SchemaMismatchError: The columns are not those of the table.
        CorruptionError: A file cannot be read.
    """
    if not path.exists():
        raise NotFoundError(
            f"There is nothing at {path}. Name a dataset's folder or a Parquet file.",
            path=str(path),
        )
    if table is None:
        table = Dataset(path).table if path.is_dir() else None
    if table is None:
        raise ParameterError(
            f"{path} is of no table, so say which one its rows should be of: --table runs."
        )
    rows = Dataset(path).scan().collect() if path.is_dir() else _read(str(path))
    good, failures = filter_rows(table, rows)
    return TableValidation(table.identifier, good.height + failures.rows.height, failures)


def _read(path: str) -> pa.Table:
    read_footer(path)
    try:
        return pq.read_table(path, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise CorruptionError(
            f"{path} cannot be read: {str(error).splitlines()[0]}. It was left as it is.", path=path
        ) from error
