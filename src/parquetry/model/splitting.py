"""A table cut into its partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from parquetry.errors import UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa


def split(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Yield each combination of key values with its rows, in order of appearance.

    NULL is a value like any other here, and so is NaN.

    Raises:
        UnknownColumnError: A key is no column of the table.
    """
    for key in keys:
        if key not in table.column_names:
            raise UnknownColumnError.of(key, table.column_names, "the rows, which are split by it")
    if not keys:
        yield {}, table
        return
    if not table.num_rows:
        return
    columns = pl.DataFrame(pl.from_arrow(table.select(list(keys))))
    groups = columns.with_row_index("\0row").group_by(list(keys), maintain_order=True).agg("\0row")
    rows = groups.get_column("\0row")
    for values, indices in zip(groups.select(list(keys)).iter_rows(named=True), rows, strict=True):
        whole = len(groups) == 1
        yield values, table if whole else table.take(indices.to_arrow())
