"""Everything that a table asks of each row, as one flat list for whoever evaluates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from pyarrow import types as pt

from parquetry.tables.json_texts import is_json, is_json_object
from parquetry.tables.rules import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.tables.columns import Column
    from parquetry.tables.rules import Rule
    from parquetry.tables.schema import TableSchema

KEY_RULE = "primary key"


@dataclass(frozen=True)
class RowRule:
    """One condition of a row: what failures call it, the columns it is about, what must be true.

    A condition that is NULL holds.
    """

    name: str
    columns: tuple[str, ...]
    meaning: str
    holds: pl.Expr


def row_rules(schema: TableSchema) -> list[RowRule]:
    """Return the conditions of the columns and of the rules, in that order.

    Types, nullability and the key are not among them: those the evaluating engine knows by itself.
    """
    rules = [rule for column in schema.columns for rule in _of_column(column)]
    rules += [
        RowRule(rule.name, rule.columns, _words(rule), rule.expression()) for rule in schema.rules
    ]
    return rules


def _words(rule: Rule) -> str:
    """Return what a rule says, unless its name says it already."""
    return rule.meaning.rstrip(".") if isinstance(rule, Check) else ""


def null_rule(column: str) -> str:
    """Return the name of the rule that a column is never NULL."""
    return f"{column}: not NULL"


def element_rule(column: str) -> str:
    """Return the name of the rule that the lists of a column hold no NULL."""
    return f"{column}: no NULL in the list"


def type_rule(column: str, kind: str) -> str:
    """Return the name of the rule that a value has the column's type."""
    return f"{column}: {kind}"


def _of_column(column: Column) -> Iterator[RowRule]:
    value = pl.col(column.name)
    if column.one_of:
        listed = ", ".join(column.one_of)
        yield _rule(column, f"one of {listed}", value.is_in(list(column.one_of)))
    if column.at_least is not None or column.at_most is not None:
        yield _rule(column, _range_text(column), _in_range(column, value))
    if column.holds:
        test = is_json_object if column.holds == "json object" else is_json
        holds = value.map_batches(test, return_dtype=pl.Boolean, is_elementwise=True)
        yield _rule(
            column,
            f"is {'a ' if column.holds == 'json object' else ''}{_JSON[column.holds]}",
            holds,
        )


_JSON = {"json object": "JSON object", "json": "JSON"}


def _rule(column: Column, what: str, holds: pl.Expr) -> RowRule:
    return RowRule(f"{column.name}: {what}", (column.name,), column.meaning, holds)


def _range_text(column: Column) -> str:
    parts = []
    if column.at_least is not None:
        parts.append(f">= {column.at_least:g}")
    if column.at_most is not None:
        parts.append(f"<= {column.at_most:g}")
    return " and ".join(parts)


def _in_range(column: Column, value: pl.Expr) -> pl.Expr:
    """NaN is greater than any number for Polars, and in no range for people."""
    holds = pl.lit(value=True)
    if column.at_least is not None:
        holds = value >= column.at_least
    if column.at_most is not None:
        holds = holds & (value <= column.at_most)
    if pt.is_floating(column.arrow_type):
        holds = holds & value.is_not_nan()
    return holds
