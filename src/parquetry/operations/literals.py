"""The values of Polars literals, and what Python can tell of them as well as Polars.

A first question to the engine of Polars starts its threads, which takes longer than all else that a
small change has to find out. How a literal is shown gives a guess of its value; whether it is right,
Polars says, without its engine.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

_SURE: dict[type[pl.DataType], type] = {
    pl.String: str,
    pl.Int32: int,
    pl.Int64: int,
    pl.Date: dt.date,
    pl.Boolean: bool,
}
_LARGEST = 2**31 - 1  # every type that is sure holds it


def value_of(literal: pl.Expr) -> Any:
    """Return the one value of a literal; that of a list is a series.

    Raises:
        ValueError: It has none, or several.
        polars.exceptions.PolarsError: It cannot be evaluated.
    """
    for guess in _right_guesses(literal):
        return guess
    found: Any = pl.select(literal).to_series()
    if len(found) != 1:
        raise ValueError(f"{literal} has {len(found)} values.")
    return found[0]


def is_single(literal: pl.Expr) -> bool:
    """Return whether a literal is known to have one value; of some that do it is not."""
    return any(True for _ in _right_guesses(literal))


def _right_guesses(literal: pl.Expr) -> Iterator[Any]:
    return (guess for guess in _guesses(str(literal)) if pl.lit(guess).meta.eq(literal))


def _guesses(shown: str) -> Iterator[Any]:
    if shown.startswith('"'):
        yield shown[1:-1]
    elif shown in {"true", "false"}:
        yield shown == "true"
    else:
        with suppress(ValueError):
            yield int(shown.removeprefix("dyn int: "))
        with suppress(ValueError):
            yield float(shown.removeprefix("dyn float: "))
        with suppress(ValueError):
            yield dt.date.fromisoformat(shown)
        with suppress(ValueError):
            yield dt.datetime.fromisoformat(shown)


def is_sure(value: Any, kind: pl.DataType | None) -> bool:
    """Return whether Python compares values of a type with a value as Polars does."""
    if kind is None or type(value) is not _SURE.get(kind.base_type()):
        return False
    return not isinstance(value, int) or abs(value) <= _LARGEST
