"""Values as SQL writes them, with their types."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

from parquetry.access.quoting import quote_text
from parquetry.errors import LayoutError


def literal(value: Any) -> str:
    """Return a value as an SQL literal of its own type.

    Raises:
        LayoutError: SQL has no literal for the type.
    """
    match value:
        case None:
            return "NULL"
        case str():
            return quote_text(value)
        case bool() | int() | float() | Decimal():
            return _number(value)
        case bytes():
            return "'" + "".join(f"\\x{byte:02x}" for byte in value) + "'::BLOB"
        case dt.datetime():
            return _moment(value)
        case dt.date():
            return f"DATE '{value.isoformat()}'"
        case dt.time():
            return f"TIME '{value.isoformat()}'"
    raise LayoutError(
        f"A value of type {type(value).__name__} cannot order rows: {value!r:.80}. Lay the rows out by "
        "text, numbers, booleans, dates or times."
    )


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None:
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return f"TIMESTAMPTZ '{value.astimezone(dt.UTC).isoformat(sep=' ')}'"


def _number(value: float | Decimal) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int):
        return str(value)
    return f"{value!r}::DOUBLE" if math.isfinite(value) else f"'{value!r}'::DOUBLE"
