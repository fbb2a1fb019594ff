"""A ready-made transform: the parts of a time as columns to partition by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from parquetry.errors import ParameterError, SchemaMismatchError, UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTS: dict[str, tuple[type[pl.DataType], Callable[[pl.Expr], pl.Expr]]] = {
    "year": (pl.Int32, lambda time: time.dt.year()),
    "quarter": (pl.Int8, lambda time: time.dt.quarter()),
    "month": (pl.Int8, lambda time: time.dt.month()),
    "week": (pl.Int8, lambda time: time.dt.week()),
    "day": (pl.Int8, lambda time: time.dt.day()),
    "hour": (pl.Int8, lambda time: time.dt.hour()),
    "minute": (pl.Int8, lambda time: time.dt.minute()),
    "date": (pl.Date, lambda time: time.dt.date()),
}
YEAR_TO_HOUR = ("year", "month", "day", "hour")


def time_parts(
    column: str, parts: tuple[str, ...] | list[str] = YEAR_TO_HOUR
) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a `transform_fn` that adds the parts of a time as columns; those that exist stay.

    ```python
    Repartitioner("level2", "level2_new", ["product_id", "year", "month", "day", "hour"]).repartition(
        transform_fn=time_parts("timestamp")
    )
    ```

    Times with a zone give the parts that a clock in that zone shows.

    Args:
        column: The column of times or dates.
        parts: Which parts: year, quarter, month, week, day, hour, minute, date.

    Raises:
        ParameterError: There is no such part.
    """
    for part in parts:
        if part not in _PARTS:
            raise ParameterError(
                f"There is no part {part!r} of a time; there are {', '.join(_PARTS)}. "
                "Nothing was changed."
            )

    def add_time_parts(frame: pl.DataFrame) -> pl.DataFrame:
        if column not in frame.columns:
            raise UnknownColumnError.of(column, frame.columns, "the rows, whose time was asked for")
        kind = frame.schema[column]
        if not isinstance(kind, (pl.Datetime, pl.Date)):
            raise SchemaMismatchError(
                f"The column {column!r} is {kind}, and has no parts of a time. Nothing was changed. "
                "Cast it to a time first."
            )
        time = pl.col(column).cast(pl.Datetime("us")) if kind == pl.Date else pl.col(column)
        return frame.with_columns(
            _PARTS[part][1](time).cast(_PARTS[part][0]).alias(part)
            for part in parts
            if part not in frame.columns
        )

    return add_time_parts
