"""Polars expressions taken apart from outside, as far as they can be understood.

The parts of an expression are asked whether, put together again in some way, they are that
expression: nothing here depends on how Polars writes expressions down. What is not understood stays an
opaque leaf, of which everything is possible: it costs reading, never a row.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

from parquetry.operations.literals import is_single, is_sure, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


Kind: TypeAlias = Literal["ordered", "equal", "one of", "is null", "opaque"]


@dataclass(frozen=True)
class Leaf:
    """A condition that is not taken apart any further.

    Args:
        expr: The condition.
        columns: The columns that it reads; None if that is not known.
        kind: What is known of it. `ordered` is true on one side of some value of its one column.
        value: The value, or the list of values, that its column is compared with.
        compare: What Python says of a value of the column and this one; None if it has no such word.
    """

    expr: pl.Expr
    columns: tuple[str, ...] | None
    kind: Kind = "opaque"
    value: Any = None
    compare: Compare | None = None

    def is_sure(self, schema: Schema) -> bool:
        """Return whether Python can tell, as well as Polars, of which values it is true."""
        if self.kind == "is null":
            return True
        name = self.columns[0] if self.columns else ""
        return self.compare is not None and is_sure(self.value, schema.get(name))


@dataclass(frozen=True)
class Negation:
    """NOT."""

    term: Node


@dataclass(frozen=True)
class Junction:
    """AND, or OR."""

    is_and: bool
    terms: tuple[Node, ...]


Node: TypeAlias = Leaf | Negation | Junction


Schema: TypeAlias = "Mapping[str, pl.DataType]"


Compare: TypeAlias = Callable[[Any, Any], Any]


_ORDERED: dict[Compare, Compare] = {
    operator.gt: operator.lt,
    operator.ge: operator.le,
    operator.lt: operator.gt,
    operator.le: operator.ge,
}
"""Comparisons, and what they are with the sides changed."""


_CLOSED: tuple[Literal["both", "left", "right", "none"], ...] = ("both", "left", "right", "none")


def named_columns(expr: pl.Expr) -> set[str] | None:
    """Return the columns that an expression names, None if it selects some by a pattern."""
    names: set[str] = set()
    for leaf in _leaves(expr):
        if leaf.meta.is_column():
            names.add(leaf.meta.output_name())
        elif not leaf.meta.is_literal() and leaf.meta.is_column_selection():
            return None
    return names


def _leaves(expr: pl.Expr) -> Iterator[pl.Expr]:
    parts = expr.meta.pop()
    if not parts:
        yield expr
    for part in parts:
        yield from _leaves(part)


def parse(expr: pl.Expr, schema: Schema) -> Node:
    """Return what can be understood of an expression."""
    parts = expr.meta.pop()[::-1]
    match len(parts):
        case 1:
            return _parse_one(expr, parts[0], schema)
        case 2:
            return _parse_two(expr, parts[0], parts[1], schema)
        case 3:
            return _parse_between(expr, parts[0], parts[1], parts[2], schema)
    return _opaque(expr)


def _parse_one(expr: pl.Expr, part: pl.Expr, schema: Schema) -> Node:
    if expr.meta.eq(~part):
        return Negation(parse(part, schema))
    if part.meta.is_column():
        if expr.meta.eq(part.is_null()):
            return Leaf(expr, (part.meta.output_name(),), "is null")
        if expr.meta.eq(part.is_not_null()):
            return Negation(Leaf(part.is_null(), (part.meta.output_name(),), "is null"))
    return _opaque(expr)


def _parse_two(expr: pl.Expr, one: pl.Expr, other: pl.Expr, schema: Schema) -> Node:
    if expr.meta.eq(one & other):
        return Junction(is_and=True, terms=(parse(one, schema), parse(other, schema)))
    if expr.meta.eq(one | other):
        return Junction(is_and=False, terms=(parse(one, schema), parse(other, schema)))
    if not (one.meta.is_column() and other.meta.is_literal()):
        one, other = other, one
    if not (one.meta.is_column() and other.meta.is_literal()):
        return _opaque(expr)
    return _parse_comparison(expr, one, other, _suit(one, other, schema)[1])


def _parse_comparison(expr: pl.Expr, column: pl.Expr, found: pl.Expr, literal: pl.Expr) -> Node:
    """Return a comparison of a column with the literal that was found; a suited one takes its place."""
    for build, turned in _ORDERED.items():
        if expr.meta.eq(build(column, found)):
            return _leaf(build(column, literal), column, "ordered", literal, build)
        if expr.meta.eq(build(found, column)):
            return _leaf(build(literal, column), column, "ordered", literal, turned)
    equal = _leaf(column == literal, column, "equal", literal, operator.eq)
    if expr.meta.eq(column == found) or expr.meta.eq(found == column):
        return equal
    if expr.meta.eq(column != found) or expr.meta.eq(found != column):
        return Negation(equal)
    if expr.meta.eq(column.is_in(found)):
        return _leaf(column.is_in(literal), column, "one of", literal)
    return _opaque(expr)


def _parse_between(
    expr: pl.Expr, column: pl.Expr, low: pl.Expr, high: pl.Expr, schema: Schema
) -> Node:
    if not column.meta.is_column() or not (low.meta.is_literal() and high.meta.is_literal()):
        return _opaque(expr)
    for closed in _CLOSED:
        if expr.meta.eq(column.is_between(low, high, closed)):
            lowest = column >= low if closed in {"both", "left"} else column > low
            highest = column <= high if closed in {"both", "right"} else column < high
            return Junction(is_and=True, terms=(parse(lowest, schema), parse(highest, schema)))
    return _opaque(expr)


def _leaf(
    expr: pl.Expr, column: pl.Expr, kind: Kind, literal: pl.Expr, compare: Compare | None = None
) -> Leaf:
    try:
        value = value_of(literal)
    except (ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return _opaque(expr)
    return Leaf(expr, (column.meta.output_name(),), kind, value, compare)


def _opaque(expr: pl.Expr) -> Leaf:
    names = named_columns(expr)
    if expr.meta.is_column():
        return Leaf(expr, (expr.meta.output_name(),), "ordered")
    return Leaf(expr, None if names is None else tuple(sorted(names)))


def _suit(column: pl.Expr, literal: pl.Expr, schema: Schema) -> tuple[pl.Expr, pl.Expr]:
    """Let ISO texts be compared with dates and times, which partition columns often turn out to be."""
    kind = schema.get(column.meta.output_name())
    if kind is None or not _is_moment(kind):
        return column, literal
    try:
        value = value_of(literal)
    except (ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return column, literal
    if isinstance(value, str):
        moment = parse_moment(value, kind)
        return column, literal if moment is None else pl.lit(moment, dtype=kind)
    if isinstance(value, pl.Series) and value.dtype == pl.String:
        moments = [parse_moment(text, kind) for text in value]
        if moments and all(moment is not None for moment in moments):
            return column, pl.lit(pl.Series([pl.Series(moments, dtype=kind)]))
    return column, literal


def _is_moment(kind: pl.DataType) -> bool:
    return kind == pl.Date or isinstance(kind, pl.Datetime)


def parse_moment(text: str | None, kind: pl.DataType) -> dt.date | dt.datetime | None:
    """Return the date or time that an ISO text stands for, None if the type is another or it is none."""
    if not _is_moment(kind):
        return None
    try:
        if not isinstance(kind, pl.Datetime):
            return dt.date.fromisoformat(text or "")
        moment = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if kind.time_zone is None:
        return moment if moment.tzinfo is None else None
    return moment if moment.tzinfo is not None else None


def rebuild(node: Node) -> pl.Expr:
    """Return the expression that a tree stands for."""
    match node:
        case Leaf():
            return node.expr
        case Negation():
            return ~rebuild(node.term)
        case Junction():
            one, other = (rebuild(term) for term in node.terms)
            return one & other if node.is_and else one | other


def is_understood(node: Node) -> bool:
    """Return whether a tree compares columns with values, and nothing else: each row by itself."""
    match node:
        case Leaf():
            return node.kind != "opaque"
        case Negation():
            return is_understood(node.term)
        case Junction():
            return all(map(is_understood, node.terms))


def is_sure_of(node: Node, schema: Schema) -> bool:
    """Return whether a tree gives a truth value a row, as its types alone show."""
    match node:
        case Leaf():
            return node.is_sure(schema)
        case Negation():
            return is_sure_of(node.term, schema)
        case Junction():
            return all(is_sure_of(term, schema) for term in node.terms)


_ARITHMETIC: tuple[Compare, ...] = (operator.mul, operator.add, operator.sub, operator.truediv)


def is_arithmetic(expr: pl.Expr) -> bool:
    """Return whether an expression only reckons with columns and single values: each row by itself."""
    if expr.meta.is_column():
        return True
    if expr.meta.is_literal():
        return is_single(expr)
    step = arithmetic_of(expr)
    return step is not None and all(map(is_arithmetic, step[1:]))


def arithmetic_of(expr: pl.Expr) -> tuple[Compare, pl.Expr, pl.Expr] | None:
    """Return the operator of an expression that reckons, and its sides; None of another one."""
    parts = expr.meta.pop()[::-1]
    if len(parts) != 2:  # noqa: PLR2004 -- what reckons has two sides
        return None
    one, other = parts
    build = next((build for build in _ARITHMETIC if expr.meta.eq(build(one, other))), None)
    return None if build is None else (build, one, other)


def conjuncts(node: Node) -> Iterator[Node]:
    """Yield the conditions all of which must hold."""
    if isinstance(node, Junction) and node.is_and:
        for term in node.terms:
            yield from conjuncts(term)
    else:
        yield node
