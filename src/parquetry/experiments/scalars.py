"""The canonical form of values that hold no other values.

Each function returns what the JSON text is made of: None, a bool, an int, a float, a str, or a
*tag* for what JSON has no word for. A tag is a mapping with one key that begins with a single
`$`. No mapping of a user can look like one, because the keys of mappings that begin with `$` get
a second one.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

EXACT_FLOAT_LIMIT = 2.0**53
# Python itself refuses to print integers beyond a limit that can be set down to 640 digits.
INT_DIGITS = 600
INT_LIMIT = 10**INT_DIGITS


class UnacceptableError(Exception):
    """A value that has no canonical form, and the way to it, which containers add as it passes.

    It never leaves this package: `canonical.py` turns it into a `ParameterError`.

    Args:
        reason: What is wrong, as a sentence that goes on after the name of the parameter.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str] = []

    def inside(self, step: str) -> UnacceptableError:
        """Return itself with one more step between the parameter set and the value."""
        self.steps.insert(0, step)
        return self


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value that already is in canonical form."""

    form: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that its container would not give; only an error if the value is needed."""

    reason: str


def tag(name: str, content: Any) -> dict[str, Any]:
    """Return `content` under a key that no mapping of a user can have."""
    return {f"${name}": content}


def is_tag(form: Any) -> bool:
    """Return whether a canonical value is a tag, which is a value and not a mapping."""
    if not isinstance(form, dict) or len(form) != 1:
        return False
    (key,) = form
    return key.startswith("$") and not key.startswith("$$")


def canonical_text_value(value: str) -> str:
    """Return the text in Unicode's normal form C, in which one text has one spelling."""
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise UnacceptableError(
            "is text with half of a surrogate pair, which cannot be written as UTF-8"
        ) from None
    return unicodedata.normalize("NFC", value)


def canonical_int(value: int) -> int:
    """Return the integer, exact at any size that can be printed everywhere."""
    if -INT_LIMIT < value < INT_LIMIT:
        return value
    raise UnacceptableError(f"is an int of more than {INT_DIGITS} digits; give it as text")


def canonical_float(value: float, digits: int) -> Any:
    """Return the number with `digits` significant digits, as an int where it is a whole number.

    A whole number below 2**53 is kept exactly. NaN and the infinities are tagged.
    """
    if value.is_integer():
        if -EXACT_FLOAT_LIMIT < value < EXACT_FLOAT_LIMIT:
            return int(value)
    elif not math.isfinite(value):
        return tag("float", str(value))
    rounded = float(f"{value:.{digits - 1}e}")
    if rounded.is_integer() and -EXACT_FLOAT_LIMIT < rounded < EXACT_FLOAT_LIMIT:
        return int(rounded)
    # The largest floats have no neighbour above to be rounded to.
    return rounded if math.isfinite(rounded) else value


def canonical_decimal(value: Decimal, digits: int) -> Any:
    """Return the number as an int or float if that says all of it, else tagged with all digits.

    A Decimal is exact and is never rounded: who writes twelve digits means twelve digits.
    """
    if not value.is_finite():
        name = "nan" if value.is_nan() else "inf" if value > 0 else "-inf"
        return tag("float", name)
    exact = _without_trailing_zeros(value)
    _sign, figures, exponent = exact.as_tuple()
    if isinstance(exponent, int) and exponent >= 0:
        if exact.adjusted() < INT_DIGITS:
            return int(exact)
        raise UnacceptableError(f"is a Decimal of more than {INT_DIGITS} digits; give it as text")
    near = float(exact)
    if len(figures) <= digits and Decimal(repr(near)) == exact:
        return canonical_float(near, digits)
    return tag("decimal", str(exact))


def _without_trailing_zeros(value: Decimal) -> Decimal:
    # Decimal.normalize() would round to the precision of the current context.
    sign, figures, exponent = value.as_tuple()
    shown = "".join(map(str, figures)).rstrip("0")
    if not shown:
        return Decimal(0)
    dropped = len(figures) - len(shown)
    return Decimal((sign, tuple(map(int, shown)), int(exponent) + dropped))


def canonical_date(value: date) -> dict[str, Any]:
    """Return the day, tagged: it is neither its text nor its midnight."""
    return tag("date", value.isoformat())


def canonical_datetime(value: datetime) -> dict[str, Any]:
    """Return the instant in UTC, marked by a Z; a time without zone stays without, and unmarked.

    The time zone of the machine has no say in it.
    """
    # Only pandas' Timestamp has this attribute; its NaT answers with NaN.
    if getattr(value, "nanosecond", 0):
        raise UnacceptableError(
            f"is a {type(value).__name__} that is no time in whole microseconds"
        )
    if value.utcoffset() is None:
        return tag("datetime", value.replace(tzinfo=None).isoformat())
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise UnacceptableError("is a datetime that falls outside of the calendar in UTC") from None
    return tag("datetime", instant.replace(tzinfo=None).isoformat() + "Z")


def _unreadable(value: Unreadable, _digits: int) -> Any:
    raise UnacceptableError(value.reason)


SCALARS: dict[type, Callable[[Any, int], Any]] = {
    type(None): lambda value, _: value,
    bool: lambda value, _: value,
    int: lambda value, _: canonical_int(value),
    float: canonical_float,
    str: lambda value, _: canonical_text_value(value),
    Decimal: canonical_decimal,
    date: lambda value, _: canonical_date(value),
    datetime: lambda value, _: canonical_datetime(value),
    Tagged: lambda value, _: value.form,
    Unreadable: _unreadable,
}
