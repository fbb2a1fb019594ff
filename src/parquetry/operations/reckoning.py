"""New values that columns of numbers give by themselves, as surely as the query engine of Polars.

A first question to that engine starts its threads and reads the memory map of the process, which takes
longer than to change a small file. Arithmetic, and one value for all rows, need nothing of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from parquetry.operations.literals import is_single, is_sure, value_of
from parquetry.operations.parsing import arithmetic_of

if TYPE_CHECKING:
    from parquetry.operations.parsing import Compare, Schema


@dataclass(frozen=True)
class Column:
    """A column as it is."""

    name: str

    def of(self, frame: pl.DataFrame) -> pl.Series:
        """Return its values."""
        return frame[self.name]


@dataclass(frozen=True)
class Number:
    """A plain number beside a column."""

    value: float

    def of(self, _: pl.DataFrame) -> float:
        """Return it."""
        return self.value


@dataclass(frozen=True)
class Step:
    """An operator and its two sides, one of which is a column at least."""

    build: Compare
    one: Column | Number | Step
    other: Column | Number | Step

    def of(self, frame: pl.DataFrame) -> Any:
        """Return what it gives, row by row."""
        return self.build(self.one.of(frame), self.other.of(frame))


@dataclass(frozen=True)
class Same:
    """One value in all rows."""

    value: Any
    kind: pl.DataType

    def of(self, frame: pl.DataFrame) -> pl.Series:
        """Return it, so many times."""
        return pl.Series([self.value], dtype=self.kind).new_from_index(0, len(frame))


Reckoning: TypeAlias = Column | Step | Same


def reckoning_of(name: str, expr: pl.Expr, schema: Schema) -> Reckoning | None:
    """Return how new values of a column can be told without the engine; None if it must be asked.

    Args:
        name: The column.
        expr: Its new value.
        schema: All columns with their types.
    """
    if expr.meta.is_literal():
        if not is_single(expr) or not is_sure(value := value_of(expr), schema.get(name)):
            return None
        return Same(value, schema[name])
    found = _term_of(expr, schema)
    return None if isinstance(found, Number) else found


def _term_of(expr: pl.Expr, schema: Schema) -> Column | Number | Step | None:
    if expr.meta.is_column():
        column = expr.meta.output_name()
        return Column(column) if schema.get(column) == pl.Float64 else None
    if expr.meta.is_literal():
        value: Any = value_of(expr) if is_single(expr) else None
        return Number(value) if type(value) is float or is_sure(value, pl.Int64()) else None
    step = arithmetic_of(expr)
    if step is None:
        return None
    build, *sides = step
    one, other = (_term_of(side, schema) for side in sides)
    if one is None or other is None or (isinstance(one, Number) and isinstance(other, Number)):
        return None
    return Step(build, one, other)
