"""Conditions asked of ranges of values: what they can come to in row groups whose bounds are known.

It errs only by admitting too much. What the bounds do not tell, and comparisons whose outcome only the
engine knows, can come to anything.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from pyarrow import types as pt

from parquetry.access.condition_tests import UnsuitedError, suited, value_test
from parquetry.access.conditions import Combined, Comparison, Condition, Like, Negated, OneOf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.access.conditions import Demand

Flags: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"
_Ranks: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"

_MOST_VALUES = (
    256  # of an IN that are compared one by one; longer ones by their smallest and largest
)


@dataclass(frozen=True)
class Ranges:
    """Bounds of one column in several row groups; one entry a row group in every part.

    Args:
        low: No value is below; NULL where that is not known.
        high: No value is above; NULL where that is not known.
        nulls: Where there may be NULL.
        only_nulls: Where there is nothing else.
    """

    low: pa.Array
    high: pa.Array
    nulls: Flags
    only_nulls: Flags

    def __len__(self) -> int:
        return len(self.low)

    @cached_property
    def ordered(self) -> list[Any]:
        """The values that are bounds, ascending, each once."""
        values = {*self.low.to_pylist(), *self.high.to_pylist()}
        return sorted(value for value in values if _is_bound(value))

    @cached_property
    def lows(self) -> _Ranks:
        """The place of each lower bound among all of them; below all where it is not known."""
        return self._ranks(self.low, -1)

    @cached_property
    def highs(self) -> _Ranks:
        """The place of each upper bound; above all where it is not known."""
        return self._ranks(self.high, len(self.ordered))

    def with_values(self, groups: Flags) -> Flags:
        """Return those of some row groups in which not all is NULL."""
        return groups if self._values is None else groups & self._values

    @cached_property
    def _values(self) -> Flags | None:
        return ~self.only_nulls if self.only_nulls.any() else None

    def _ranks(self, bounds: pa.Array, unknown: int) -> _Ranks:
        ranks = {value: place for place, value in enumerate(self.ordered)}
        return np.array([ranks.get(value, unknown) for value in bounds.to_pylist()], np.int64)


def _is_bound(value: Any) -> bool:
    return value is not None and value == value  # noqa: PLR0124  NaN is none


def admitted(
    references: Sequence[Sequence[Demand]], columns: Mapping[str, Ranges], count: int
) -> Flags:
    """Return which row groups can hold a row that one place of a question has use for.

    Args:
        references: What each place of the question that reads the dataset demands there; without any,
            every row group is of use.
        columns: The bounds that are known, by the names of columns in small letters.
        count: How many row groups there are.
    """
    useful: Flags | None = None
    for demands in references:
        here: Flags | None = None
        for demand in demands:
            ranges = columns.get(demand.condition.column.lower())
            if ranges is not None:
                met = _may_be_met(demand, ranges)
                here = met if here is None else here & met
        if here is None:
            return np.ones(count, bool)
        useful = here if useful is None else useful | here
    return np.ones(count, bool) if useful is None else useful


def _may_be_met(demand: Demand, ranges: Ranges) -> Flags:
    try:
        if demand.is_outer and value_test(demand.condition, ranges.low.type)(None) is True:
            return np.ones(len(ranges), bool)
        return _can_be(demand.condition, ranges, outcome=True)
    except (UnsuitedError, pa.ArrowException, OverflowError, ValueError, TypeError):
        return np.ones(len(ranges), bool)


def _can_be(condition: Condition, ranges: Ranges, *, outcome: bool) -> Flags:
    """Return where a condition can come to true, or to false."""
    match condition:
        case Comparison(operator="is" | "is not"):
            return _identity(condition, ranges, outcome=outcome)
        case Comparison():
            met = _compared(condition.operator, condition.value, ranges, outcome=outcome)
            return ranges.with_values(met)
        case OneOf():
            return _membership(condition.values, ranges, outcome=outcome)
        case Like():
            return _pattern(condition.pattern, ranges, outcome=outcome)
        case Negated():
            return _can_be(condition.term, ranges, outcome=not outcome)
        case Combined():
            terms = [_can_be(term, ranges, outcome=outcome) for term in condition.terms]
            is_all = (condition.how == "all") is outcome
            found: Flags = (np.logical_and if is_all else np.logical_or).reduce(terms)
            return found


def _identity(condition: Comparison, ranges: Ranges, *, outcome: bool) -> Flags:
    """Return where IS or IS NOT, which are never unknown, can come to an outcome."""
    is_same = (condition.operator == "is") is outcome
    if suited(condition.value, ranges.low.type) is None:
        return ranges.nulls if is_same else ~ranges.only_nulls
    found = _compared("=", condition.value, ranges, outcome=is_same)
    return ranges.with_values(found) if is_same else found | ranges.nulls


def _membership(values: Sequence[Any], ranges: Ranges, *, outcome: bool) -> Flags:
    known = [value for value in values if value is not None]
    if not outcome:
        return ~ranges.only_nulls
    if len(known) > _MOST_VALUES:
        ranked = sorted(suited(value, ranges.low.type) for value in known)
        found = _compared(">=", _plain(ranked[0]), ranges, outcome=True)
        found = found & _compared("<=", _plain(ranked[-1]), ranges, outcome=True)
    else:
        found = np.zeros(len(ranges), bool)
        for value in known:
            found |= _compared("=", value, ranges, outcome=True)
    return ranges.with_values(found)


def _plain(rank: Any) -> Any:
    """Return a value from its rank among floats; others are their own rank."""
    return rank[1] if isinstance(rank, tuple) else rank


def _pattern(pattern: Any, ranges: Ranges, *, outcome: bool) -> Flags:
    """Return what LIKE can come to, as far as the text before the first wildcard tells."""
    if not pt.is_string(ranges.low.type) or not isinstance(pattern, str):
        raise UnsuitedError
    if not outcome:
        return ~ranges.only_nulls
    prefix = re.split("[%_]", pattern, maxsplit=1)[0]
    length = len(prefix)
    reaches = ranges.highs >= bisect_left(ranges.ordered, prefix)
    end = bisect_right(ranges.ordered, prefix, key=lambda text: text[:length])
    return ranges.with_values(reaches & (ranges.lows < end))


_OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _compared(operator: str, value: Any, ranges: Ranges, *, outcome: bool) -> Flags:
    """Return where a comparison of values with another can come to an outcome."""
    wanted = suited(value, ranges.low.type)
    if wanted is None:
        return np.zeros(len(ranges), bool)
    operator, value = _scalar(operator if outcome else _OPPOSITE[operator], wanted, ranges)
    first, last = bisect_left(ranges.ordered, value), bisect_right(ranges.ordered, value)
    match operator:
        case "<":
            return ranges.lows < first
        case "<=":
            return ranges.lows < last
        case ">":
            return ranges.highs >= last
        case ">=":
            return ranges.highs >= first
        case "=":
            return (ranges.lows < last) & (ranges.highs >= first)
    differs: Flags = (ranges.lows != first) | (ranges.highs != first)
    return differs if first < last else np.ones(len(ranges), bool)


def _scalar(operator: str, wanted: Any, ranges: Ranges) -> tuple[str, Any]:
    """Return an operator and a value that the column can hold, which ask for the same."""
    kind = ranges.low.type
    if isinstance(wanted, tuple):  # the rank of a float
        if wanted[0]:
            raise UnsuitedError  # NaN stands outside of all bounds
        return operator, pa.scalar(wanted[1], kind).as_py()
    if pt.is_integer(kind) and isinstance(wanted, float | Decimal):
        whole = math.floor(wanted)
        if whole == wanted:
            return operator, whole
        if operator in {"=", "<>"}:
            raise UnsuitedError
        # below 3.5 is up to 3, and above it is above 3
        return ("<=" if operator in {"<", "<="} else ">"), whole
    if pt.is_integer(kind) or pt.is_string(kind) or pt.is_date(kind):
        return operator, wanted  # which is what the column's own values are
    value = pa.scalar(wanted, kind).as_py()
    if pt.is_timestamp(kind) and value != wanted:
        raise UnsuitedError  # a part of a second that the column cannot say
    return operator, value
