"""The types of Polars for those of Arrow, where it has them."""

from __future__ import annotations

from functools import lru_cache

import polars as pl
import pyarrow as pa
from pyarrow import types as pt

_SURE: dict[pa.DataType, pl.DataType] = {
    pa.int8(): pl.Int8(),
    pa.int16(): pl.Int16(),
    pa.int32(): pl.Int32(),
    pa.int64(): pl.Int64(),
    pa.float32(): pl.Float32(),
    pa.float64(): pl.Float64(),
    pa.bool_(): pl.Boolean(),
    pa.string(): pl.String(),
    pa.date32(): pl.Date(),
    pa.timestamp("us"): pl.Datetime("us"),
}
"""Those that need no asking: a first answer takes Polars half a millisecond."""


@lru_cache(maxsize=64)
def polars_schema(columns: pa.Schema) -> dict[str, pl.DataType]:
    """Return the types that Polars has for columns; those that it has none for are left out."""
    return {field.name: kind for field in columns if (kind := polars_type(field.type)) is not None}


@lru_cache(maxsize=256)
def polars_type(kind: pa.DataType) -> pl.DataType | None:
    """Return the type that Polars has for one of Arrow's, None if it has none."""
    if pt.is_decimal256(kind):
        return None  # cut to 128 bits
    if (sure := _SURE.get(kind)) is not None:
        return sure
    try:
        return pl.Series(pa.nulls(0, kind)).dtype
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, TypeError):
        return None
