"""A Polars predicate as a tree of conditions, as far as it can be understood from outside.

What cannot be understood stays an opaque leaf, of which everything is possible: it costs reading, never
a row. A tree tells for whole row groups, from bounds, whether the predicate can be true, false or
unknown somewhere in them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import polars as pl

from parquetry.errors import ParameterError, SchemaMismatchError, UnknownColumnError
from parquetry.operations.parsing import (
    Node,
    Schema,
    is_arithmetic,
    is_sure_of,
    is_understood,
    named_columns,
    parse,
    rebuild,
)

_FROM_USERS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


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
        is_plain = is_understood(tree)
        if not is_sure_of(tree, schema):
            _check_outcome(suited, schema, where, is_plain=is_plain)
        by_row = is_plain or is_by_row(suited, schema)
        return cls(suited, tree, columns_of(suited, schema), by_row)


def refuse_unknown(expr: pl.Expr, schema: Schema, where: str) -> None:
    """Raise `UnknownColumnError` if an expression names a column that is not there."""
    for name in expr.meta.root_names():
        if name not in schema:
            raise UnknownColumnError.of(name, schema, where)


def columns_of(expr: pl.Expr, schema: Schema) -> tuple[str, ...]:
    """Return the columns that an expression reads: all of them where it selects by a pattern."""
    named = named_columns(expr)
    return tuple(schema) if named is None else tuple(name for name in schema if name in named)


def is_by_row(expr: pl.Expr, schema: Schema) -> bool:
    """Return whether an expression's value in a row depends on that row alone.

    The optimiser of Polars knows: it moves a filter below a union of two tables only if it is so.
    (`meta.is_row_separable` says yes to `shift` and `cum_sum`.)
    """
    if is_arithmetic(expr):
        return True
    none = pl.DataFrame(schema=dict(schema)).lazy()
    explained = pl.concat([none, none]).filter(expr.is_null()).explain()
    return not explained.lstrip().startswith("FILTER")


def _check_outcome(expr: pl.Expr, schema: Schema, where: str, *, is_plain: bool) -> None:
    outcome = outcome_types(expr, schema, where, is_plain=is_plain)
    if list(outcome.values()) not in ([pl.Boolean()], [pl.Null()]):
        kinds = ", ".join(str(kind) for kind in outcome.values())
        raise ParameterError(
            f"The filter on {where} gives {kinds or 'nothing'} where one truth value a row is needed: "
            f"{expr}. Nothing was changed. Compare it with something."
        )


def outcome_types(
    expr: pl.Expr, schema: Schema, where: str, *, is_plain: bool = False
) -> dict[str, pl.DataType]:
    """Return what an expression would give.

    Args:
        expr: The expression.
        schema: The columns.
        where: What messages call the dataset.
        is_plain: Whether there is nothing of a user's in it, so that no rows tell as much as some.

    Raises:
        SchemaMismatchError: Types do not go together in it.
    """
    try:
        none = pl.DataFrame(schema=dict(schema))
        if is_plain:
            return dict(none.select(expr).schema)
        kinds = dict(none.lazy().select(expr).collect_schema())
        with suppress(*_FROM_USERS):  # they may not expect a table without rows
            none.select(expr)  # finds what the schema alone does not
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise SchemaMismatchError(
            f"The expression {expr} cannot be evaluated on {where}: {first}. Nothing was changed. "
            "Cast one side, or compare with a value of the column's type."
        ) from error
    return kinds
