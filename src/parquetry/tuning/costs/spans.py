"""What a condition admits of a column, as spans of the places at which a sample has its values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from parquetry.access.condition_tests import UnsuitedError
from parquetry.access.conditions import (
    Combined,
    Comparison,
    Condition,
    Like,
    Negated,
    OneOf,
)
from parquetry.tuning.costs.values import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.access.conditions import Demand
    from parquetry.tuning.samples import Axis, Sample

Spans: TypeAlias = "tuple[tuple[float, float], ...]"
"""Closed, ascending, and apart from each other."""

ALL: Spans = ((-math.inf, math.inf),)
_INVERSE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Need:
    """The places of one column at which a question needs rows.

    Args:
        column: The column, as the dataset spells it.
        spans: Where its values must stand.
        wants_null: Whether NULL will do as well.
        points: The places of the only values that will do, if those are few: what Bloom filters tell.
    """

    column: str
    spans: Spans
    wants_null: bool = False
    points: tuple[float, ...] = ()


def find_needs(demands: Sequence[Demand], sample: Sample) -> tuple[Need, ...]:
    """Return what one place of a question needs, leaving out what no statistics can tell."""
    needs = []
    for demand in demands:
        if demand.is_outer:
            continue
        column = sample.name(demand.condition.column)
        axis = sample.axis(demand.condition.column)
        if column is None or axis is None:
            continue
        found = _need(demand.condition, axis, column)
        if found is not None:
            needs.append(found)
    return tuple(needs)


def _need(condition: Condition, axis: Axis, column: str) -> Need | None:
    if isinstance(condition, Comparison) and condition.value is None:
        wants = condition.operator == "is"
        return Need(column, () if wants else ALL, wants_null=wants)
    try:
        spans = _spans(condition, axis)
    except UnsuitedError:
        return None
    if spans == ALL:
        return None
    points = tuple(low for low, high in spans if low == high)
    return Need(column, spans, points=points if len(points) == len(spans) else ())


def _spans(condition: Condition, axis: Axis) -> Spans:
    match condition:
        case Comparison(operator=operator, value=value):
            return _comparison(operator, axis.place(comparable(value, axis.kind)), value)
        case OneOf(values=values):
            places = (
                axis.place(comparable(value, axis.kind)) for value in values if value is not None
            )
            return unite((place, place) for place in places)
        case Like(pattern=pattern):
            return _like(pattern, axis)
        case Combined(how="all", terms=terms):
            found = ALL
            for term in terms:
                found = intersect(found, _spans(term, axis))
            return found
        case Combined(terms=terms):
            return unite(span for term in terms for span in _spans(term, axis))
        case Negated(term=term):
            return _negated(term, axis)
    raise UnsuitedError


def _comparison(operator: str, place: int, value: object) -> Spans:
    if value is None:
        raise UnsuitedError
    is_between = place % 2 == 1  # no value of the sample stands exactly there
    match operator:
        case "=" | "is":
            return ((place, place),)
        case "<":
            return ((-math.inf, place if is_between else place - 1),)
        case "<=":
            return ((-math.inf, place),)
        case ">":
            return ((place if is_between else place + 1, math.inf),)
        case ">=":
            return ((place, math.inf),)
    return ALL  # `<>` leaves out a row group only if it holds nothing else


def _like(pattern: object, axis: Axis) -> Spans:
    """Return the texts that begin like a pattern."""
    if not isinstance(pattern, str):
        raise UnsuitedError
    prefix = pattern.split("%")[0].split("_")[0]
    if not prefix:
        return ALL
    low = axis.place(comparable(prefix, axis.kind))
    if prefix == pattern:
        return ((low, low),)
    return ((low, axis.place(prefix + "\U0010ffff")),)


def _negated(term: Condition, axis: Axis) -> Spans:
    if isinstance(term, Comparison) and term.operator in _INVERSE and term.value is not None:
        place = axis.place(comparable(term.value, axis.kind))
        return _comparison(_INVERSE[term.operator], place, term.value)
    return ALL


def unite(spans: Iterable[tuple[float, float]]) -> Spans:
    """Return the places that are in any of the spans."""
    united: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if low > high:
            continue
        if united and low <= united[-1][1]:
            united[-1] = (united[-1][0], max(high, united[-1][1]))
        else:
            united.append((low, high))
    return tuple(united)


def intersect(one: Spans, other: Spans) -> Spans:
    """Return the places that are in both."""
    return unite((max(a, c), min(b, d)) for a, b in one for c, d in other)
