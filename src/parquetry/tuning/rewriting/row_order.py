"""The values by which the rows of a table are ordered in a layout."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from parquetry.errors import LayoutError, UnknownColumnError
from parquetry.tuning.ordering.numbers import rows_along
from parquetry.tuning.ordering.terms import order_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.model.layouts import Curve, Layout, Quantiles
    from parquetry.operations.bounds import Flags

_local = threading.local()


@dataclass(frozen=True)
class RowOrder:
    """The order of a layout.

    Args:
        terms: SQL expressions, foremost first; rows are ascending by them, NULL last.
        columns: The columns that the expressions are over.
        curve: The curve that orders the rows, if one does.
        quantiles: The boundaries of its cells.
        number: What the terms call a row's number on the curve.
    """

    terms: tuple[str, ...]
    columns: tuple[str, ...]
    curve: Curve | None = None
    quantiles: tuple[Quantiles, ...] = ()
    number: str = ""

    @classmethod
    def of(cls, layout: Layout, known: Sequence[str]) -> RowOrder:
        """Return the order of a layout for rows with these columns.

        Raises:
            UnknownColumnError: The layout needs a column that is not there.
        """
        missing = [name for name in layout.columns if name not in known]
        if missing:
            raise UnknownColumnError.of(missing[0], known, "the dataset that is to be laid out")
        if layout.curve is None:
            return cls(order_terms(layout), layout.columns)
        number = "n" * (1 + max(map(len, layout.columns)))  # as none of them is called
        terms = order_terms(layout, number)
        return cls(terms, layout.columns, layout.curve, layout.quantiles, number)

    @property
    def names(self) -> list[str]:
        """The columns of the frames that `values` gives, foremost first."""
        return [f"t{number}" for number in range(len(self.terms))]

    def values(self, table: pa.Table) -> pl.DataFrame:
        """Return the values of the terms for each row.

        Raises:
            LayoutError: A column is of a type that has no order.
        """
        if not self.terms or not table.num_rows:
            return pl.DataFrame({name: [] for name in self.names})
        shown = ", ".join(f"{t} AS {n}" for t, n in zip(self.terms, self.names, strict=True))
        try:
            rows = self._with_number(table.select(list(self.columns)))
            found = _database().from_arrow(rows).project(shown).to_arrow_table()
            frame: Any = pl.from_arrow(found)
        except (duckdb.Error, pa.ArrowException, pl.exceptions.PolarsError) as error:
            reason = str(error).splitlines()[0]
            raise LayoutError(
                f"Rows cannot be ordered by {', '.join(self.columns)}: {reason}. Nothing was changed. "
                "Lay the dataset out by other columns."
            ) from error
        return pl.DataFrame(frame)

    def _with_number(self, table: pa.Table) -> pa.Table:
        """Return columns with each row's number on the curve beside them."""
        if self.curve is None:
            return table
        numbers = rows_along(self.curve, self.quantiles, table)
        return table.append_column(self.number, pa.array(numbers))

    def sorted_places(self, values: pl.DataFrame) -> pl.Series:
        """Return the numbers of the rows in the layout's order; equal rows keep theirs.

        **Cost:** one stable sort for each term, from the last on: by all at once Polars takes two to
        five times as long.
        """
        places = pl.int_range(values.height, eager=True)
        for name in reversed(self.names):
            term = values.select(pl.col(name).gather(places))
            order = pl.arg_sort_by(name, nulls_last=True, maintain_order=True)
            places = places.gather(term.select(order).to_series())
        return places


def is_ascending(values: pl.DataFrame) -> bool:
    """Return whether rows are ascending by the columns of a frame, NULL last."""
    if values.height < 2:  # noqa: PLR2004  one row is always in order
        return True
    equal: Flags = np.ones(values.height - 1, bool)
    for column in values.iter_columns():
        before, after = column.head(values.height - 1), column.tail(values.height - 1)
        falls = (before > after).fill_null(value=False) | (before.is_null() & after.is_not_null())
        if bool((falls.to_numpy() & equal).any()):
            return False
        equal &= before.eq_missing(after).to_numpy()
    return True


def _database() -> duckdb.DuckDBPyConnection:
    """Return this thread's database for expressions; times are those of UTC."""
    if not hasattr(_local, "database"):
        config: dict[str, Any] = {"threads": 1, "python_enable_replacements": False}
        _local.database = duckdb.connect(":memory:", config=config)
        _local.database.execute("SET TimeZone = 'UTC'")
    database: duckdb.DuckDBPyConnection = _local.database
    return database
