"""Rules over several columns of one row, as values: they can be stored, compared, told and evaluated.

As in SQL, a rule that is neither true nor false because of a NULL holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from parquetry.errors import ParameterError
from parquetry.tables.json_texts import same_json_keys
from parquetry.tables.quoting import literal, quoted

_SMALL = 1e-4


@dataclass(frozen=True)
class Check:
    """A condition in SQL, in the words that Polars and DuckDB share: `start_step <= step`.

    Args:
        sql: The condition.
        meaning: What it says, if the condition does not say it itself.
    """

    sql: str
    meaning: str = ""

    @property
    def name(self) -> str:
        """What failures call it."""
        return self.sql

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return tuple(dict.fromkeys(self.expression().meta.root_names()))

    def describe(self) -> str:
        """Return the rule in words."""
        return self.meaning or f"`{self.sql}`"

    def expression(self) -> pl.Expr:
        """Return what is true of a good row."""
        try:
            return pl.sql_expr(self.sql)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise ParameterError(f"The rule {self.sql!r} is no SQL condition: {error}.") from error

    def condition(self) -> str:
        """Return what DuckDB can check by itself."""
        return self.sql


@dataclass(frozen=True)
class SameLength:
    """Lists that have one length in every row, or are NULL together."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What failures call it."""
        return f"same length: {', '.join(self.columns)}"

    def describe(self) -> str:
        """Return the rule in words."""
        return f"{_listed(self.columns)} have one length in every row."

    def expression(self) -> pl.Expr:
        """Return what is true of a good row."""
        return _one_length(self.columns)

    def condition(self) -> str:
        """Return what DuckDB can check by itself."""
        return _sql_one_length(self.columns)


@dataclass(frozen=True)
class SameLengthAsOneOf:
    """Lists of one length, which is the length of one of some other lists."""

    lists: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def name(self) -> str:
        """What failures call it."""
        return f"same length as {' or '.join(self.references)}: {', '.join(self.lists)}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return (*self.lists, *self.references)

    def describe(self) -> str:
        """Return the rule in words."""
        others = " or ".join(f"`{name}`" for name in self.references)
        return f"{_listed(self.lists)} have one length in every row, that of {others}."

    def expression(self) -> pl.Expr:
        """Return what is true of a good row."""
        length = pl.max_horizontal(*(pl.col(name).list.len() for name in self.lists))
        near = [length == pl.col(name).list.len() for name in self.references]
        return _one_length(self.lists) & pl.any_horizontal(*near)

    def condition(self) -> str:
        """Return what DuckDB can check by itself."""
        first = f"len({quoted(self.lists[0])})"
        near = " OR ".join(f"{first} = len({quoted(name)})" for name in self.references)
        return f"{_sql_one_length(self.lists)} AND ({near})"


@dataclass(frozen=True)
class LengthIs:
    """A list that is as long as another column says."""

    column: str
    length: str

    @property
    def name(self) -> str:
        """What failures call it."""
        return f"length of {self.column} = {self.length}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return (self.column, self.length)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"`{self.column}` has `{self.length}` elements."

    def expression(self) -> pl.Expr:
        """Return what is true of a good row."""
        return pl.col(self.column).list.len() == pl.col(self.length)

    def condition(self) -> str:
        """Return what DuckDB can check by itself."""
        return f"len({quoted(self.column)}) = {quoted(self.length)}"


@dataclass(frozen=True)
class NormIs:
    """A number that is the Euclidean norm of a list, within a tolerance.

    The tolerance is absolute up to a norm of 1 and relative above, since `float32` keeps no more.
    """

    column: str
    vector: str
    tolerance: float = _SMALL

    @property
    def name(self) -> str:
        """What failures call it."""
        return f"{self.column} = norm of {self.vector}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return (self.column, self.vector)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"`{self.column}` is the norm of `{self.vector}`, within {self.tolerance:g}."

    def expression(self) -> pl.Expr:
        """Return what is true of a good row."""
        squares = pl.col(self.vector).list.eval(pl.element().cast(pl.Float64).pow(2))
        norm = squares.list.sum().sqrt()
        allowed = pl.max_horizontal(pl.lit(1.0), norm) * self.tolerance
        return (pl.col(self.column).cast(pl.Float64) - norm).abs() <= allowed

    def condition(self) -> str:
        """Return what DuckDB can check by itself."""
        vector = f"{quoted(self.vector)}::DOUBLE[]"
        norm = f"sqrt(list_dot_product({vector}, {vector}))"
        return f"abs({quoted(self.column)} - {norm}) <= {self.tolerance!r} * greatest(1.0, {norm})"


@dataclass(frozen=True)
class NullUnless:
    """Columns that are NULL except where another column has a value."""

    nullable: tuple[str, ...]
    when: str
    equals: str

    @property
    def name(self) -> str:
        """What failures call it."""
        return f"NULL unless {self.when} = {self.equals}: {', '.join(self.nullable)}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return (self.when, *self.nullable)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"{_listed(self.nullable)} are NULL unless `{self.when}` is `{self.equals}`."

    def expression(self) -> pl.Expr:
        """Return what is true of a good row."""
        empty = pl.all_horizontal(*(pl.col(name).is_null() for name in self.nullable))
        return (pl.col(self.when) == self.equals) | empty

    def condition(self) -> str:
        """Return what DuckDB can check by itself."""
        empty = " AND ".join(f"{quoted(name)} IS NULL" for name in self.nullable)
        return f"{quoted(self.when)} = {literal(self.equals)} OR ({empty})"


@dataclass(frozen=True)
class SameJsonKeys:
    """JSON objects with one set of keys in every row, as far as they are there."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What failures call it."""
        return f"same JSON keys: {', '.join(self.columns)}"

    def describe(self) -> str:
        """Return the rule in words."""
        return f"{_listed(self.columns)} are JSON objects with the same keys in every row."

    def expression(self) -> pl.Expr:
        """Return what is true of a good row."""
        return pl.struct(*self.columns).map_batches(
            same_json_keys, return_dtype=pl.Boolean, is_elementwise=True
        )

    def condition(self) -> str:
        """Return what DuckDB can check by itself."""
        names = [quoted(name) for name in self.columns]
        objects = " AND ".join(f"coalesce(json_type({name}) = 'OBJECT', true)" for name in names)
        keys = ", ".join(f"list_sort(json_keys({name}))" for name in names)
        return f"{objects} AND len(list_distinct([{keys}])) <= 1"  # NULL is no distinct value


Rule: TypeAlias = (
    Check | SameLength | SameLengthAsOneOf | LengthIs | NormIs | NullUnless | SameJsonKeys
)
RULES: tuple[type[Rule], ...] = (
    Check,
    SameLength,
    SameLengthAsOneOf,
    LengthIs,
    NormIs,
    NullUnless,
    SameJsonKeys,
)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _one_length(names: tuple[str, ...]) -> pl.Expr:
    lengths = [pl.col(name).list.len() for name in names]
    equal = pl.min_horizontal(*lengths) == pl.max_horizontal(*lengths)
    absent = [pl.col(name).is_null() for name in names]
    return pl.all_horizontal(*absent) | (~pl.any_horizontal(*absent) & equal)


def _sql_one_length(names: tuple[str, ...]) -> str:
    lengths = ", ".join(f"len({quoted(name)})" for name in names)
    absent = [f"{quoted(name)} IS NULL" for name in names]
    equal = f"least({lengths}) = greatest({lengths})"
    return f"(({' AND '.join(absent)}) OR (NOT ({' OR '.join(absent)}) AND {equal}))"
