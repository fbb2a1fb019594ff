"""Conditions as Polars writes them, read from the JSON form of a predicate.

The form is Polars' own and may change; whatever is not known here is not used to leave anything out.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from parquetry.access.conditions import (
    SWAPPED,
    Combined,
    Comparison,
    Condition,
    Demand,
    Negated,
    OneOf,
    Operator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPERATORS: dict[str, Operator] = {
    "Eq": "=",
    "NotEq": "<>",
    "Lt": "<",
    "LtEq": "<=",
    "Gt": ">",
    "GtEq": ">=",
    "EqValidity": "is",
    "NotEqValidity": "is not",
}
_BOUNDS: dict[str, tuple[Operator, Operator]] = {
    "Both": (">=", "<="),
    "Left": (">=", "<"),
    "Right": (">", "<="),
    "None": (">", "<"),
}
_EPOCH = dt.date(1970, 1, 1)
_UNITS = {"Milliseconds": 1_000, "Microseconds": 1}


class _UnknownTermsError(ValueError):
    """An expression that is more than a condition on one column."""


def find_demands(predicate: pl.Expr | None) -> list[Demand]:
    """Return what a predicate demands of single columns, as far as it is understood."""
    if predicate is None:
        return []
    try:
        tree = json.loads(predicate.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError):
        return []  # a Python function has no JSON form
    demands = []
    for part in _conjuncts(tree):
        try:
            demands.append(Demand(_condition(part)))
        except (_UnknownTermsError, KeyError, IndexError, TypeError, ValueError):
            continue
    return demands


def _conjuncts(tree: Any) -> Iterator[Any]:
    inner = tree.get("BinaryExpr") if isinstance(tree, dict) else None
    if inner and inner.get("op") in {"And", "LogicalAnd"}:
        yield from _conjuncts(inner["left"])
        yield from _conjuncts(inner["right"])
    else:
        yield tree


def _condition(tree: dict[str, Any]) -> Condition:
    if "BinaryExpr" in tree:
        return _binary(tree["BinaryExpr"])
    function = tree["Function"]
    kind = function["function"]["Boolean"]
    inputs = function["input"]
    match kind:
        case "Not":
            term = _condition(inputs[0])
            return Negated(term.column, term)
        case "IsNull":
            return Comparison(_column(inputs[0]), "is", None)
        case "IsNotNull":
            return Comparison(_column(inputs[0]), "is not", None)
        case {"IsIn": {"nulls_equal": False}}:
            return OneOf(_column(inputs[0]), _values(inputs[1]["Literal"]))
        case {"IsBetween": {"closed": closed}}:
            column = _column(inputs[0])
            ends = zip(_BOUNDS[closed], inputs[1:], strict=True)
            terms = tuple(Comparison(column, operator, _literal(end)) for operator, end in ends)
            return Combined(column, "all", terms)
    raise _UnknownTermsError


def _binary(tree: dict[str, Any]) -> Condition:
    left, operator, right = tree["left"], tree["op"], tree["right"]
    if operator in {"And", "LogicalAnd", "Or", "LogicalOr"}:
        terms = (_condition(left), _condition(right))
        if terms[0].column != terms[1].column:
            raise _UnknownTermsError
        return Combined(terms[0].column, "all" if operator.endswith("And") else "any", terms)
    if "Column" in left:
        return Comparison(_column(left), _OPERATORS[operator], _literal(right))
    return Comparison(_column(right), SWAPPED[_OPERATORS[operator]], _literal(left))


def _column(tree: dict[str, Any]) -> str:
    name = tree["Column"]
    if not isinstance(name, str):
        raise _UnknownTermsError
    return name


def _literal(tree: dict[str, Any]) -> Any:
    [(form, value)] = tree["Literal"].items()
    if form not in {"Scalar", "Dyn"}:
        raise _UnknownTermsError
    [(kind, content)] = value.items()
    return _scalar(kind, content)


def _scalar(kind: str, content: Any) -> Any:
    if kind == "Null":
        return None
    if content is None:
        raise _UnknownTermsError  # NaN and the infinities have no JSON form
    if kind.startswith(("Int", "UInt", "String", "Boolean")) and isinstance(content, (int, str)):
        return content
    if kind in {"Float", "Float64"}:
        return float(content)
    if kind == "Date":
        return _EPOCH + dt.timedelta(days=content)
    if kind == "Datetime" and content[2] is None:
        moment = dt.datetime.combine(_EPOCH, dt.time())
        return moment + dt.timedelta(microseconds=content[0] * _UNITS[content[1]])
    if kind == "Decimal":
        return Decimal(content[0]).scaleb(-content[2])
    raise _UnknownTermsError


def _values(literal: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of a list, which Polars writes as an Arrow stream."""
    content = literal.get("Series") or literal["Scalar"]["List"]
    try:
        column = pa.ipc.open_stream(bytes(content)).read_all().column(0)
    except pa.ArrowException as error:
        raise _UnknownTermsError from error
    return tuple(column.to_pylist())
