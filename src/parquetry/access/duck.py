"""SQL over datasets: one DuckDB database in memory, a cursor a query, the user's SQL as it is."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from parquetry.access.duck_views import create_view
from parquetry.access.engine_errors import (
    Circumstances,
    is_gone,
    is_interruption,
    is_of_files,
    translate_duck,
    unknown_column,
    unknown_table,
)
from parquetry.access.holding import held_listing
from parquetry.access.observing import DatasetRead, Observation, Question
from parquetry.access.profiles import measure, read_profile
from parquetry.access.quoting import quote_identifier
from parquetry.access.reading_only import check_reads_only
from parquetry.access.rerouting import Detour, find_detour
from parquetry.access.results import QueryResult, tidy
from parquetry.access.sql_query import parameter_values, understand
from parquetry.errors import ParameterError, RequestError
from parquetry.model.layouts import INITIAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.access.conditions import Demand
    from parquetry.access.listing import Listing
    from parquetry.access.observing import Observer, QueryStats, Router
    from parquetry.access.profiles import Profile
    from parquetry.access.source import Source
    from parquetry.access.sql_query import Query

_ATTEMPTS = 6  # of finding all files while others keep replacing them
_UNHELD_ATTEMPTS = 2  # after which the files are held, so that nobody can take them away
_CONFIG = {
    # Measured on 10,000 small files: DuckDB's own threads for reading and its cache of files cost
    # more than they bring where files are local; without them a whole-table query takes two
    # thirds of the time, and large files are read as fast.
    "async_threads": 0,
    "enable_external_file_cache": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,  # a misspelt dataset must not become a local variable
}


@dataclass(slots=True)
class _Run:
    """One query on its way to an answer."""

    sql: str
    sources: Mapping[str, Source]
    views: Mapping[str, str]
    tables: Mapping[str, pa.Table]
    parameters: Sequence[Any] | Mapping[str, Any] | None
    router: Router | None
    query: Query
    extra: set[str] = field(default_factory=set)  # tables that only DuckDB found in the query
    needs_all: bool = False  # a column is looked for that pruned listings do not show
    listings: dict[str, Listing] = field(default_factory=dict)
    demands: dict[str, list[list[Demand]]] = field(default_factory=dict)
    detours: dict[str, Detour] = field(default_factory=dict)
    holds: ExitStack | None = None  # what keeps the files of this attempt, if anything


class Duck:
    """A DuckDB database in memory through which datasets are queried.

    Threads may share it: every query has a cursor of its own. What a query creates other than
    temporary things is there for the next one.

    Args:
        profile: Whether every query measures what it read, which takes about 0.2 ms.
        threads: How many threads DuckDB uses; as many as there are cores if left out.
    """

    def __init__(self, *, profile: bool = False, threads: int | None = None) -> None:
        config: dict[str, Any] = dict(_CONFIG)
        if threads is not None:
            config["threads"] = threads
        self._database = duckdb.connect(":memory:", config=config)
        self._profile = profile

    def close(self) -> None:
        """Let the database go; answers stay."""
        self._database.close()

    def run(
        self,
        sql: str,
        sources: Mapping[str, Source],
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        views: Mapping[str, str] | None = None,
        tables: Mapping[str, pa.Table] | None = None,
        read_only: bool = False,
        profile: bool | None = None,
        observer: Observer | None = None,
        router: Router | None = None,
    ) -> QueryResult:
        """Return the answer to a query over datasets as they are now.

        **Guarantees:** each dataset is read as it was at one moment; a query that meets a file which
        a commit has just retired is asked anew. Which partitions are looked at never changes the
        answer.

        **Cost:** only folders that the query can concern are listed, as far as its conditions on
        partition keys are understood. The answer is held in memory.

        Args:
            sql: Any SQL of DuckDB, over the names of the sources and views.
            sources: The datasets by name. One that the query does not name is not touched.
            parameters: Values for `?` or `$name`.
            views: Queries that can be used like tables, by name; they may use each other.
            tables: Small tables in memory that the query and the views may name.
            read_only: Whether only SELECT and EXPLAIN are allowed.
            profile: Whether to measure row groups and bytes; as the database does if left out.
            observer: Is told of the query when it is answered.
            router: Is asked for other files for each dataset.

        Raises:
            RequestError: The query cannot be run as it is.
            UnknownColumnError: It names a column that no dataset of it has.
            NotFoundError: It names a dataset that does not exist or has no data yet.
            CorruptionError: A file cannot be read.
        """
        start = time.perf_counter()
        run = _begin(sql, sources, views or {}, tables or {}, parameters, router)
        is_measured = self._profile or observer is not None if profile is None else profile
        if read_only:
            check_reads_only(sql)
        table, profiled = self._persist(run, is_measured=is_measured)
        stats = measure(time.perf_counter() - start, table.num_rows, run.listings, profiled)
        if observer is not None:
            observer.observed(_observation(run, stats, profiled))
        return QueryResult(table, stats)

    def _persist(self, run: _Run, *, is_measured: bool) -> tuple[pa.Table, Profile | None]:
        """Return the answer, from a fresh look at the datasets as often as that helps."""
        attempt = 1
        while True:
            with ExitStack() as holds, closing(self._cursor()) as cursor:
                run.holds = holds if attempt > _UNHELD_ATTEMPTS else None
                try:
                    table = _answer(cursor, run, is_measured=is_measured)
                    return table, read_profile(cursor) if is_measured else None
                except duckdb.Error as error:
                    if attempt == _ATTEMPTS or not _can_try_again(error, run):
                        raise translate_duck(error, _circumstances(run)) from error
            attempt += 1

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        try:
            return self._database.cursor()
        except duckdb.ConnectionException as error:
            raise RequestError("This database was closed; open another one to ask.") from error


def _begin(
    sql: str,
    sources: Mapping[str, Source],
    views: Mapping[str, str],
    tables: Mapping[str, pa.Table],
    parameters: Sequence[Any] | Mapping[str, Any] | None,
    router: Router | None,
) -> _Run:
    twice = {name.lower() for name in sources} & {name.lower() for name in views}
    if twice:
        raise ParameterError(
            f"The name {min(twice)!r} is a dataset and a view. Nothing was run. Rename the view."
        )
    query = understand(sql, views, list(sources))
    return _Run(sql, sources, views, tables, parameters, router, query)


def _answer(cursor: duckdb.DuckDBPyConnection, run: _Run, *, is_measured: bool) -> pa.Table:
    """Return the answer, with fresh listings of what the query names."""
    run.listings.clear()
    run.detours.clear()
    for number, name in enumerate(_named_sources(run)):
        run.listings[name] = _list(name, run)
        create_view(cursor, name, run.listings[name], number)
    for name, table in run.tables.items():
        cursor.register(name, table)
    for name in run.query.views:
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quote_identifier(name)} AS {run.views[name]}")
    if is_measured:
        cursor.execute("SET enable_profiling = 'no_output'")
    relation: Any = cursor.sql(run.sql, params=run.parameters)
    if relation is None:  # not every statement has an answer
        return pa.table({})
    return tidy(_all_rows(relation), list(map(str, relation.types)))


def _all_rows(relation: Any) -> pa.Table:
    try:
        return relation.to_arrow_table()
    except RuntimeError as error:
        if not is_interruption(error):
            raise
        raise KeyboardInterrupt from error


def _named_sources(run: _Run) -> list[str]:
    """Return the datasets that the query names; SQL's names have no case."""
    wanted = {reference.table for reference in run.query.references} | run.extra
    folded = {name.lower() for name in wanted}
    return [name for name in run.sources if name in wanted or name.lower() in folded]


