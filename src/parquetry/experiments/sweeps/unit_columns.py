"""Which units have rows in a file that holds several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.errors import CorruptionError
from parquetry.model.splitting import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

UnitColumns = frozenset[tuple[str | None, int | None]]
_COLUMNS = ("grid_id", "seed")


def read_unit_columns(path: str) -> UnitColumns:
    """Return the pairs of `grid_id` and `seed` in a file; None stands for a column that it lacks.

    **Cost:** the footer and these two columns, a row group at a time.

    Raises:
        CorruptionError: The file cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            present = [name for name in _COLUMNS if name in file.schema_arrow.names]
            if not present:
                return frozenset()
            groups = range(file.metadata.num_row_groups)
            tables = (file.read_row_group(group, columns=present) for group in groups)
            return frozenset(pair for table in tables for pair in _pairs(table))
    except (pa.ArrowException, OSError) as error:
        raise CorruptionError(
            f"{path} cannot be read as Parquet, so that the units in it are not known. Nothing was "
            "changed. Move the file out of the dataset, or restore it.",
            path=path,
        ) from error


def _pairs(table: pa.Table) -> Iterable[tuple[str | None, int | None]]:
    for row in distinct(table, table.column_names):
        yield _text(row.get("grid_id")), _seed(row.get("seed"))


def _text(value: Any) -> str | None:
    # Writers that take types from folder names make 12345678 a number.
    return None if value is None else str(value)


def _seed(value: Any) -> int | None:
    return int(value) if isinstance(value, int) else None
