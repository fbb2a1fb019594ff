"""How a part of a WHERE clause filters by a column: the classes that layouts serve differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from parquetry.access.conditions import (
    Combined,
    Comparison,
    Condition,
    Like,
    Negated,
    OneOf,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.tuning.records import OperatorClass

_COMPARING: dict[type[exp.Expression], OperatorClass] = {
    exp.EQ: "equality",
    exp.NullSafeEQ: "equality",
    exp.In: "membership",
    exp.LT: "range",
    exp.LTE: "range",
    exp.GT: "range",
    exp.GTE: "range",
    exp.Between: "range",
    exp.Is: "null",
}
_TRUNCATING = (exp.TimestampTrunc, exp.DateTrunc, exp.Year)
_CUTTING = (exp.Substring, exp.Left)


def column_uses(clause: exp.Expression) -> Iterator[tuple[exp.Column, OperatorClass]]:
    """Yield each column that a conjunct filters by, with how.

    Columns that meet in an OR with others, or stand inside of a function, are `other`: a layout cannot
    serve them. So are columns that are compared with each other.
    """
    inner = clause.unnest()
    columns = list(_columns(inner))
    if isinstance(inner, exp.And | exp.Or):
        is_one = len({column.sql() for column in columns}) == 1
        if is_one or isinstance(inner, exp.And):
            yield from column_uses(inner.left)
            yield from column_uses(inner.right)
            return
    kind = _class_of(inner) if len(columns) == 1 else "other"
    for column in columns:
        yield column, kind


def condition_class(condition: Condition) -> OperatorClass:
    """Return how a condition on a single column filters."""
    match condition:
        case Comparison(operator="=" | "is", value=value):
            return "null" if value is None else "equality"
        case Comparison(operator="is not"):
            return "null"
        case Comparison(operator="<>") | Negated():
            return "other"
        case Comparison():
            return "range"
        case OneOf():
            return "membership"
        case Like(pattern=pattern):
            return _like_class(pattern)
        case Combined(terms=terms):
            classes = {condition_class(term) for term in terms}
            return classes.pop() if len(classes) == 1 else "other"


def _columns(node: exp.Expression) -> Iterator[exp.Column]:
    """Yield the columns of an expression, not those of queries in it."""
    for found in node.walk(prune=lambda one: isinstance(one, exp.Query)):
        if isinstance(found, exp.Column):
            yield found


def _class_of(node: exp.Expression) -> OperatorClass:
    if isinstance(node, exp.Like):
        pattern = node.expression
        is_plain = isinstance(node.this, exp.Column) and isinstance(pattern, exp.Literal)
        return _like_class(pattern.this) if is_plain else "other"
    kind = _COMPARING.get(type(node))
    if kind is None:
        return "other"
    sides = (node.this, node.args.get("expression"))
    if any(isinstance(side, exp.Column) for side in sides):
        return kind
    if kind == "equality" and any(isinstance(side, _CUTTING) for side in sides):
        return "prefix"
    if kind != "null" and any(isinstance(side, _TRUNCATING) for side in sides):
        return "range"
    return "other"


def _like_class(pattern: object) -> OperatorClass:
    return "prefix" if isinstance(pattern, str) and pattern[:1] not in {"%", "_", ""} else "other"
