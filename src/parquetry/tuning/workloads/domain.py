"""What values a table holds, as far as the literals of a workload need it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyarrow import types as pt

from parquetry.access.duck import Duck
from parquetry.access.quoting import quote_identifier, quote_text
from parquetry.errors import NotFoundError, UnknownColumnError, did_you_mean

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from parquetry.store import Store

_FREQUENT = 40
_SAMPLE_ROWS = 50_000
_TAIL = 0.001  # of the values at either end, which are often mistakes


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, where nearly all values lie, and values by how frequent they are."""

    name: str
    kind: str
    low: Any
    high: Any
    frequent: tuple[Any, ...]
    distinct: int

    @property
    def sql(self) -> str:
        """The column's name in SQL."""
        return quote_identifier(self.name)

    def pick(self, rng: random.Random) -> str:
        """Return one of the values as SQL, frequent ones more often."""
        rank = int(len(self.frequent) * rng.random() ** 2)
        return literal(self.frequent[rank])

    def window(self, rng: random.Random, share: float) -> tuple[str, str]:
        """Return the ends of a range that covers a share of the whole, recent ones more often."""
        where = 1 - rng.random() ** 2  # towards the high end
        if self.kind == "number":
            begin, end = float(self.low), float(self.high)
            low = begin + (end - begin) * (1 - share) * where
            high = low + (end - begin) * share
            is_whole = isinstance(self.low, int)
            return (str(int(low)), str(int(high))) if is_whole else (f"{low:.6g}", f"{high:.6g}")
        span = self.high - self.low
        low = self.low + span * ((1 - share) * where)
        high = low + max(span * share, dt.timedelta(days=1) if self.kind == "day" else span * share)
        if self.kind == "time":
            low, high = low.replace(microsecond=0), high.replace(microsecond=0)
        return literal(low), literal(high)


@dataclass(frozen=True, slots=True)
class Domain:
    """The values of a table.

    Args:
        table: Its name, quoted.
        columns: What is known of the columns that were looked at.
        others: The datasets beside it.
    """

    table: str
    columns: Mapping[str, Column]
    others: frozenset[str]

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


def read_domain(store: Store, table: str, columns: Sequence[str] | None = None) -> Domain:
    """Return what values a table holds; nobody observes that it was asked.

    **Cost:** one pass over each of the columns, of which 50,000 values are looked at.

    Args:
        store: The store.
        table: The dataset.
        columns: Which columns; all that can be filtered if left out.

    Raises:
        NotFoundError: There is no such dataset, or it has no rows.
        UnknownColumnError: It lacks one of the columns.
    """
    schema = table_schema(store, table)
    for name in columns or ():
        if name not in schema.names:
            raise UnknownColumnError.of(name, schema.names, f"{table} (a workload needs it)")
    wanted = [f for f in schema if (columns is None or f.name in columns) and kind_of(f.type)]
    found = {field.name: column for field in wanted if (column := _read(store, table, field))}
    if not found:
        raise NotFoundError(
            f"The dataset {table!r} holds no values that could be asked for. Nothing was run.",
            path=store.dataset(table).path,
        )
    return Domain(quote_identifier(table), found, frozenset(store.datasets()) - {table})


def table_schema(store: Store, table: str) -> pa.Schema:
    """Return the columns of a dataset that has files.

    Raises:
        NotFoundError: There is none.
    """
    names = store.datasets()
    if table not in names or not store.dataset(table).files():
        what = f"They are: {', '.join(names)}." if names else "There are none yet."
        raise NotFoundError(
            f"There is no dataset {table!r} in {store.path}.{did_you_mean(table, names)} {what} Make "
            "one with `parquetry generate` or `parquetry load-dataset`, or set DATA_DIR to where it is.",
            path=f"{store.path}/{table}",
        )
    return store.dataset(table).schema


def kind_of(kind: pa.DataType) -> str:
    """Return what sort of filter a type takes: time, day, number or word; empty for none."""
    if pt.is_timestamp(kind):
        return "time"
    if pt.is_date(kind):
        return "day"
    if pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind):
        return "number"
    return "word" if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_boolean(kind) else ""


def _read(store: Store, table: str, field: pa.Field) -> Column | None:
    name = quote_identifier(field.name)
    source = {table: store.dataset(table).source}
    duck = Duck()
    valid = f"{name} IS NOT NULL" + (
        f" AND NOT isnan({name})" if pt.is_floating(field.type) else ""
    )
    sample = (
        f"(SELECT {name} FROM {quote_identifier(table)} WHERE {valid} "
        f"USING SAMPLE reservoir({_SAMPLE_ROWS} ROWS) REPEATABLE (7))"
    )
    bounds = duck.run(
        f"SELECT quantile_disc({name}, {_TAIL}), quantile_disc({name}, {1 - _TAIL}), "
        f"approx_count_distinct({name}) FROM {sample}",
        source,
    ).fetchall()[0]
    if bounds[0] is None:
        return None
    frequent = duck.run(
        f"SELECT {name}, count(*) FROM {sample} "
        f"GROUP BY 1 ORDER BY 2 DESC, hash({name}) LIMIT {_FREQUENT}",
        source,
    ).fetchall()
    kind = kind_of(field.type)
    values = tuple(row[0] for row in frequent)
    return Column(field.name, kind, bounds[0], bounds[1], values, int(bounds[2]))


def literal(value: Any) -> str:
    """Return a value as SQL."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | dt.date | dt.datetime):
        return quote_text(str(value))
    return str(value)
