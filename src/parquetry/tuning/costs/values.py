"""Values of conditions, as they are compared with a sample's."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from pyarrow import types as pt

from parquetry.access.condition_tests import UnsuitedError, suited

if TYPE_CHECKING:
    import pyarrow as pa


def comparable(value: Any, kind: pa.DataType) -> Any:
    """Return a value as it is compared with the values of a column.

    More is compared here than where files are left out: a time without a zone is taken for UTC, and
    nanoseconds for microseconds. A wrong guess only makes a price a little wrong.

    Raises:
        UnsuitedError: It is nothing that the column could hold.
    """
    if pt.is_timestamp(kind) and (kind.tz is not None or kind.unit == "ns"):
        moment = _moment(value)
        return moment if kind.tz is not None else moment.replace(tzinfo=None)
    return suited(value, kind)


def _moment(value: Any) -> dt.datetime:
    """Return a moment in UTC."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError as error:
            raise UnsuitedError from error
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if not isinstance(value, dt.datetime):
        raise UnsuitedError
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
