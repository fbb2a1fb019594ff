"""The type of a CSV column, decided over all of its values.

The first of these that fits every value: integer, number, truth value, date, moment; otherwise the
column is text, to the letter. An empty field is null. So are `NA`, `N/A`, `null`, `NULL`, `None`
and `none`, unless the column is text. A number with leading zeros (`007`) is a name and stays text,
and so does an integer that no 64 bits hold. Integers take 32 bits where all of them fit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING = ("", "NA", "N/A", "null", "NULL", "None", "none")
_INT = r"^[-+]?(?:0|[1-9][0-9]*)$"
_NUMBER = (
    r"^(?:[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?(?i:inf|infinity|nan))$"
)
_LONG_INT = r"^[-+]?[1-9][0-9]{15,}$"  # has more digits than a float keeps
_DECIMAL_COMMA = r"^[-+]?[0-9]+(?:,[0-9]+)?(?:[eE][-+]?[0-9]+)?$"
_BOOL = r"^(?i:true|false)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_ZONE = r"(?:Z|[-+][0-9]{2}:?[0-9]{2})"


def typed_column(texts: pl.Series, *, decimal_comma: bool = False) -> tuple[pl.Series, str]:
    """Return the column with its type, and a note where the outcome may surprise, else nothing.

    Args:
        texts: The fields of the column as text.
        decimal_comma: Whether `1,5` may be a number, because fields end at another sign.
    """
    clean = texts.str.strip_chars()
    values = clean.set(clean.is_in(_MISSING), None)
    if values.null_count() == values.len():
        return _untyped(texts, clean)
    first = values.drop_nulls()[0]
    for pattern, plain, convert in _KINDS:
        # One look at one value spares most columns most of the looks at all values.
        if plain.match(first) and _all_match(values, pattern):
            column = convert(values)
            if column.null_count() == values.null_count():
                return column, ""
    if decimal_comma and _all_match(values, _DECIMAL_COMMA):
        column = values.str.replace(",", ".", literal=True).cast(pl.Float64)
        return column, f"the column {texts.name!r} was read with decimal commas"
    return text_column(texts), _surprise(values)


def text_column(texts: pl.Series) -> pl.Series:
    """Return the column as text, whatever it looks like."""
    return texts.set(texts == "", None)


def _untyped(texts: pl.Series, clean: pl.Series) -> tuple[pl.Series, str]:
    """Return a column without any value; words such as `NA` stay if it has nothing else."""
    if clean.fill_null("").eq("").all():
        return pl.Series(texts.name, [None] * texts.len(), dtype=pl.Null), ""
    return text_column(texts), ""


def _all_match(values: pl.Series, pattern: str) -> bool:
    return bool(values.str.contains(pattern).all())


def _surprise(values: pl.Series) -> str:
    """Return a note where most values are numbers and some others made the column text."""
    numbers = values.str.contains(_NUMBER)
    if 2 * (numbers.sum() or 0) <= values.len() - values.null_count():
        return ""
    if numbers.all():
        return (
            f"the column {values.name!r} is text because of integers that no number holds exactly"
        )
    at = (~numbers).fill_null(value=False).to_list().index(True)
    return f"the column {values.name!r} is text because of {values[at]!r} in its row {at}"


def _integers(values: pl.Series) -> pl.Series:
    plain = values.str.strip_prefix("+")
    # 32 bits if they do: a float holds all of them, so that a later run may have halves.
    for kind in (pl.Int32, pl.Int64):
        column = plain.cast(kind, strict=False)
        if column.null_count() == values.null_count():
            return column
    return plain.cast(pl.UInt64, strict=False)


def _numbers(values: pl.Series) -> pl.Series:
    if values.str.contains(_LONG_INT).any():
        return values.clear(values.len()).cast(pl.Float64)  # all null: a float would round it
    return values.str.to_lowercase().cast(pl.Float64, strict=False)


def _truths(values: pl.Series) -> pl.Series:
    return values.str.to_lowercase() == "true"


def _dates(values: pl.Series) -> pl.Series:
    return values.str.to_date("%Y-%m-%d", strict=False)


def _moments(values: pl.Series) -> pl.Series:
    return _parsed(values, pl.Datetime("us"))


def _instants(values: pl.Series) -> pl.Series:
    return _parsed(values.str.replace("Z$", "+00:00"), pl.Datetime("us", "UTC"))


def _parsed(values: pl.Series, kind: pl.Datetime) -> pl.Series:
    spaced = values.str.replace("T", " ", literal=True)
    zone = "%#z" if kind.time_zone else ""
    parsed = [
        spaced.str.to_datetime(f"%Y-%m-%d {clock}{zone}", time_unit="us", strict=False)
        for clock in ("%H:%M:%S%.f", "%H:%M")
    ]
    column = parsed[0].cast(kind)
    return column.zip_with(column.is_not_null(), parsed[1].cast(kind))


_Convert: TypeAlias = "Callable[[pl.Series], pl.Series]"
_KINDS: tuple[tuple[str, re.Pattern[str], _Convert], ...] = tuple(
    (pattern, re.compile(pattern), convert)
    for pattern, convert in (
        (_INT, _integers),
        (_NUMBER, _numbers),
        (_BOOL, _truths),
        (_DATE, _dates),
        (_MOMENT + "$", _moments),
        (_MOMENT + _ZONE + "$", _instants),
    )
)
