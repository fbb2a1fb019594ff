"""What a question demands of single columns, whichever language it was asked in.

A condition is a small frozen tree over one column. It is true, false or unknown of a value, by the
rules of SQL. What cannot be said in these terms is left out: a condition that is missing only means
that more is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Operator: TypeAlias = Literal["=", "<>", "<", "<=", ">", ">=", "is", "is not"]
SWAPPED: Mapping[Operator, Operator] = {
    "=": "=",
    "<>": "<>",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
    "is": "is",
    "is not": "is not",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that comes with the run: `$name`, or the number of a `?` as text."""

    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator value`; `is` and `is not` take NULL for a value like others."""

    column: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class OneOf:
    """`column IN (values)`."""

    column: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """`column LIKE pattern`, with `%` and `_`."""

    column: str
    pattern: Any


@dataclass(frozen=True, slots=True)
class Negated:
    """NOT."""

    column: str
    term: Condition


@dataclass(frozen=True, slots=True)
class Combined:
    """Terms over one column, all or any of which must hold."""

    column: str
    how: Literal["all", "any"]
    terms: tuple[Condition, ...]


Condition: TypeAlias = Comparison | OneOf | Like | Negated | Combined


@dataclass(frozen=True, slots=True)
class Demand:
    """A condition that every row of use fulfils.

    Args:
        condition: What must be true of the column.
        is_outer: Whether the rows may be made up of NULLs by an outer join before the condition is
            asked; then it says nothing if NULL fulfils it.
    """

    condition: Condition
    is_outer: bool = False


def rename(condition: Condition, column: str) -> Condition:
    """Return the condition over a column of another name."""
    return _rebuild(condition, lambda value: value, column)


def bind(condition: Condition, values: Mapping[str, Any]) -> Condition | None:
    """Return the condition with the values of its parameters, or None if one is not known."""
    try:
        return _rebuild(
            condition,
            lambda value: values[value.name] if isinstance(value, Parameter) else value,
            condition.column,
        )
    except KeyError:
        return None


def _rebuild(condition: Condition, value_of: Callable[[Any], Any], column: str) -> Condition:
    match condition:
        case Comparison():
            return replace(condition, column=column, value=value_of(condition.value))
        case OneOf():
            return OneOf(column, tuple(map(value_of, condition.values)))
        case Like():
            return Like(column, value_of(condition.pattern))
        case Negated():
            return Negated(column, _rebuild(condition.term, value_of, column))
        case Combined():
            terms = tuple(_rebuild(term, value_of, column) for term in condition.terms)
            return replace(condition, column=column, terms=terms)
