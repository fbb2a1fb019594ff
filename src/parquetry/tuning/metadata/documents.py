"""Conditions and values of questions as JSON, with their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parquetry.access.conditions import (
    Combined,
    Comparison,
    Condition,
    Demand,
    Like,
    Negated,
    OneOf,
)
from parquetry.errors import LayoutError
from parquetry.model.layout_values import decode_value, encode_value

if TYPE_CHECKING:
    from collections.abc import Sequence

Demands = tuple[tuple[Demand, ...], ...]


def encode_demands(demands: Demands) -> list[Any]:
    """Return what each place demands; a condition on a value that has no JSON form is left out."""
    return [
        [document for demand in place if (document := _encode_demand(demand)) is not None]
        for place in demands
    ]


def decode_demands(document: Sequence[Any]) -> Demands:
    """Return what each place demands."""
    return tuple(
        tuple(Demand(_decode(one[0]), bool(one[1])) for one in place) for place in document
    )


def encode_parameters(
    parameters: Sequence[Any] | Mapping[str, Any] | None,
) -> list[Any] | dict[str, Any] | None:
    """Return the values of a question.

    Raises:
        LayoutError: One has no JSON form.
    """
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        return {str(name): encode_value(value) for name, value in parameters.items()}
    return [encode_value(value) for value in parameters]


def decode_parameters(document: Any) -> tuple[Any, ...] | dict[str, Any] | None:
    """Return the values of a question."""
    if isinstance(document, dict):
        return {name: decode_value(value) for name, value in document.items()}
    return None if document is None else tuple(map(decode_value, document))


def _encode_demand(demand: Demand) -> list[Any] | None:
    try:
        return [_encode(demand.condition), int(demand.is_outer)]
    except LayoutError:
        return None


def _encode(condition: Condition) -> list[Any]:
    match condition:
        case Comparison(column, operator, value):
            return ["compare", column, operator, encode_value(value)]
        case OneOf(column, values):
            return ["in", column, encode_value(values)]
        case Like(column, pattern):
            return ["like", column, encode_value(pattern)]
        case Negated(column, term):
            return ["not", column, _encode(term)]
        case Combined(column, how, terms):
            return [how, column, list(map(_encode, terms))]


def _decode(document: Sequence[Any]) -> Condition:
    kind, column, *rest = document
    match kind:
        case "compare":
            return Comparison(column, rest[0], decode_value(rest[1]))
        case "in":
            return OneOf(column, decode_value(rest[0]))
        case "like":
            return Like(column, decode_value(rest[0]))
        case "not":
            return Negated(column, _decode(rest[0]))
    return Combined(column, kind, tuple(map(_decode, rest[0])))
