"""`Store`: a folder of datasets, all of them as views, one connection."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parquetry.access.duck import Duck
from parquetry.access.html import html_table
from parquetry.access.observing import Watch
from parquetry.access.quoting import quote_identifier
from parquetry.commits.home import STATE_FOLDER
from parquetry.dataset import Dataset
from parquetry.errors import NotFoundError, ParquetryError, RequestError, UnknownColumnError
from parquetry.experiments.grid_table import read_grids
from parquetry.experiments.grids import GRIDS
from parquetry.experiments.naming import named_columns
from parquetry.experiments.sweeps.sweep import Sweep
from parquetry.experiments.views import KEYS, joined, parameter_columns, summary_views
from parquetry.storage.folders import find_stat, make_folders
from parquetry.storage.local import LocalStorage
from parquetry.tables.kept_tables import list_schemas
from parquetry.tables.latest import LATEST, latest_views
from parquetry.watching import find_watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from parquetry.access.observing import Observer, Router
    from parquetry.access.results import QueryResult
    from parquetry.access.source import Source
    from parquetry.storage.protocol import Storage
    from parquetry.tables.schema import TableSchema
    from parquetry.tuning.handle import Tuning

_EXPERIMENTS = ("events", "seeds")


def _naming_parameters(
    error: UnknownColumnError, tables: Mapping[str, pa.Table]
) -> UnknownColumnError:
    """Return the error with the parameters of the grids among the columns that there are."""
    if error.column is None or GRIDS not in tables:
        return error
    known = dict.fromkeys((*error.known, *tables[GRIDS].column_names))
    return UnknownColumnError.of(error.column, known, "the query's datasets and their parameters")


class Store:
    """A folder of datasets. Nothing to start, nothing to configure; the folder is made if absent.

    Args:
        path: The folder.
        create: Whether to make it if it is absent; otherwise that is a `NotFoundError`.
        storage: The disk; the local one if not given.
        observer: Is told of every question, in the place of the store's tuning.
        router: Is asked for other files for every question, in the place of the store's tuning.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        storage: Storage | None = None,
        observer: Observer | None = None,
        router: Router | None = None,
    ) -> None:
        is_own = observer is not None or router is not None
        self._own_watch = Watch(observer, router) if is_own else None
        self.path = os.path.realpath(os.fspath(path)).replace(os.sep, "/")
        self._storage = storage or LocalStorage()
        self._datasets: dict[str, Dataset] = {}
        if os.path.isdir(self.path):
            return
        if find_stat(self._storage, self.path) is not None:
            raise RequestError(
                f"{self.path} is a file; a store is a folder of datasets. Nothing was made. Name the "
                "folder.",
                path=self.path,
            )
        if not create:
            raise NotFoundError(
                f"There is no store at {self.path}: the folder does not exist. Check the path, or "
                "write something there first: `parquetry demo`, `parquetry convert`, or Store(path) "
                "in Python.",
                path=self.path,
            )
        make_folders(self._storage, self.path)

    def dataset(self, name: str) -> Dataset:
        """Return the handle of a dataset, whether it exists yet or not.

        Raises:
            RequestError: The name cannot be a folder of this store.
        """
        if not name or "/" in name or os.sep in name or name[0] in "._":
            raise RequestError(
                f"{name!r} cannot be a dataset: give one folder name without a slash and without a "
                "leading dot or underscore. Nothing was made."
            )
        if name not in self._datasets:
            self._datasets[name] = Dataset(
                f"{self.path}/{name}", storage=self._storage, watch=self._own_watch
            )
        return self._datasets[name]

    def create_dataset(
        self,
        name: str,
        schema: TableSchema,
        partition_by: Sequence[str] | None = None,
    ) -> Dataset:
        """Return a dataset of a table, made if it is not there; every row is held to the schema.

        Args:
            name: The dataset's name, which may be another than the table's.
            schema: The table.
            partition_by: The keys of its folders; what the schema recommends if left out.

        Raises:
            AlreadyExistsError: The dataset is there and is of another table, or of none.
            LayoutError: A key must not name folders, such as `step`.
            UnknownColumnError: A key is no column of the table.
            RequestError: The name cannot be a folder of this store.
        """
        return self.dataset(name).create(schema, partition_by)

    def schemas(self) -> list[TableSchema]:
        """Return the tables that datasets of this store are or were of, by name and version."""
        return list_schemas(f"{self.path}/{STATE_FOLDER}/schemas", self._storage)

    def datasets(self) -> list[str]:
        """Return the names of the datasets that are here, sorted."""
        entries = self._storage.list_folder(self.path)
        return sorted(
            name
            for name, kind in entries
            if kind in {"folder", "link"} and name[0] not in "._" and name != GRIDS
            if os.path.isdir(f"{self.path}/{name}")
        )

    def grids(self, only: Sequence[str] | None = None) -> pa.Table:
        """Return the parameters of all grids, or of some, one row each."""
        return read_grids(self.path, self._storage, only)

    def sweep(self, name: str = "sweep") -> Sweep:
        """Return a sweep of this store: what there is to run, what is done, who runs what."""
        return Sweep(self.path, name, storage=self._storage)

    def views(self) -> dict[str, str]:
        """Return the SQL of the views that the present datasets allow, by name."""
        names = self.datasets()
        return summary_views(self._experiment_schemas(names)) | self._latest(names)

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        read_only: bool = False,
        profile: bool = False,
    ) -> QueryResult:
        """Return the answer to a query over the datasets and views, as they are now.

        Where there are experiments, `events` and `seeds` have the parameters of their grids as
        columns, `grids` has them alone, and the views of `views` are there. Where a dataset holds
        interpretations, `<name>_latest` has those of the latest analysis.

        **Guarantees:** each dataset is read as it was at one moment; a query that meets a file which a
        commit has just retired is asked anew.

        **Cost:** only folders that the query can concern are listed; parameters are joined only if
        the query names one, or says `*`. The answer is held in memory. Where tuning is switched on, the
        query is logged, and rerouted if that is faster; otherwise that costs one `stat`.

        Args:
            query: Any SQL of DuckDB.
            parameters: Values for `?` or `$name`.
            read_only: Whether only SELECT and EXPLAIN are allowed.
            profile: Whether to measure the row groups and bytes that were read.

        Raises:
            RequestError: The query cannot be run as it is.
            UnknownColumnError: It names a column that no dataset of it has.
            NotFoundError: It names a dataset that does not exist or has no data yet.
            CorruptionError: A file cannot be read.
        """
        watch = self._own_watch or find_watch(self.path)
        names = self.datasets()
        sources = {name: self.dataset(name).source for name in names}
        views, tables = self._experiments(query, names, sources)
        if LATEST in query.lower():
            views |= self._latest(names)
        try:
            return self._duck.run(
                query,
                sources,
                parameters,
                views=views,
                tables=tables,
                read_only=read_only,
                profile=profile or watch.measures(),
                observer=watch.observer,
                router=watch.router,
            )
        except UnknownColumnError as error:
            raise _naming_parameters(error, tables) from error

    @cached_property
    def tuning(self) -> Tuning:
        """The tuning of this store: `status()`, `optimize()`, `off()` and the rest of it."""
        from parquetry.tuning.handle import Tuning

        return Tuning(self)

    def tune(
        self,
        tables: Sequence[str] | None = None,
        *,
        watch: bool = False,
        metadata_db: str | None = None,
        interval_seconds: float = 60.0,
        **settings: Any,
    ) -> Tuning:
        """Let this store tune itself: observe its questions from now on, and lay it out to fit them.

        Every process that opens the store is observed, until `store.tuning.off()`. One round of the loop
        is gone through at once, for datasets that were asked something already.

        **Guarantees:** answers never change, and the datasets are whole whatever happens.

        **Cost:** at most 0.3 ms or 2 % a question. A round reads footers and a sample, and rewrites a
        dataset when that would have paid already.

        Args:
            tables: The datasets; all of them if left out.
            watch: Whether to go on with rounds, in a thread of this process.
            metadata_db: Where what is learnt is kept: the path of an SQLite file or the URL of a
                PostgreSQL database; a file in the store if left out.
            interval_seconds: The time between two rounds.
            settings: Settings of `parquetry.tuning.Config`, such as `exploration_rate=0.1`.

        Raises:
            ParameterError: A setting has a value that is not accepted.
            NotFoundError: There is no such dataset.
            StorageError: The store or the database cannot be written.
        """
        from parquetry.tuning.switching import METADATA_FILE, Switch, switch_on

        for name in tables or ():
            Dataset.open(f"{self.path}/{name}")
        chosen = None if tables is None else tuple(tables)
        place = metadata_db or METADATA_FILE
        if metadata_db is not None and "://" not in metadata_db:
            place = os.path.abspath(metadata_db)
        switch_on(self.path, Switch(place, chosen, settings))
        if metadata_db is not None:
            self.tuning.metadata.close()  # whether it can be used is said now
        self.tuning.run_once()
        if watch:
            self.tuning.watch(interval_seconds)
        return self.tuning

    @cached_property
    def _duck(self) -> Duck:
        return Duck()

    def _experiments(
        self, query: str, names: Sequence[str], sources: dict[str, Source]
    ) -> tuple[dict[str, str], dict[str, pa.Table]]:
        """Return the views and tables of experiments; a dataset that needs parameters gets a view."""
        if not self._storage_has_grids():
            return {}, {}
        schemas = self._experiment_schemas(names)
        views = summary_views(schemas)
        if not any(name in query.lower() for name in (*schemas, *views, GRIDS)):
            return views, {}
        named = named_columns(query)
        if named is not None and named <= KEYS.union(map(str.lower, names)):
            return {}, {}  # it needs neither parameters nor views
        grids = self.grids()
        needs_parameters = named is None or bool(named & parameter_columns(grids.schema))
        for name, schema in schemas.items():
            if name in query.lower() and needs_parameters:
                rows = f"rows of {name}"
                sources[rows] = sources.pop(name)
                views[name] = joined(quote_identifier(rows), schema, grids.schema)
        return views, {GRIDS: grids}

    def _experiment_schemas(self, names: Sequence[str]) -> dict[str, pa.Schema]:
        schemas = {name: self.dataset(name).schema for name in _EXPERIMENTS if name in names}
        return {name: schema for name, schema in schemas.items() if "grid_id" in schema.names}

    def _latest(self, names: Sequence[str]) -> dict[str, str]:
        return latest_views({name: self.dataset(name).table for name in names})

    def _storage_has_grids(self) -> bool:
        return os.path.isdir(f"{self.path}/{GRIDS}")

    def __repr__(self) -> str:
        try:
            held = ", ".join(self.datasets()) or "nothing written yet"
        except ParquetryError:  # a look at the handle must not fail
            held = "cannot be listed"
        return f"Store({self.path!r}: {held})"

    def _repr_html_(self) -> str:
        try:
            rows = [(name, repr(self.dataset(name))) for name in self.datasets()]
        except ParquetryError:
            rows = []
        return html_table(repr(self), ("dataset", "what is there"), rows)

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return (Store, (self.path,))
