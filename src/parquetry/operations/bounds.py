"""What footers say of the values of a column, row group by row group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import types as pt

from parquetry.errors import ParquetryError
from parquetry.files.bounds import is_certain
from parquetry.files.splicing import Source
from parquetry.files.splicing.fields import ColumnMetaData, Statistics
from parquetry.files.splicing.thrift import decode_struct
from parquetry.operations.types import polars_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyarrow.parquet import FileMetaData

Flags: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"

_WORTH_A_FOOTER = 65_536  # rows of a float column take longer to decode than one more footer
_MOST_SCHEMAS = 256  # whose columns are remembered
_SIMPLE = (
    pt.is_integer,
    pt.is_floating,
    pt.is_boolean,
    pt.is_string,
    pt.is_binary,
    pt.is_date,
    pt.is_timestamp,
    pt.is_decimal,
)


@dataclass(frozen=True)
class Bounds:
    """Bounds of one column in several row groups; one entry a row group in every part.

    Args:
        low: No value is below.
        high: No value is above.
        known: Where `low` and `high` say something.
        certain: Where they say enough to leave rows undecoded, beyond only passing them by.
        nulls: Where there may be NULL.
        only_nulls: Where there is nothing else.
        nans: Where there may be NaN, which stands outside the bounds.
    """

    low: pl.Series
    high: pl.Series
    known: Flags
    certain: Flags
    nulls: Flags
    only_nulls: Flags
    nans: Flags


@dataclass(frozen=True)
class GroupPlace:
    """One row group of a file: its footer, its number, and what the file calls its columns."""

    path: str
    footer: FileMetaData
    index: int
    columns: pa.Schema

    def chunk(self, name: str) -> Any | None:
        """Return what the footer says of a column's chunk, None if the column is not flat."""
        place = place_of(self.footer, self.columns, name)
        return None if place is None else self.footer.row_group(self.index).column(place)


def place_of(footer: FileMetaData, columns: pa.Schema, name: str) -> int | None:
    """Return the number of the leaf that is a column itself, None if there is none."""
    return _flat_columns(footer, columns).get(name)


_known_places: dict[int, tuple[pa.Schema, dict[str, int]]] = {}


def _flat_columns(footer: FileMetaData, columns: pa.Schema) -> dict[str, int]:
    """Return the numbers of the leaves that are columns themselves, by name.

    Files whose footers say one schema, byte for byte, share one `columns` object, so one of them is
    looked at for all.
    """
    known = _known_places.get(id(columns))
    if known is not None and known[0] is columns:
        return known[1]
    schema = footer.schema
    places = {}
    for number in range(footer.num_columns):
        column = schema.column(number)
        if column.max_repetition_level == 0 and column.path == column.name:
            places[column.name] = number
    if len(_known_places) > _MOST_SCHEMAS:
        _known_places.clear()
    _known_places[id(columns)] = (columns, places)
    return places


def read_bounds(groups: Sequence[GroupPlace], name: str, kind: pa.DataType) -> Bounds:
    """Return what the footers say of a column; what they do not say is unknown, and so possible."""
    facts = [_facts(group, name, kind) for group in groups]
    lows, highs = [one[0] for one in facts], [one[1] for one in facts]
    low, high = _series(lows, kind), _series(highs, kind)
    known = (low.is_not_null() & high.is_not_null()).to_numpy()
    certain = known & np.array([is_certain(a) and is_certain(b) for a, b, *_ in facts], bool)
    return Bounds(
        low,
        high,
        known,
        certain,
        np.array([one[2] for one in facts], bool),
        np.array([one[3] for one in facts], bool),
        np.array([one[4] for one in facts], bool),
    )


def _facts(group: GroupPlace, name: str, kind: pa.DataType) -> tuple[Any, Any, bool, bool, bool]:
    """Return low, high, whether NULL may be there, nothing else is, and NaN may be."""
    may_be_nan = pt.is_floating(kind)
    if name not in group.columns.names:
        return None, None, True, True, False
    chunk = group.chunk(name)
    if chunk is None or not chunk.is_stats_set or not is_simple(kind):
        return None, None, True, False, may_be_nan
    found = chunk.statistics
    nulls = found.null_count if found.has_null_count else None
    only_nulls = nulls is not None and nulls == chunk.num_values
    low, high = _values(found, group.columns.field(name).type) if found.has_min_max else (None,) * 2
    if may_be_nan and low is not None:
        may_be_nan = not _has_no_nan(group, name, chunk.num_values)
    return low, high, nulls != 0, only_nulls, may_be_nan


def is_simple(kind: pa.DataType) -> bool:
    """Return whether the bounds of a type compare as its values do."""
    return any(one(kind) for one in _SIMPLE)


def _values(found: Any, stored: pa.DataType) -> tuple[Any, Any]:
    try:
        if pt.is_timestamp(stored) and stored.unit == "ns":
            low, high = found.min_raw, found.max_raw  # more than Python's datetime can tell
        else:
            low, high = found.min, found.max
    except (ValueError, OverflowError, UnicodeDecodeError, pa.ArrowException):
        return None, None
    is_nan = isinstance(low, float) and (math.isnan(low) or math.isnan(high))
    return (None, None) if is_nan else (low, high)


def _series(values: list[Any], kind: pa.DataType) -> pl.Series:
    """Return bounds in a column's type; where one does not fit it, nothing is known of any."""
    wanted = polars_type(kind) or pl.Null()
    try:
        if not isinstance(wanted, pl.Datetime):
            return pl.Series(values, dtype=wanted)
        if any(isinstance(value, int) for value in values):  # nanoseconds, as they are stored
            return pl.Series(values, dtype=pl.Int64).cast(pl.Datetime("ns")).cast(wanted)
        naive = [None if value is None else value.replace(tzinfo=None) for value in values]
        found = pl.Series(naive, dtype=pl.Datetime("us"))
        return found.cast(wanted) if wanted.time_zone is None else in_zone(found, wanted)
    except (pl.exceptions.PolarsError, ValueError, TypeError, OverflowError, AttributeError):
        return pl.repeat(None, len(values), dtype=wanted, eager=True)


def in_zone(moments: pl.Series, wanted: pl.Datetime) -> pl.Series:
    """Return moments in UTC, as statistics tell them, in the zone of their column."""
    return (
        moments.dt.replace_time_zone("UTC")
        .dt.convert_time_zone(wanted.time_zone or "")
        .cast(wanted)
    )


def _has_no_nan(group: GroupPlace, name: str, rows: int) -> bool:
    """Whether the footer counts no NaN, which PyArrow does not tell."""
    if rows < _WORTH_A_FOOTER:
        return False
    try:
        with Source.open(group.path) as source:
            column = next(one for one in source.footer.columns if one.name == name)
            chunk = source.footer.row_groups[group.index].chunks[column.first_leaf]
            raw = chunk.metadata.raw(ColumnMetaData.STATISTICS)
            return raw is not None and decode_struct(raw).integer(Statistics.NAN_COUNT) == 0
    except (ParquetryError, StopIteration, IndexError):
        return False
