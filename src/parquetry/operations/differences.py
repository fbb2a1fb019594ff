"""In which rows columns differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from parquetry.errors import SchemaMismatchError

if TYPE_CHECKING:
    from parquetry.operations.bounds import Flags


def differing(old: pl.DataFrame, new: pl.DataFrame) -> dict[str, Flags]:
    """Return by column in which rows it differs, if in any; NULL and NaN are equal to themselves.

    Raises:
        SchemaMismatchError: Columns cannot be compared.
    """
    try:
        flags = [differs(old[name], new[name]) for name in new.columns]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The columns {', '.join(new.columns)} cannot be compared with their new values: {error}. "
            "Nothing was changed."
        ) from error
    return {name: one for name, one in zip(new.columns, flags, strict=True) if one.any()}


def differs(one: pl.Series, other: pl.Series) -> Flags:
    """Return in which rows two columns differ; NULL and NaN are equal to themselves."""
    if one.null_count() or other.null_count():
        return one.ne_missing(other).to_numpy()
    return (one != other).to_numpy()  # which need not ask the query engine
