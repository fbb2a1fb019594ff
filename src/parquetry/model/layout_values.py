"""The values of a layout's boundaries in JSON, with their types."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from parquetry.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "timestamp": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "decimal": Decimal,
    "bytes": bytes.fromhex,
    "float": float,
}


def encode_value(value: Any) -> Any:
    """Return a value as JSON keeps it; what JSON has no type for becomes an object of one name.

    Raises:
        LayoutError: No boundary can be of this type.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"float": repr(value)}
        case dt.datetime():
            return {"timestamp": value.isoformat()}
        case dt.date():
            return {"date": value.isoformat()}
        case dt.time():
            return {"time": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
        case bytes():
            return {"bytes": value.hex()}
        case tuple() | list():
            return list(map(encode_value, value))
    raise LayoutError(
        f"A value of type {type(value).__name__} cannot be a boundary of a layout: {value!r:.80}. "
        "Lay the rows out by text, numbers, booleans, dates or times."
    )


def decode_value(value: Any) -> Any:
    """Return the value that `encode_value` was given; a list comes back as a tuple."""
    if isinstance(value, list):
        return tuple(map(decode_value, value))
    if isinstance(value, dict):
        [(kind, content)] = value.items()
        return _READERS[kind](content)
    return value
