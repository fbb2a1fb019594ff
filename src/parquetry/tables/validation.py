"""Rows held against a table: the good ones, and what was wrong with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from parquetry.errors import KeyViolationError, SchemaMismatchError
from parquetry.tables.conforming import conform
from parquetry.tables.dataframely_engine import ROW, evaluate
from parquetry.tables.failures import EXAMPLES, RULE, Failure, Failures
from parquetry.tables.row_rules import (
    KEY_RULE,
    element_rule,
    null_rule,
    row_rules,
    type_rule,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.model.frames import Rows
    from parquetry.tables.conforming import Conformed
    from parquetry.tables.schema import TableSchema

_MEND = (
    "Nothing was written. Mend these rows, or take the good ones alone: good, failures = "
    "schema.filter(rows)."
)


def filter_rows(
    schema: TableSchema, rows: Rows, *, first_row: int = 0, key: Sequence[str] | None = None
) -> tuple[pl.DataFrame, Failures]:
    """Return the rows that are good, in their order, and the failures of the others.

    Columns are matched by name; see `conforming.conform` for those that are missing or of another
    type. Of rows that share a key, none is good: nobody knows which is right.

    **Cost**: memory for the rows, and for a truth value of each rule and row.

    Args:
        schema: The table.
        rows: The rows.
        first_row: What the first of them is numbered as.
        key: The columns that tell people which row is meant; the table's key if left out.

    Raises:
        SchemaMismatchError: A column is unknown, missing or of a type that is not read as the table's.
    """
    conformed = conform(schema, rows)
    numbered = conformed.frame.with_row_index(ROW)
    if conformed.misfits:
        misfit = pl.select(pl.any_horizontal(*conformed.misfits.values())).to_series()
        verdict = evaluate(schema, numbered.filter(~misfit))
    else:
        verdict = evaluate(schema, numbered)
    if verdict.broken.is_empty() and not conformed.misfits:
        return verdict.good, Failures(schema.identifier)
    broken = _with_misfits(schema, conformed, verdict.broken)
    telling = schema.primary_key if key is None else tuple(key)
    return verdict.good, _failures(schema, conformed, broken, telling, first_row)


def shared_keys(schema: TableSchema, twice: pl.DataFrame) -> Failures:
    """Return the failures of rows that share keys with rows of other batches.

    Args:
        schema: The table.
        twice: These keys, with the number of their rows as `len`.
    """
    if twice.is_empty():
        return Failures(schema.identifier)
    keys, rows = twice.select(schema.primary_key), int(twice["len"].sum())
    columns, meaning = _columns_of_rules(schema)[KEY_RULE]
    failure = Failure(KEY_RULE, columns, rows, keys.head(EXAMPLES), about_key=True, meaning=meaning)
    return Failures(schema.identifier, (failure,), keys, rows)


def validate_rows(schema: TableSchema, rows: Rows, *, first_row: int = 0) -> pl.DataFrame:
    """Return the rows with the table's columns and types, all of them good.

    Raises:
        KeyViolationError: A key is NULL, or two rows share one.
        SchemaMismatchError: The columns do not fit, or rows break a rule. The message names the table,
            the rules, how many rows broke each, and the first of them; `failures` of the error has
            all of it as a value.
    """
    good, failures = filter_rows(schema, rows, first_row=first_row)
    if failures:
        raise failure_error(failures)
    return good


def failure_error(
    failures: Failures, before: str = "", after: str = _MEND
) -> SchemaMismatchError | KeyViolationError:
    """Return the error that tells of these failures; its `failures` carries them.

    Args:
        failures: The failures.
        before: What was tried, if that has to be said.
        after: What happened to the data, and what to do next.
    """
    kind = (
        KeyViolationError if any(failure.about_key for failure in failures) else SchemaMismatchError
    )
    error = kind(f"{before}{failures.describe()}\n{after}")
    error.__dict__["failures"] = failures
    return error


def _with_misfits(schema: TableSchema, conformed: Conformed, broken: pl.DataFrame) -> pl.DataFrame:
    """Return the broken rules of all bad rows, those whose values have no form among them."""
    if not conformed.misfits:
        return broken
    masks = [
        mask.alias(type_rule(name, schema.column(name).type))
        for name, mask in conformed.misfits.items()
    ]
    misfits = pl.DataFrame(masks).with_row_index(ROW)
    misfits = misfits.filter(pl.any_horizontal(pl.exclude(ROW)))
    together = pl.concat([misfits, broken], how="diagonal").sort(ROW)
    return together.with_columns(pl.exclude(ROW).fill_null(value=False))


def _failures(
    schema: TableSchema,
    conformed: Conformed,
    broken: pl.DataFrame,
    key: Sequence[str],
    first_row: int,
) -> Failures:
    given = conformed.frame.with_columns(**conformed.given)
    rules = [name for name in broken.columns if name != ROW]
    columns = _columns_of_rules(schema)
    items = []
    for rule in sorted(rules, key=list(columns).index):
        numbers = broken.filter(pl.col(rule))[ROW]
        shown = dict.fromkeys((*key, *columns[rule][0]))
        first = numbers.head(EXAMPLES)
        examples = given.select(*shown)[first].insert_column(0, (first + first_row).alias("row"))
        about_key = rule == KEY_RULE or rule in {null_rule(name) for name in key}
        names, meaning = columns[rule]
        items.append(Failure(rule, names, len(numbers), examples, about_key, meaning))
    named = [pl.when(pl.col(rule)).then(pl.lit(rule)) for rule in rules]
    told = broken.select(pl.concat_str(named, separator="; ", ignore_nulls=True).alias(RULE))
    rows = given[broken[ROW]].hstack(told)
    return Failures(
        schema.identifier, tuple(items), rows, rows.height, _shared(schema, conformed, broken)
    )


def _shared(schema: TableSchema, conformed: Conformed, broken: pl.DataFrame) -> pl.DataFrame:
    if KEY_RULE not in broken.columns:
        return pl.DataFrame()
    numbers = broken.filter(pl.col(KEY_RULE))[ROW]
    return conformed.frame.select(schema.primary_key)[numbers].unique()


def _columns_of_rules(schema: TableSchema) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the columns and the meaning of every rule a row can break, in the order of telling."""
    told: dict[str, tuple[tuple[str, ...], str]] = {}
    for column in schema.columns:
        told[type_rule(column.name, column.type)] = ((column.name,), "")
        told[null_rule(column.name)] = ((column.name,), "")
        told[element_rule(column.name)] = ((column.name,), "")
    told[KEY_RULE] = (schema.primary_key, "every key names one row")
    for rule in row_rules(schema):
        told[rule.name] = (rule.columns, "" if len(rule.columns) == 1 else rule.meaning)
    return told
