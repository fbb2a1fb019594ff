"""What footers that were read together say of the values of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from pyarrow import types as pt

from parquetry.files.bounds import LONGEST_CERTAIN
from parquetry.files.footer_values import decode_bounds
from parquetry.operations.bounds import Bounds, in_zone, is_simple, place_of
from parquetry.operations.types import polars_type

if TYPE_CHECKING:
    import pyarrow as pa

    from parquetry.files.footer_table import ChunkFacts, FooterTable
    from parquetry.operations.bounds import Flags


def read_table_bounds(
    table: FooterTable, group: int, columns: pa.Schema, name: str, kind: pa.DataType
) -> Bounds | None:
    """Return the bounds of a column in one row group of each footer of a table.

    Args:
        table: The footers.
        group: The number of the row group.
        columns: What the files call their columns.
        name: The column.
        kind: Its type in the dataset.

    Returns:
        None where the type needs more than a look at the bytes.
    """
    count = len(table.members)
    if name not in columns.names:
        return _unknown(count, kind, only_nulls=True, nans=False)
    leaf = place_of(table.example, columns, name)
    said = None if leaf is None else table.example.row_group(group).column(leaf)
    if leaf is None or said is None or not said.is_stats_set or not is_simple(kind):
        return _unknown(count, kind, only_nulls=False, nans=pt.is_floating(kind))
    facts = table.chunks[group, leaf]
    low, high = _series(table, facts, said, columns.field(name).type, kind)
    if low is None or high is None:
        return None
    return _bounds(facts, low, high, kind)


def _unknown(count: int, kind: pa.DataType, *, only_nulls: bool, nans: bool) -> Bounds:
    nothing = pl.repeat(None, count, dtype=polars_type(kind) or pl.Null(), eager=True)
    never, always = np.zeros(count, bool), np.ones(count, bool)
    absent, strange = (always if flag else never for flag in (only_nulls, nans))
    return Bounds(nothing, nothing, never, never, always, absent, strange)


def _bounds(facts: ChunkFacts, low: pl.Series, high: pl.Series, kind: pa.DataType) -> Bounds:
    count = len(low)
    known = (low.is_not_null() & high.is_not_null()).to_numpy()
    certain = known
    if low.dtype in {pl.String, pl.Binary} and facts.low is not None and facts.high is not None:
        longest = np.maximum(facts.low.lengths, facts.high.lengths)
        certain = known & (longest < LONGEST_CERTAIN)
    nulls, only_nulls = np.ones(count, bool), np.zeros(count, bool)
    if facts.nulls is not None:
        nulls, only_nulls = facts.nulls != 0, facts.nulls == facts.values
    nans: Flags = np.full(count, pt.is_floating(kind))
    if facts.nans is not None:
        nans = nans & ~(known & (facts.nans == 0))
    return Bounds(low, high, known, certain, nulls, only_nulls, nans)


def _series(
    table: FooterTable, facts: ChunkFacts, said: Any, stored: pa.DataType, kind: pa.DataType
) -> tuple[pl.Series | None, pl.Series | None]:
    """Return lows and highs in a column's type; NULL where nothing is known, None if not to be told."""
    wanted = polars_type(kind) or pl.Null()
    nothing = pl.repeat(None, len(table.members), dtype=wanted, eager=True)
    if not said.statistics.has_min_max:
        return nothing, nothing
    if facts.low is None or facts.high is None:
        return None, None  # in the old form, of which PyArrow knows whether to believe it
    low, high = (decode_bounds(table, spans, said, stored) for spans in (facts.low, facts.high))
    if low is None or high is None:
        return None, None
    try:
        low, high = (_in_type(one, wanted) for one in (low, high))
    except pl.exceptions.PolarsError:
        return nothing, nothing
    both = low.is_not_null() & high.is_not_null()
    return low.zip_with(both, nothing), high.zip_with(both, nothing)


def _in_type(values: pl.Series, wanted: pl.DataType) -> pl.Series:
    if isinstance(wanted, pl.Datetime) and wanted.time_zone is not None:
        return in_zone(values, wanted)
    return values.cast(wanted)
