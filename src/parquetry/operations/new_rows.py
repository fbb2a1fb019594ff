"""New rows, fitted to the dataset that they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa
from pyarrow import types as pt

from parquetry.errors import (
    NotFoundError,
    SchemaMismatchError,
)
from parquetry.model.casting import cast_lossless
from parquetry.operations.keys import (
    check_update_columns,
    refuse_extra,
)
from parquetry.operations.row_frames import to_polars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.access.source import Source
    from parquetry.commits.home import Home


class NewRows(NamedTuple):
    """The rows that are to be upserted, in the dataset's types.

    Args:
        table: All their columns.
        keys: The columns that identify a row.
        update: The columns that a match may change.
    """

    table: pa.Table
    keys: tuple[str, ...]
    update: tuple[str, ...]


def known_columns(source: Source) -> pa.Schema | None:
    """Return the columns of the dataset, None if it is to be made."""
    try:
        found = source.schema()
    except NotFoundError:
        return None
    return found if len(found) else None


def fit_rows(
    table: pa.Table,
    keys: Sequence[str],
    update_columns: Sequence[str] | None,
    columns: pa.Schema | None,
    root: str,
    *,
    evolve: bool,
) -> NewRows:
    """Return the new rows in the dataset's types, every value as it was."""
    update = check_update_columns(update_columns, keys, table.schema)
    if columns is not None and not evolve:
        refuse_extra(table.schema, columns, root)
    known = {} if columns is None else {field.name: field.type for field in columns}
    fields = [
        pa.field(field.name, known.get(field.name, field.type))
        for field in table.schema
        if field.name in known or not pt.is_null(field.type)
    ]
    fitted = cast_lossless(_with_dates(table, known), pa.schema(fields), root)
    return NewRows(
        fitted, tuple(keys), tuple(name for name in update if name in fitted.column_names)
    )


def _with_dates(table: pa.Table, known: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the rows with ISO texts as dates where the dataset has dates; nothing is lost by it.

    The folders of others often make a date of what everybody writes as text.
    """
    for place, field in enumerate(table.schema):
        if not (pt.is_string(field.type) and pt.is_date(known.get(field.name, pa.null()))):
            continue
        texts = pl.Series(table[field.name])
        dates = texts.str.to_date("%Y-%m-%d", strict=False)
        if dates.dt.to_string("%Y-%m-%d").eq_missing(texts).all():
            table = table.set_column(place, field.name, dates.to_arrow())
    return table


def key_frame(new: NewRows) -> pl.DataFrame:
    """Return the key columns of new rows."""
    return pl.DataFrame([to_polars(new.table[key], key, "the new rows") for key in new.keys])


def refuse_missing(home: Home, keys: Sequence[str], new: NewRows) -> None:
    """Raise the error for rows that come to no folder."""
    missing = [key for key in keys if key not in new.table.column_names]
    if missing:
        raise SchemaMismatchError(
            f"Rows are to be inserted into {home.root}, which is partitioned by {list(keys)}, and the "
            f"new rows lack {', '.join(map(repr, missing))}. Nothing was changed. Add the column, for "
            'example by with_columns(pl.col("timestamp").dt.date().alias("date")).'
        )
