"""A Polars predicate as a tree of conditions, as far as it can be understood from outside.

What cannot be understood stays an opaque leaf, of which everything is possible: it costs reading, never
a row. A tree tells for whole row groups, from bounds, whether the predicate can be true, false or
unknown somewhere in them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

from parquetry.errors import ParameterError, SchemaMismatchError, UnknownColumnError

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
    """

    expr: pl.Expr
    columns: tuple[str, ...] | None
    kind: Kind = "opaque"
    value: Any = None


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
_Build: TypeAlias = Callable[[pl.Expr, pl.Expr], pl.Expr]

_ORDERED: tuple[_Build, ...] = (
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a < b,
    lambda a, b: a <= b,
)
_FROM_USERS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
_CLOSED: tuple[Literal["both", "left", "right", "none"], ...] = ("both", "left", "right", "none")


@dataclass(frozen=True)
class Predicate:
    """A predicate over the columns of a dataset.

    Args:
        expr: The expression to evaluate; literals are suited to the columns they are compared with.
        tree: What is understood of it.
        columns: The columns that it reads.
        by_row: Whether a row's outcome depends on that row alone.
    """

    expr: pl.Expr
    tree: Node
    columns: tuple[str, ...]
    by_row: bool

    @classmethod
    def of(cls, expr: pl.Expr | bool, schema: Schema, where: str) -> Predicate:
        """Return the predicate that an expression is of these columns.

        Raises:
            UnknownColumnError: It names a column that is not there.
            ParameterError: It is no expression, or not one truth value a row.
            SchemaMismatchError: Types do not go together in it.
        """
        if isinstance(expr, bool):
            expr = pl.lit(expr)
        if not isinstance(expr, pl.Expr):
            raise ParameterError(
                f"The filter on {where} is a {type(expr).__name__}; give a Polars expression, such as "
                'pl.col("price") > 100. Nothing was changed.'
            )
        refuse_unknown(expr, schema, where)
        tree = parse(expr, schema)
        suited = rebuild(tree)
        _check_outcome(suited, schema, where)
        return cls(suited, tree, columns_of(suited, schema), is_by_row(suited, schema))


def refuse_unknown(expr: pl.Expr, schema: Schema, where: str) -> None:
    """Raise `UnknownColumnError` if an expression names a column that is not there."""
    for name in expr.meta.root_names():
        if name not in schema:
            raise UnknownColumnError.of(name, schema, where)


def columns_of(expr: pl.Expr, schema: Schema) -> tuple[str, ...]:
    """Return the columns that an expression reads: all of them where it selects by a pattern."""
    named = named_columns(expr)
    return tuple(schema) if named is None else tuple(name for name in schema if name in named)


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


def is_by_row(expr: pl.Expr, schema: Schema) -> bool:
    """Return whether an expression's value in a row depends on that row alone.

    The optimiser of Polars knows: it moves a filter below a union of two tables only if it is so.
    (`meta.is_row_separable` says yes to `shift` and `cum_sum`.)
    """
    one, other = (pl.LazyFrame(schema=dict(schema)) for _ in range(2))
    explained = pl.concat([one, other]).filter(expr.is_null()).explain()
    return not explained.lstrip().startswith("FILTER")


def _check_outcome(expr: pl.Expr, schema: Schema, where: str) -> None:
    outcome = outcome_types(expr, schema, where)
    if list(outcome.values()) not in ([pl.Boolean()], [pl.Null()]):
        kinds = ", ".join(str(kind) for kind in outcome.values())
        raise ParameterError(
            f"The filter on {where} gives {kinds or 'nothing'} where one truth value a row is needed: "
            f"{expr}. Nothing was changed. Compare it with something."
        )


def outcome_types(expr: pl.Expr, schema: Schema, where: str) -> dict[str, pl.DataType]:
    """Return what an expression would give.

    Raises:
        SchemaMismatchError: Types do not go together in it.
    """
    try:
        kinds = dict(pl.LazyFrame(schema=dict(schema)).select(expr).collect_schema())
        with suppress(*_FROM_USERS):  # they may not expect a table without rows
            pl.DataFrame(schema=dict(schema)).select(expr)  # finds what the schema alone does not
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise SchemaMismatchError(
            f"The expression {expr} cannot be evaluated on {where}: {first}. Nothing was changed. "
            "Cast one side, or compare with a value of the column's type."
        ) from error
    return kinds


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
        return Junction(True, (parse(one, schema), parse(other, schema)))  # noqa: FBT003
    if expr.meta.eq(one | other):
        return Junction(False, (parse(one, schema), parse(other, schema)))  # noqa: FBT003
    if not (one.meta.is_column() and other.meta.is_literal()):
        one, other = other, one
    if not (one.meta.is_column() and other.meta.is_literal()):
        return _opaque(expr)
    return _parse_comparison(expr, one, other, _suit(one, other, schema)[1])


def _parse_comparison(expr: pl.Expr, column: pl.Expr, found: pl.Expr, literal: pl.Expr) -> Node:
    """Return a comparison of a column with the literal that was found; a suited one takes its place."""
    for build in _ORDERED:
        if expr.meta.eq(build(column, found)):
            return _leaf(build(column, literal), column, "ordered", literal)
        if expr.meta.eq(build(found, column)):
            return _leaf(build(literal, column), column, "ordered", literal)
    equal = _leaf(column == literal, column, "equal", literal)
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
            return Junction(True, (parse(lowest, schema), parse(highest, schema)))  # noqa: FBT003
    return _opaque(expr)


def _leaf(expr: pl.Expr, column: pl.Expr, kind: Kind, literal: pl.Expr) -> Leaf:
    try:
        value: Any = pl.select(literal).to_series()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return _opaque(expr)
    if len(value) != 1:
        return _opaque(expr)
    return Leaf(expr, (column.meta.output_name(),), kind, value[0])


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
    value: Any = pl.select(literal).to_series()
    if value.dtype == pl.String and len(value) == 1:
        moment = parse_moment(value[0], kind)
        return column, literal if moment is None else pl.lit(moment, dtype=kind)
    if value.dtype in {pl.List(pl.String), pl.Array} and len(value) == 1:
        moments = [parse_moment(text, kind) for text in value[0]]
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


def conjuncts(node: Node) -> Iterator[Node]:
    """Yield the conditions all of which must hold."""
    if isinstance(node, Junction) and node.is_and:
        for term in node.terms:
            yield from conjuncts(term)
    else:
        yield node