def _list(name: str, run: _Run) -> Listing:
    source = run.sources[name]
    demands = run.query.demands(name, parameter_values(run.parameters))
    run.demands[name] = demands
    is_open = run.router is not None and not run.needs_all  # own files alone tell all columns
    found = find_detour(run.router, _question(name, run)) if is_open else None
    if found is not None:
        run.detours[name], listing = found
        return listing
    is_prunable = not run.needs_all and name not in run.extra and all(demands)
    references = demands if is_prunable else None
    if run.holds is None:
        return source.listing(references)
    return run.holds.enter_context(held_listing(source, references))


def _question(name: str, run: _Run) -> Question:
    return Question(
        source=run.sources[name],
        text=run.sql,
        demands=tuple(map(tuple, run.demands[name])),
        tables=tuple(run.sources[name].home.name for name in _named_sources(run)),
    )


def _can_try_again(error: duckdb.Error, run: _Run) -> bool:
    """Return whether a fresh look at the datasets can help, and say where to look."""
    if run.detours and is_of_files(error):
        _give_up_detours(run)
        return True
    table, column = unknown_table(error), unknown_column(error)
    if table is not None:
        missed = {name for name in run.sources if name.lower() == table.lower()}
        missed -= {name for name in run.listings if name in missed}
        run.extra |= missed
        return bool(missed)
    if column is not None:
        had_all = run.needs_all or all(one.is_whole for one in run.listings.values())
        run.needs_all = True
        return not had_all
    return is_gone(error) and bool(run.listings)


def _give_up_detours(run: _Run) -> None:
    for detour in run.detours.values():
        detour.give_up()
    run.router = None


def _circumstances(run: _Run) -> Circumstances:
    return Circumstances(
        tables=[*run.sources, *run.tables, *run.views],
        columns={name: listing.columns.names for name, listing in run.listings.items()},
        files=[listing.files for listing in run.listings.values()],
    )


def _observation(run: _Run, stats: QueryStats, profile: Profile | None) -> Observation:
    reads = tuple(_read(run, name, profile) for name in run.listings)
    return Observation("sql", run.sql, reads, stats, run.parameters)


def _read(run: _Run, name: str, profile: Profile | None) -> DatasetRead:
    listing, detour = run.listings[name], run.detours.get(name)
    scanned = profile.of(listing.files) if profile is not None else None
    return DatasetRead(
        name=run.sources[name].home.name,
        files=len(listing.files),
        files_total=len(listing.files) if listing.is_whole else None,
        demands=tuple(map(tuple, run.demands[name])),
        layout=detour.route.layout if detour else INITIAL,
        is_exploration=detour.route.is_exploration if detour else False,
        reason=detour.route.reason if detour else "",
        predicted_seconds=detour.route.predicted_seconds if detour else None,
        row_groups_read=scanned.row_groups_read if scanned else None,
        row_groups_total=scanned.row_groups_total if scanned else None,
        rows=scanned.rows if scanned else None,
    )
