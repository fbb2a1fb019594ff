"""The answer to a query: a table in memory that can be had in every usual form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from polars import Config, DataFrame, from_arrow
from polars.exceptions import PanicException, PolarsError
from pyarrow import types as pt

from parquetry.errors import MissingDependencyError, ParquetryError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from parquetry.access.observing import QueryStats

SHOWN_ROWS = 20


class QueryResult:
    """What a query gave.

    It prints as a table, iterates over rows as tuples, and gives itself as a frame of any kind, as
    often as it is asked.

    **Guarantees:** the whole answer is in memory, so no later commit can touch it.

    Args:
        table: The answer.
        stats: What it cost.
    """

    def __init__(self, table: pa.Table, stats: QueryStats) -> None:
        self._table = table
        self._stats = stats
        self._rows: Iterator[tuple[Any, ...]] | None = None

    @property
    def stats(self) -> QueryStats:
        """What the query cost: seconds, files, and what of them was read if that was measured."""
        return self._stats

    @property
    def columns(self) -> list[str]:
        """The names of the columns; a name can occur twice, as the query wrote it."""
        return list(self._table.column_names)

    def arrow(self) -> pa.Table:
        """Return the answer as an Arrow table, without a copy."""
        return self._table

    def pl(self) -> DataFrame:
        """Return the answer as a Polars frame; a name that occurs twice gets a number."""
        try:
            return DataFrame(from_arrow(_named_apart(self._table)))
        except (
            PolarsError,
            PanicException,
            TypeError,
        ) as error:
            raise _unfit("a Polars frame", error) from error

    def df(self) -> Any:
        """Return the answer as a pandas frame.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            return self._table.to_pandas()
        except ImportError as error:
            raise MissingDependencyError.of("pandas", "pandas", "A pandas frame") from error
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise _unfit("a pandas frame", error) from error

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows as tuples of Python values; times are cut to microseconds."""
        return list(self)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, the first at first; None after the last."""
        if self._rows is None:
            self._rows = iter(self)
        return next(self._rows, None)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for batch in self._table.to_batches(max_chunksize=65_536):
            yield from zip(*map(_python_values, batch.columns), strict=True)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __repr__(self) -> str:
        shown = self._shown(str)
        return f"{shown}\n{self._summary()}"

    def _repr_html_(self) -> str:
        shown = self._shown(lambda frame: frame._repr_html_())
        return f"{shown}<small>{self._summary()}</small>"

    def _shown(self, render: Callable[[DataFrame], str]) -> str:
        head = QueryResult(self._table.slice(0, SHOWN_ROWS), self._stats)
        with Config(
            tbl_rows=SHOWN_ROWS, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True
        ):
            try:
                return render(head.pl())
            except ParquetryError:  # a type that Polars does not know still has rows to show
                return "\n".join(map(str, [tuple(self.columns), *head]))

    def _summary(self) -> str:
        stats = self._stats
        files = f"{stats.files} file{'' if stats.files == 1 else 's'}"
        rows = f"{len(self)} row{'' if len(self) == 1 else 's'}"
        more = f", {SHOWN_ROWS} shown" if len(self) > SHOWN_ROWS else ""
        return f"{rows}{more}; {files}, {stats.latency_seconds * 1000:.1f} ms"


def tidy(table: pa.Table, types: Sequence[str]) -> pa.Table:
    """Return an answer of DuckDB with sums of whole numbers as whole numbers.

    DuckDB sums in 128 bits, for which Arrow only has decimals; what fits becomes int64.
    """
    for place, kind in enumerate(types):
        if kind not in {"HUGEINT", "UHUGEINT"}:
            continue
        try:
            column = pc.cast(table.column(place), pa.int64())
        except pa.ArrowInvalid:
            continue
        table = table.set_column(place, pa.field(table.column_names[place], pa.int64()), column)
    return table


def _python_values(column: pa.Array) -> list[Any]:
    kind = column.type
    if pt.is_timestamp(kind) and kind.unit == "ns":
        column = pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    elif pt.is_time64(kind) and kind.unit == "ns":
        column = pc.cast(column, pa.time64("us"), safe=False)
    values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    return values


def _named_apart(table: pa.Table) -> pa.Table:
    names: list[str] = []
    for name in table.column_names:
        fresh, number = name, 0
        while fresh in names:
            number += 1
            fresh = f"{name}_{number}"
        names.append(fresh)
    return table.rename_columns(names)


def _unfit(form: str, error: BaseException) -> RequestError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return RequestError(
        f"The answer cannot be given as {form}: {reason}. It is still there as arrow(); or cast the "
        "column in the query, for example to VARCHAR."
    )
