"""`Dataset`: the handle of one folder of Parquet files. Every method is one line to its floor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Unpack

from parquetry.access.html import html_table
from parquetry.access.past import PastSource
from parquetry.access.polars_scan import scan
from parquetry.access.source import Source
from parquetry.commits.checking import check
from parquetry.commits.history import kept_files_at, read_history
from parquetry.commits.home import STATE_FOLDER, Home
from parquetry.commits.kept_schema import KeptSchema
from parquetry.commits.pinning import pin
from parquetry.commits.restoring import plan_restore, restore
from parquetry.commits.snapshots import take_snapshot
from parquetry.commits.vacuuming import plan_vacuum, vacuum
from parquetry.errors import NotFoundError, ParquetryError, RequestError
from parquetry.files.footers import count_rows
from parquetry.model.wording import count_text
from parquetry.operations.carrying_out import carry_out
from parquetry.operations.compacting import compact, plan_compact
from parquetry.operations.deleting import delete, plan_delete
from parquetry.operations.repartition_plan import plan_repartition
from parquetry.operations.repartitioning import repartition
from parquetry.operations.update_plan import plan_update
from parquetry.operations.updating import update
from parquetry.operations.upsert_plan import plan_upsert
from parquetry.operations.upserting import upsert
from parquetry.storage.folders import find_stat
from parquetry.storage.local import LocalStorage
from parquetry.tables.appending import append_rows
from parquetry.tables.changing import find_row_guard
from parquetry.tables.creating import check_layout, create_table, evolve_table
from parquetry.tables.kept_tables import find_table
from parquetry.watching import find_watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import polars as pl
    import pyarrow as pa

    from parquetry.access.observing import Watch
    from parquetry.commits.checking import CheckReport
    from parquetry.commits.pinning import Pin
    from parquetry.commits.restoring import RestorePlan
    from parquetry.commits.vacuuming import Keep, VacuumPlan, VacuumReport
    from parquetry.model.changes import Snapshot
    from parquetry.model.frames import Rows
    from parquetry.model.records import CommitRecord
    from parquetry.operations.compacting import CompactPlan
    from parquetry.operations.deleting import DeletePlan
    from parquetry.operations.options import (
        ChangeOptions,
        CompactOptions,
        RepartitionOptions,
        UpsertChangeOptions,
        UpsertOptions,
    )
    from parquetry.operations.plans import OperationResult, Plan
    from parquetry.operations.repartition_plan import RepartitionPlan
    from parquetry.operations.reshaped import ReshapingResult
    from parquetry.operations.update_plan import UpdatePlan
    from parquetry.operations.upsert_plan import UpsertPlan
    from parquetry.storage.protocol import Storage
    from parquetry.tables.appending import OnInvalid
    from parquetry.tables.schema import TableSchema


class PastDataset:
    """A dataset as it was right after a commit; it can only be read.

    Args:
        version: The commit.
        source: Its files.
    """

    def __init__(self, version: int, source: Source) -> None:
        self.version = version
        self.source = source

    def files(self) -> list[str]:
        """Return the absolute paths of its files; those of the past stand in the history."""
        return self.source.files()

    def scan(self) -> pl.LazyFrame:
        """Return a lazy frame of all rows as they were."""
        return scan(self.source)

    def count(self) -> int:
        """Return the number of rows; only footers are read."""
        return sum(count_rows(path) for path in self.files())

    def __repr__(self) -> str:
        return f"PastDataset(version {self.version}: {len(self.files()):,} files)"


class Dataset:
    """A folder of Parquet files, ours or not, with everything that can be done to it.

    Opening costs nothing and reads nothing; every call sees the folder as it is then. The handle can be
    pickled and shared between threads.

    Args:
        path: The folder. What is kept about it (log, history, staging) stands beside it, in
            `.parquetry/` of the folder above.
        storage: The disk; the local one if not given.
        watch: Who watches and reroutes scans, other than the tuning of its store.

    Raises:
        RequestError: A file stands there.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        storage: Storage | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._storage = storage or LocalStorage()
        self._watch = watch
        self._home = Home.of(path)
        if os.path.isfile(self._home.root):
            raise RequestError(
                f"{self._home.root} is a file; a dataset is a folder of Parquet files. Nothing was "
                "changed. Move the file into a folder of its own, and name that.",
                path=self._home.root,
            )
        self._source = Source(self._home, self._storage)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, storage: Storage | None = None) -> Dataset:
        """Return the handle of a dataset that exists.

        Raises:
            NotFoundError: The folder does not exist.
            RequestError: It is a store, which holds datasets, or a file.
            StorageError: It may not be looked at.
        """
        if os.path.isdir(os.path.join(path, STATE_FOLDER, "datasets")):
            raise RequestError(
                f"{os.fspath(path)} is a store, not a dataset. Nothing was changed. Name one of the "
                f"datasets in it; `parquetry info {os.fspath(path)}` lists them.",
                path=os.fspath(path),
            )
        found = find_stat(storage or LocalStorage(), os.path.realpath(path))
        if found is None:
            raise NotFoundError(
                f"There is no dataset at {os.fspath(path)}: no folder stands there. Check the path; "
                "`parquetry info STORE` lists the datasets of a store.",
                path=os.fspath(path),
            )
        return cls(path, storage=storage)

    @property
    def name(self) -> str:
        """The name of the folder, which SQL knows the dataset by."""
        return self._home.name

    @property
    def path(self) -> str:
        """The absolute path of the folder."""
        return self._home.root

    @property
    def source(self) -> Source:
        """The dataset as it is read; for those who extend parquetry."""
        return self._source

    @property
    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return os.path.isdir(self._home.root)

    @property
    def schema(self) -> pa.Schema:
        """All columns, the union over all files and all that was ever written, as an Arrow schema."""
        return self._source.schema()

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The keys that the folders are named by."""
        return tuple(self._source.keys())

    @property
    def table(self) -> TableSchema | None:
        """The schema that every row is held to, or None if the dataset is of no table."""
        return find_table(self._home, self._storage)

    def create(self, schema: TableSchema, partition_by: Sequence[str] | None = None) -> Dataset:
        """Make this a dataset of a table, empty, unless it is one; see `tables.creating`."""
        create_table(self._home, self._storage, schema, partition_by)
        return self

    def evolve(self, schema: TableSchema) -> Dataset:
        """Go on to a later MINOR version of this dataset's table; see `tables.creating.evolve_table`."""
        evolve_table(self._home, self._storage, schema)
        return self

    def append(
        self,
        rows: Rows,
        *,
        partition_by: Sequence[str] | None = None,
        on_invalid: OnInvalid = "error",
    ) -> CommitRecord:
        """Add rows in one commit; see `tables.appending.append_rows` for guarantees and costs.

        Args:
            rows: Dicts, a Polars, pandas or Arrow table, or an iterator of batches.
            partition_by: The keys of a new dataset; an existing one keeps its own.
            on_invalid: What to do if a row is none of the dataset's table: refuse all, or put the bad
                ones into the dataset `<name>_quarantine`.
        """
        return append_rows(self._source, rows, self._known(), partition_by, on_invalid)

    def plan_delete(
        self, predicate: pl.Expr | bool, partition_filter: Mapping[str, Any] | None = None
    ) -> DeletePlan:
        """Return what `delete` would do: a value that can be printed; nothing is written."""
        return plan_delete(self._home, self._storage, self._source, predicate, partition_filter)

    def delete(
        self,
        predicate: pl.Expr | bool,
        partition_filter: Mapping[str, Any] | None = None,
        **options: Unpack[ChangeOptions],
    ) -> OperationResult:
        """Remove the rows of which a predicate is true; see `operations.deleting.delete`."""
        return delete(
            self._home, self._storage, self._source, predicate, partition_filter, **options
        )

    def plan_update(
        self,
        predicate: pl.Expr | bool,
        updates: Mapping[str, Any],
        partition_filter: Mapping[str, Any] | None = None,
    ) -> UpdatePlan:
        """Return what `update` would do; nothing is written."""
        return plan_update(
            self._home,
            self._storage,
            self._source,
            predicate,
            updates,
            partition_filter,
            guard=find_row_guard(self._source),
        )

    def update(
        self,
        predicate: pl.Expr | bool,
        updates: Mapping[str, Any],
        partition_filter: Mapping[str, Any] | None = None,
        **options: Unpack[ChangeOptions],
    ) -> OperationResult:
        """Set columns where a predicate is true, to values or expressions; see `operations.updating`."""
        return update(
            self._home,
            self._storage,
            self._source,
            predicate,
            updates,
            partition_filter,
            guard=find_row_guard(self._source),
            **options,
        )

    def plan_upsert(
        self, rows: Rows, on: Sequence[str], **how: Unpack[UpsertOptions]
    ) -> UpsertPlan:
        """Return what `upsert` would do; nothing is written."""
        guard = find_row_guard(self._source)
        return plan_upsert(self._home, self._storage, self._source, rows, on, guard=guard, **how)

    def upsert(
        self, rows: Rows, on: Sequence[str], **options: Unpack[UpsertChangeOptions]
    ) -> OperationResult:
        """Update the rows whose key is there, insert the others; see `operations.upserting.upsert`."""
        guard = find_row_guard(self._source)
        return upsert(self._home, self._storage, self._source, rows, on, guard=guard, **options)

    def plan_compact(self, **how: Unpack[CompactOptions]) -> CompactPlan:
        """Return what `compact` would do; nothing is written."""
        return plan_compact(self._home, self._storage, **how)

    def compact(self, **how: Unpack[CompactOptions]) -> ReshapingResult:
        """Merge small files within their partitions; see `operations.compacting.plan_compact`."""
        return compact(self._home, self._storage, self.plan_compact(**how))

    def plan_repartition(
        self, keys: Sequence[str], **how: Unpack[RepartitionOptions]
    ) -> RepartitionPlan:
        """Return what `repartition` would do; nothing is written."""
        check_layout(self._home, self._storage, keys)
        return plan_repartition(self._home, self._storage, keys, **how)

    def repartition(
        self, keys: Sequence[str], **how: Unpack[RepartitionOptions]
    ) -> ReshapingResult:
        """Partition this dataset by other keys, in one commit; see `operations.repartition_plan`."""
        return repartition(self._home, self._storage, self.plan_repartition(keys, **how))

    def run(
        self, plan: Plan, *, backup_dir: str | os.PathLike[str] | None = None
    ) -> OperationResult:
        """Carry out a plan of this dataset as it was looked at; see `operations.carrying_out`."""
        return carry_out(self._home, self._storage, plan, backup_dir)

    def scan(self) -> pl.LazyFrame:
        """Return a lazy frame of all rows; what is filtered on partition keys is never listed.

        Where tuning is switched on for the store, each collect is logged, and rerouted if that is
        faster.
        """
        watch = self._watch or find_watch(self._home.store)
        return scan(self._source, observer=watch.observer, router=watch.router)

    def files(self) -> list[str]:
        """Return the absolute paths of the data files, as they are now."""
        return self._source.files()

    def count(self) -> int:
        """Return the number of rows; only footers are read."""
        return sum(count_rows(path) for path in self._source.files())

    def snapshot(self) -> Snapshot:
        """Return the data files with size, time and number, and the version of the log."""
        return take_snapshot(self._home, self._storage)

    def history(self) -> list[CommitRecord]:
        """Return the commits, newest first."""
        return read_history(self._home, self._storage)

    def at(self, version: int) -> PastDataset:
        """Return the dataset as it was right after a commit; version 0 is before the first.

        Files that no commit knows (units of experiments, files from elsewhere) are placed by their
        time of modification.

        Raises:
            NotFoundError: There is no such version, or its files were vacuumed.
        """
        files = kept_files_at(self._home, self._storage, version)
        places = [(file.path, file.stands_at) for file in files]
        return PastDataset(version, PastSource(self._home, self._storage, places))

    def plan_restore(self, version: int) -> RestorePlan:
        """Return what `restore` would do; nothing is written."""
        return plan_restore(self._home, self._storage, version)

    def restore(self, version: int) -> CommitRecord | None:
        """Undo the commits after a version, by a new commit; None if there is nothing to undo."""
        return restore(self._home, self._storage, version)

    def pin(self) -> AbstractContextManager[Pin]:
        """Hold the present files for a reader that takes hours, whatever is committed meanwhile."""
        return pin(self._home, self._storage)

    def plan_vacuum(self, keep: Keep = "7d") -> VacuumPlan:
        """Return what `vacuum` would remove; nothing is."""
        return plan_vacuum(self._home, self._storage, keep)

    def vacuum(self, keep: Keep = "7d") -> VacuumReport:
        """Forget the history older than `keep`, and what crashes left; say how much that freed."""
        return vacuum(self._home, self._storage, keep)

    def check(self, *, deep: bool = False) -> CheckReport:
        """Look for everything that is wrong or odd in the folder; `deep` decodes every page."""
        return check(self._home, self._storage, deep=deep)

    def _known(self) -> KeptSchema | None:
        if not self.exists:
            return None
        outline = self._source.outline()
        return KeptSchema(outline.columns, tuple(outline.keys))

    def __repr__(self) -> str:
        if not self.exists:
            return f"Dataset({self.path!r}: nothing written yet)"
        try:
            files, columns = len(self.files()), len(self.schema)
            keys = f", by {', '.join(self.partition_by)}" if self.partition_by else ""
        except (
            ParquetryError
        ):  # a look at the handle must not fail; what is wrong is said by `check`
            return f"Dataset({self.path!r}: cannot be read; check() tells why)"
        return f"Dataset({self.path!r}: {count_text(files, 'file')}{keys}, {columns} columns)"

    def _repr_html_(self) -> str:
        try:
            columns = [(field.name, field.type) for field in self.schema] if self.exists else []
        except ParquetryError:
            columns = []
        return html_table(repr(self), ("column", "type"), columns)

    def __reduce__(self) -> tuple[type[Dataset], tuple[str]]:
        return (Dataset, (self.path,))
