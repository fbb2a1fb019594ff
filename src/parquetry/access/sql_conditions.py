"""Conditions as SQL writes them, read from the syntax tree of one clause."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from parquetry.access.conditions import (
    SWAPPED,
    Combined,
    Comparison,
    Condition,
    Like,
    Negated,
    OneOf,
    Operator,
    Parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OPERATORS: dict[type[exp.Expression], Operator] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "is",
    exp.NullSafeNEQ: "is not",
    exp.Is: "is",
}

_TYPED: dict[exp.DataType.Type, Callable[[str], Any]] = {
    exp.DataType.Type.DATE: dt.date.fromisoformat,
    exp.DataType.Type.TIMESTAMP: dt.datetime.fromisoformat,
    exp.DataType.Type.TIMESTAMPNTZ: dt.datetime.fromisoformat,
    exp.DataType.Type.TEXT: str,
    exp.DataType.Type.VARCHAR: str,
}


class _UnknownTermsError(ValueError):
    """SQL that is more than a condition on one column."""


def conjuncts(clause: exp.Expression | None) -> Iterator[exp.Expression]:
    """Yield the parts of a clause that must all hold."""
    if isinstance(clause, (exp.Where, exp.Paren)):
        yield from conjuncts(clause.this)
    elif isinstance(clause, exp.And):
        yield from conjuncts(clause.left)
        yield from conjuncts(clause.right)
    elif clause is not None:
        yield clause


def find_condition(node: exp.Expression, source: str) -> Condition | None:
    """Return what a conjunct says of one column of a source, or None if it says anything else.

    Args:
        node: The conjunct.
        source: The name by which the query calls the source. A column without a name before it is
            taken for one of this source; who knows its columns decides.
    """
    try:
        return _condition(node, source.lower())
    except _UnknownTermsError:
        return None


def _condition(node: exp.Expression, source: str) -> Condition:
    match node:
        case exp.Paren():
            return _condition(node.this, source)
        case exp.Not():
            term = _condition(node.this, source)
            return Negated(term.column, term)
        case exp.And() | exp.Or():
            terms = tuple(_condition(side, source) for side in (node.left, node.right))
            if terms[0].column.lower() != terms[1].column.lower():
                raise _UnknownTermsError
            return Combined(terms[0].column, "all" if isinstance(node, exp.And) else "any", terms)
        case exp.In():
            return _one_of(node, source)
        case exp.Between():
            return _between(node, source)
        case exp.Like():
            return Like(_column(node.this, source), _value(node.expression))
    if type(node) in _OPERATORS:
        return _comparison(node, _OPERATORS[type(node)], source)
    raise _UnknownTermsError


def _comparison(node: exp.Expression, operator: Operator, source: str) -> Comparison:
    left, right = node.this, node.expression
    if isinstance(left, exp.Column):
        return Comparison(_column(left, source), operator, _value(right))
    return Comparison(_column(right, source), SWAPPED[operator], _value(left))


def _one_of(node: exp.In, source: str) -> OneOf:
    if node.args.get("query") or node.args.get("unnest") or not node.expressions:
        raise _UnknownTermsError
    return OneOf(_column(node.this, source), tuple(map(_value, node.expressions)))


def _between(node: exp.Between, source: str) -> Combined:
    if node.args.get("symmetric"):
        raise _UnknownTermsError
    column = _column(node.this, source)
    low = Comparison(column, ">=", _value(node.args["low"]))
    return Combined(column, "all", (low, Comparison(column, "<=", _value(node.args["high"]))))


def _column(node: Any, source: str) -> str:
    """Return the name of a column that can be one of the source."""
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        raise _UnknownTermsError
    if node.args.get("db") or (node.table and node.table.lower() != source):
        raise _UnknownTermsError
    return str(node.name)


def _value(node: Any) -> Any:
    """Return what a literal or parameter stands for."""
    match node:
        case exp.Literal():
            return node.this if node.is_string else _number(node.this)
        case exp.Boolean():
            return bool(node.this)
        case exp.Null():
            return None
        case exp.Paren():
            return _value(node.this)
        case exp.Neg(this=exp.Literal(is_string=False) as inner):
            return -_value(inner)
        case exp.Placeholder() if node.this is not None:
            return Parameter(str(node.this))
        case exp.Cast():
            return _typed(node)
    raise _UnknownTermsError


def _number(text: str) -> int | float | Decimal:
    try:
        if text.isdigit():
            return int(text)
        return float(text) if "e" in text.lower() else Decimal(text)
    except (ValueError, InvalidOperation) as error:
        raise _UnknownTermsError from error


def _typed(node: exp.Cast) -> Any:
    """Return the value of `DATE '…'`, `TIMESTAMP '…'` and their like."""
    if type(node) is not exp.Cast or not isinstance(node.this, exp.Literal):
        raise _UnknownTermsError
    parse = _TYPED.get(node.to.this)
    if parse is None or not node.this.is_string:
        raise _UnknownTermsError
    try:
        return parse(node.this.this)
    except ValueError as error:
        raise _UnknownTermsError from error
