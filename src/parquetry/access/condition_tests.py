"""Conditions as tests of a typed value: true, false, or None where SQL says unknown.

Only comparisons whose outcome is the same in Python and in the engines are made; the rest is
`UnsuitedError`, and the condition is then not used to leave anything out.
"""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from pyarrow import types as pt

from parquetry.access.conditions import Combined, Comparison, Condition, Like, Negated, OneOf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

ValueTest: TypeAlias = "Callable[[Any], bool | None]"

_EXACT_FLOAT = 2**53
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class UnsuitedError(ValueError):
    """A comparison whose outcome only the engine knows."""


def value_test(condition: Condition, kind: pa.DataType) -> ValueTest:
    """Return the condition as a test of Python values of a type.

    Raises:
        UnsuitedError: The engine may see this comparison in another way.
    """
    match condition:
        case Comparison():
            return _comparison(condition, kind)
        case OneOf():
            return _one_of([suited(value, kind) for value in condition.values], kind)
        case Like():
            return _like(condition.pattern, kind)
        case Negated():
            return _negation(value_test(condition.term, kind))
        case Combined():
            return _combination(
                [value_test(term, kind) for term in condition.terms], all_of=condition.how == "all"
            )


def _comparison(condition: Comparison, kind: pa.DataType) -> ValueTest:
    wanted = suited(condition.value, kind)
    rank = rank_of(kind)
    if condition.operator in {"is", "is not"}:
        expected = condition.operator == "is"
        return lambda value: (rank(value) == wanted) is expected
    compare = _COMPARE[condition.operator]
    if wanted is None:
        return lambda _: None
    return lambda value: None if value is None else compare(rank(value), wanted)


def _one_of(wanted: list[Any], kind: pa.DataType) -> ValueTest:
    rank = rank_of(kind)
    known = {value for value in wanted if value is not None}
    otherwise = None if None in wanted else False

    def test(value: Any) -> bool | None:
        if value is None:
            return None
        return True if rank(value) in known else otherwise

    return test


def _like(pattern: Any, kind: pa.DataType) -> ValueTest:
    if not pt.is_string(kind) or not isinstance(pattern, str):
        raise UnsuitedError
    parts = {"%": ".*", "_": "."}
    regex = re.compile("".join(parts.get(one) or re.escape(one) for one in pattern), re.DOTALL)
    return lambda value: None if value is None else regex.fullmatch(value) is not None


def _negation(term: ValueTest) -> ValueTest:
    def test(value: Any) -> bool | None:
        found = term(value)
        return None if found is None else not found

    return test


def _combination(terms: Sequence[ValueTest], *, all_of: bool) -> ValueTest:
    decisive = not all_of

    def test(value: Any) -> bool | None:
        found = [term(value) for term in terms]
        if decisive in found:
            return decisive
        return None if None in found else all_of

    return test


def rank_of(kind: pa.DataType) -> Callable[[Any], Any]:
    """Return the order of a type: NaN is equal to itself and above all, as in SQL and Polars."""
    return _float_rank if pt.is_float64(kind) else lambda value: value


def _float_rank(value: float | None) -> Any:
    if value is None:
        return None
    return (True, 0.0) if math.isnan(value) else (False, value)


def suited(value: Any, kind: pa.DataType) -> Any:
    """Return a value as it is compared with the type's values; floats by their rank.

    Raises:
        UnsuitedError: The engine may see this comparison in another way.
    """
    if value is None:
        return None
    for is_kind, suit in _SUITS:
        if is_kind(kind):
            return suit(value)
    raise UnsuitedError


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise UnsuitedError
    return value


def _boolean(value: Any) -> Any:
    if not isinstance(value, bool):
        raise UnsuitedError
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    is_exact = isinstance(value, (int, Decimal)) or (
        isinstance(value, float) and abs(value) < _EXACT_FLOAT
    )
    if isinstance(value, bool) or not is_exact:
        raise UnsuitedError
    return value


def _float(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise UnsuitedError
    if isinstance(value, int) and abs(value) > _EXACT_FLOAT:
        raise UnsuitedError
    return _float_rank(float(value))


def _decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise UnsuitedError
    return value


def _date(value: Any) -> Any:
    if isinstance(value, str) and _DATE.fullmatch(value):
        return _parsed(dt.date.fromisoformat, value)
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise UnsuitedError
    return value


def _moment(value: Any) -> Any:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return _parsed(dt.datetime.fromisoformat, value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise UnsuitedError
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  a time without a zone
    raise UnsuitedError


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise UnsuitedError from error


_SUITS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (pt.is_string, _text),
    (pt.is_boolean, _boolean),
    (pt.is_integer, _whole),
    (pt.is_float64, _float),
    (pt.is_decimal, _decimal),
    (pt.is_date, _date),
    # nanoseconds are more than Python's datetime tells, and a zone depends on the session
    (lambda kind: pt.is_timestamp(kind) and kind.tz is None and kind.unit != "ns", _moment),
)
