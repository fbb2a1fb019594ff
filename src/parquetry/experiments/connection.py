"""A plain DuckDB connection on a store, for those who want nothing between themselves and the engine."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import duckdb
import polars as pl

from parquetry.access.duck_types import duck_type
from parquetry.access.engine_errors import Circumstances, translate_duck
from parquetry.access.quoting import glob_literal, quote_identifier, quote_text
from parquetry.access.source import Source
from parquetry.commits.home import Home
from parquetry.errors import NotFoundError
from parquetry.experiments.grid_table import read_grids
from parquetry.experiments.read_only import ReadOnlyConnection
from parquetry.experiments.views import joined, summary_views
from parquetry.storage.folders import find_stat
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    import pyarrow as pa

Connection: TypeAlias = duckdb.DuckDBPyConnection | ReadOnlyConnection
_DATASETS = ("events", "seeds")


@overload
def create_connection_and_views(
    base_out: str | os.PathLike[str], *, read_only: Literal[False] = False
) -> duckdb.DuckDBPyConnection: ...


@overload
def create_connection_and_views(
    base_out: str | os.PathLike[str], *, read_only: Literal[True]
) -> ReadOnlyConnection: ...


def create_connection_and_views(
    base_out: str | os.PathLike[str], *, read_only: bool = False
) -> Connection:
    """Return a DuckDB connection with the views of a store of experiments.

    The views are `events` and `seeds` (with the parameters of their grids as columns), `grids`,
    `events_summary`, `seeds_summary`, `seeds_from_events` and `status`, as far as there is data. They
    read the folder anew at every query. Which columns there are is settled now: open a new connection
    for parameters or columns that appear later. `Store.sql` has neither this limit nor the cost below.

    **Cost:** nothing is loaded; every query lists all files of its datasets.

    Args:
        base_out: The store's folder.
        read_only: Whether to refuse everything but SELECT and EXPLAIN, `COPY … TO` a file as well.

    Raises:
        NotFoundError: There is no such store, or nothing in it.
    """
    store = os.path.realpath(os.fspath(base_out)).replace(os.sep, "/")
    found = {name: _find_source(store, name) for name in _DATASETS}
    sources = {name: source for name, source in found.items() if source is not None}
    schemas = {name: source.schema() for name, source in sources.items()}
    if not schemas:
        find_stat(LocalStorage(), store)  # says so if it may not be looked at
        raise NotFoundError(
            f"There are no experiments in {store}: neither events/ nor seeds/ holds data. "
            "Check the path, or write runs with write_event_rows or `parquetry convert`.",
            path=store,
        )
    connection = duckdb.connect()
    grids = read_grids(store, LocalStorage())
    connection.register("of the store", grids)
    connection.execute('create table grids as from "of the store"')  # cursors have it as well
    connection.unregister("of the store")
    for name, schema in schemas.items():
        rows = f"({_glob_select(f'{store}/{name}', schema, sources[name].keys())})"
        connection.execute(f"create view {name} as {joined(rows, schema, grids.schema)}")
    for name, sql in summary_views(schemas).items():
        connection.execute(f"create view {quote_identifier(name)} as {sql}")
    return ReadOnlyConnection(connection) if read_only else connection


def query_seeds(
    connection: Connection,
    where: str = "",
    limit: int | None = None,
    *,
    filters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """Return seed summaries as a Polars frame; where no seeds were written, computed from events.

    Args:
        connection: One of `create_connection_and_views`.
        where: SQL that the rows must satisfy. It is run as it is: do not build it from what strangers
            typed; use `filters` for values.
        limit: How many rows at most.
        filters: Columns and the value, or the values, that they must have; bound, never SQL. None
            means NULL.
    """
    view = "seeds" if "seeds" in _views(connection) else "seeds_from_events"
    return _query(connection, view, where, limit, filters)


def query_events(
    connection: Connection,
    where: str = "",
    limit: int | None = None,
    *,
    filters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """Return events as a Polars frame; the arguments are those of `query_seeds`."""
    return _query(connection, "events", where, limit, filters)


def _views(connection: Connection) -> list[str]:
    found = connection.execute("select view_name from duckdb_views() where not internal").fetchall()
    return sorted(name for (name,) in found)


def _query(
    connection: Connection,
    view: str,
    where: str,
    limit: int | None,
    filters: Mapping[str, Any] | None,
) -> pl.DataFrame:
    conditions, values = [f"({where})"] if where else [], []
    for column, wanted in (filters or {}).items():
        several = isinstance(wanted, Collection) and not isinstance(wanted, (str, bytes))
        chosen = list(wanted) if several else [wanted]
        conditions.append(_is_among(quote_identifier(column), chosen))
        values += [value for value in chosen if value is not None]
    sql = f"select * from {view}"
    if conditions:
        sql += f" where {' and '.join(conditions)}"
    if limit is not None:
        sql += f" limit {int(limit)}"
    try:
        return pl.DataFrame(connection.sql(sql, params=values).to_arrow_table())
    except duckdb.Error as error:
        columns = (
            connection.execute(f"describe {view}").fetchall() if view in _views(connection) else []
        )
        known = {view: [name for name, *_ in columns]} if columns else {}
        raise translate_duck(error, Circumstances(_views(connection), known)) from error


def _is_among(column: str, wanted: Sequence[Any]) -> str:
    """Return the condition that a column has one of some values, which are bound; NULL is one."""
    marks = ", ".join("?" for value in wanted if value is not None)
    terms = [f"{column} in ({marks})"] if marks else []
    terms += [f"{column} is null"] if None in wanted else []
    return f"({' or '.join(terms)})" if terms else f"({column} is null and {column} is not null)"


def _find_source(store: str, name: str) -> Source | None:
    source = Source(Home.of(f"{store}/{name}"), LocalStorage())
    return source if os.path.isdir(f"{store}/{name}") and source.files() else None


def _glob_select(root: str, schema: pa.Schema, keys: Mapping[str, pa.DataType]) -> str:
    """The types of the keys are given: DuckDB takes them from the folders, and would guess there."""
    columns = ", ".join(quote_identifier(name) for name in schema.names)
    glob = quote_text(f"{glob_literal(root)}/**/*.parquet")
    types = ", ".join(f"{quote_text(key)}: {duck_type(kind)}" for key, kind in keys.items())
    hive = f"true, hive_types={{{types}}}, hive_types_autocast=false" if keys else "false"
    options = f"hive_partitioning={hive}, union_by_name=true, can_have_nan=true"
    return f"select {columns} from read_parquet({glob}, {options})"
