"""A sample of a dataset's rows: what layouts are priced on, so that nothing has to be rewritten."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from parquetry.access.condition_tests import rank_of
from parquetry.model.layouts import ROW_GROUP_ROWS
from parquetry.model.schema import normal_type
from parquetry.tuning.ordering.sampled import curve_numbers
from parquetry.tuning.ordering.terms import cut_key, order_by, partition_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from parquetry.model.layouts import Curve, Layout, Quantiles
    from parquetry.tuning.costs.spans import Need, Spans

ROWS_A_GROUP = 20
"""Layouts are ranked exactly from 10 on; at 20, costs are a few per cent too low."""
_UNIQUE = 0.95
_NUMBER = '"\x01number"'
MIN_ROWS, MAX_ROWS = 20_000, 2_000_000


def sample_rows(rows: int) -> int:
    """Return how large the sample of a dataset should be."""
    wanted = rows // ROW_GROUP_ROWS * ROWS_A_GROUP
    return min(rows, max(MIN_ROWS, min(MAX_ROWS, wanted)))


class Axis:
    """The values of one column on a line: the n-th distinct value of the sample stands at `2 * n`.

    A value that the sample lacks stands between its neighbours, at an odd place.
    """

    def __init__(self, column: pl.Series, kind: pa.DataType, fraction: float) -> None:
        self.kind = kind
        plain = column.cast(pl.Int8) if column.dtype == pl.Boolean else column
        ranks = plain.rank("dense").cast(pl.Int64)
        self.nulls = column.is_null().to_numpy()
        self.places: NDArray[np.float64] = (ranks.fill_null(1).to_numpy() - 1) * 2.0
        self.values = column.drop_nulls().unique().sort()
        self.rows_a_value = _rows_a_value(ranks.drop_nulls().to_numpy(), fraction)
        self._rank = rank_of(kind)

    def __len__(self) -> int:
        return len(self.values)

    def place(self, value: Any) -> int:
        """Return where a value stands; it is one of the kind's, as conditions compare it."""
        ranked = self._rank
        index = bisect_left(range(len(self)), value, key=lambda at: ranked(self.values[at]))
        is_here = index < len(self) and ranked(self.values[index]) == value
        return 2 * index if is_here else 2 * index - 1

    def share(self, spans: Spans) -> float:
        """Return the share of the rows whose values stand within some spans, apart from each other."""
        if not len(self.nulls):
            return 1.0
        lows, highs = np.array(spans).reshape(-1, 2).T
        ends = np.searchsorted(self._ascending, highs, side="right")
        return float((ends - np.searchsorted(self._ascending, lows)).sum()) / len(self.nulls)

    @cached_property
    def _ascending(self) -> NDArray[np.float64]:
        return np.sort(self.places[~self.nulls])


def _rows_a_value(ranks: NDArray[np.int64], fraction: float) -> float:
    """Return how many rows of the dataset have the same value, on average.

    Values that were seen once are as many more as rows are if nearly all were, and otherwise as the
    guaranteed-error estimator has it (Charikar and others, 2000).
    """
    if not len(ranks):
        return 1.0
    counts = np.bincount(ranks)
    once = int(np.count_nonzero(counts == 1))
    known = int(np.count_nonzero(counts > 1))
    growth = 1 / fraction if once > _UNIQUE * len(ranks) else fraction**-0.5
    return max(1.0, len(ranks) / fraction / (known + once * growth))


@dataclass(frozen=True, slots=True)
class Ordering:
    """The rows of a sample in the order of a layout.

    Args:
        rows: The numbers of the rows.
        starts: Where each partition begins among them.
        leaves: The leaf of the layout's cuts that each ends in; 0 without cuts.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    leaves: NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Rows of a dataset, each taken with the same chance.

    Args:
        table: The rows, with all columns that have an order.
        rows: How many rows the dataset has.
        bytes: The size of its files.
        bytes_by_column: The compressed size of each column, as far as that is known.
    """

    table: pa.Table
    rows: int
    bytes: int
    bytes_by_column: dict[str, int]

    @property
    def fraction(self) -> float:
        """The share of the dataset's rows that are in the sample."""
        return self.table.num_rows / self.rows if self.rows else 1.0

    def axis(self, column: str) -> Axis | None:
        """Return the values of a column on a line, or None if the sample does not have it."""
        name = self._names.get(column.lower())
        if name is None:
            return None
        if name not in self._axes:
            values = pl.Series(self.table[name].combine_chunks())
            kind = normal_type(self.table.schema.field(name).type)
            self._axes[name] = Axis(values, kind, self.fraction)
        return self._axes[name]

    def values(self, column: str) -> float:
        """Return how many different values a column has in the dataset, about."""
        return self.rows / self.known_axis(column).rows_a_value

    def share(self, need: Need) -> float:
        """Return the share of the rows that fulfil a need; it is reckoned once."""
        found = self._shares.get(need)
        if found is None:
            axis = self.known_axis(need.column)
            found = float(axis.nulls.mean()) if need.wants_null else axis.share(need.spans)
            self._shares[need] = found
        return found

    def known_axis(self, column: str) -> Axis:
        """Return the values of a column that the sample has."""
        found = self.axis(column)
        if found is None:
            raise KeyError(column)
        return found

    def name(self, column: str) -> str | None:
        """Return a column's name as the dataset spells it; SQL's names have no case."""
        return self._names.get(column.lower())

    def order(self, layout: Layout) -> Ordering:
        """Return the rows in the order in which a layout would write them."""
        terms = order_by(layout, _NUMBER if layout.curve else None)
        count = self.table.num_rows
        if not terms:
            nothing = np.zeros(count, np.int64)
            return Ordering(np.arange(count), nothing[:1], nothing)
        keys = ", ".join(partition_terms(layout))
        digest = f"hash({keys})" if keys else "0"
        if layout.curve:
            numbers = pa.array(self._numbers(layout.curve, layout.quantiles))
            self._duck.register("sample", self._rows.append_column("\x01number", numbers))
        found = self._duck.execute(
            f'SELECT "\x01row" AS row, {digest} AS digest, {cut_key(layout) or 0} AS leaf '
            f'FROM sample ORDER BY {terms}, "\x01row"'
        ).fetchnumpy()
        digests = np.asarray(found["digest"])
        changes = np.flatnonzero(digests[1:] != digests[:-1]) + 1
        return Ordering(
            np.asarray(found["row"], np.int64),
            np.concatenate([np.zeros(min(count, 1), np.int64), changes]),
            np.asarray(found["leaf"], np.int64),
        )

    @cached_property
    def _names(self) -> dict[str, str]:
        return {name.lower(): name for name in self.table.column_names}

    @cached_property
    def _axes(self) -> dict[str, Axis]:
        return {}

    @cached_property
    def _shares(self) -> dict[Need, float]:
        return {}

    @cached_property
    def _duck(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("sample", self._rows)
        return connection

    @cached_property
    def _rows(self) -> pa.Table:
        return self.table.append_column("\x01row", pa.array(np.arange(self.table.num_rows)))

    def _numbers(self, curve: Curve, quantiles: tuple[Quantiles, ...]) -> NDArray[np.int64]:
        """Return the number of each row on a curve; layouts that vary one use it again."""
        key = curve, quantiles
        if key not in self._curves:
            axes = [self.axis(one.column) for one in quantiles]
            known = [axis for axis in axes if axis is not None]
            self._curves[key] = curve_numbers(curve, quantiles, known)
        return self._curves[key]

    @cached_property
    def _curves(self) -> dict[tuple[Curve, tuple[Quantiles, ...]], NDArray[np.int64]]:
        return {}
