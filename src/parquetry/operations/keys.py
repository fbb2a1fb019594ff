"""What the keys of an upsert must be, and what new rows must be to fit a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from pyarrow import types as pt

from parquetry.errors import (
    KeyViolationError,
    ParameterError,
    SchemaMismatchError,
    UnknownColumnError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

_SHOWN = 5  # rows in a message


def check_key_columns(
    keys: Sequence[str], new: pa.Schema, columns: pa.Schema | None, root: str
) -> None:
    """Hold the key columns against the new rows and the dataset.

    Raises:
        ParameterError: There are none, one is named twice, or their type cannot be a key.
        UnknownColumnError: The new rows or the dataset lack one.
    """
    if not keys or len(set(keys)) != len(keys):
        raise ParameterError(
            f"An upsert into {root} needs key columns, each once; given were {list(keys)}. Nothing was "
            "changed. Name the columns that tell a row from all others."
        )
    for key in keys:
        if key not in new.names:
            raise UnknownColumnError.of(key, new.names, "the new rows, whose key it is")
        if columns is not None and key not in columns.names:
            raise UnknownColumnError.of(key, columns.names, f"{root}, whose key it is")
        kind = new.field(key).type if columns is None else columns.field(key).type
        if pt.is_floating(kind):
            raise KeyViolationError(
                f"The key {key!r} is {kind}, and floats are no keys: NaN, -0.0 and rounding make equal "
                "rows differ. Nothing was changed. Use a whole number, a decimal or a text."
            )
        if pt.is_nested(kind):
            raise ParameterError(
                f"The key {key!r} is {kind}, and rows are not told apart by nested values. Nothing was "
                "changed. Give its parts as columns."
            )


def check_keys_of_rows(frame: pl.DataFrame, keys: Sequence[str]) -> None:
    """Hold the key values of new rows to what keys are.

    Raises:
        KeyViolationError: A key is NULL, or occurs twice; the message names the rows, from 0.
    """
    for key in keys:
        empty = frame.get_column(key).is_null().arg_true()
        if len(empty):
            raise KeyViolationError(
                f"The key {key!r} is NULL in {len(empty)} of the new rows: rows {_listed(empty)} "
                "(counted from 0). Nothing was changed. Fill or drop them first."
            )
    if not frame.select(keys).is_duplicated().any():
        return
    twice = (
        frame.lazy()
        .select(keys)
        .with_row_index("::row")
        .group_by(list(keys), maintain_order=True)
        .agg("::row")
        .filter(pl.col("::row").list.len() > 1)
        .collect()
    )
    first = twice.row(0, named=True)
    raise KeyViolationError(
        f"{len(twice)} keys occur more than once in the new rows, so it is not said which row counts. "
        f"The first is {shown_key(first, keys)} in the rows {_listed(pl.Series(first['::row']))} "
        "(counted from 0). Nothing was changed. Keep one row each, for example by "
        "`unique(subset=keys, keep='last')`."
    )


def shown_key(row: dict[str, Any], keys: Sequence[str]) -> str:
    """Return a key as people read it."""
    return ", ".join(f"{key}={row[key]!r}" for key in keys)


def _listed(rows: pl.Series) -> str:
    more = ", …" if len(rows) > _SHOWN else ""
    return ", ".join(str(row) for row in rows.head(_SHOWN)) + more


def refuse_extra(new: pa.Schema, columns: pa.Schema, root: str) -> None:
    """Raise `SchemaMismatchError` if new rows have columns that a dataset lacks."""
    extra = [name for name in new.names if name not in columns.names]
    if extra:
        raise SchemaMismatchError(
            f"The new rows have the columns {', '.join(map(repr, extra))}, which {root} lacks. Its "
            f"columns are: {', '.join(columns.names)}. Nothing was changed. Leave them out, or allow "
            "new columns by evolve=True."
        )


def check_update_columns(
    update_columns: Sequence[str] | None, keys: Sequence[str], new: pa.Schema
) -> tuple[str, ...]:
    """Return the columns that a match may change: those named, or all but the keys.

    Raises:
        UnknownColumnError: The new rows lack one.
        ParameterError: One is a key.
    """
    if update_columns is None:
        return tuple(name for name in new.names if name not in keys)
    for name in update_columns:
        if name not in new.names:
            raise UnknownColumnError.of(name, new.names, "the new rows, to update from")
        if name in keys:
            raise ParameterError(
                f"The key {name!r} cannot be among the columns to update: it says which row is meant. "
                "Nothing was changed."
            )
    return tuple(dict.fromkeys(update_columns))
