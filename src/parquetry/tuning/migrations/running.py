"""One migration job carried out, and what the metadata database is told of its layout."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from parquetry.commits.snapshots import take_snapshot
from parquetry.errors import ConflictError, NotFoundError, ParquetryError
from parquetry.model.wording import count_text
from parquetry.storage.folders import find_stat, remove_tree
from parquetry.tuning.migrations.active_migration import migrate_active
from parquetry.tuning.migrations.foresight import Foresight
from parquetry.tuning.migrations.notes import clear_leftovers, forget_notes
from parquetry.tuning.migrations.replica_migration import migrate_replica
from parquetry.tuning.records import LayoutRecord
from parquetry.tuning.replicas.folder import find_manifest, held_folder, replica_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.conditions import Demand
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.migrations.watch import Accept, Watch
    from parquetry.tuning.records import MigrationJob
    from parquetry.tuning.rewriting.task import Rewriter

_RETRIES = 3  # of planning anew because files changed in the meantime
_MOST_QUESTIONS = 1_000  # the newest, which say where a layout pays soonest


@dataclass(frozen=True)
class JobRun:
    """A job, and all that carrying it out takes.

    Args:
        job: What is to be done.
        home: The dataset.
        storage: The disk.
        metadata: Where layouts are remembered.
        rewriter: Who writes the rows.
        memory_bytes: The memory to keep to.
        config: The settings.
    """

    job: MigrationJob
    home: Home
    storage: Storage
    metadata: MetadataStore
    rewriter: Rewriter
    memory_bytes: int
    config: Config
    _start: float = field(default_factory=time.monotonic, init=False, repr=False)

    def run(self, watch: Watch) -> str:
        """Carry the job out, and return what came of it, in a sentence.

        Raises:
            CalledOffError: It was called off; what is finished stays.
            ParquetryError: It failed; the dataset is whole.
        """
        before = self._begin()
        result = self._with_retries(watch)
        self.metadata.save_layout(
            replace(
                result,
                created_at=before.created_at,
                predicted=before.predicted,
                rewrite_seconds=self.spent_seconds,
            )
        )
        return f"{self.job.layout.layout_id} is ready: {result.message}"

    @property
    def spent_seconds(self) -> float:
        """What carrying it out has taken so far, by all who have worked on it."""
        return time.monotonic() - self._start + float(self.job.resume.get("seconds", 0.0))

    def failed(self, reason: str) -> None:
        """Remember that the layout could not be written, and free what was written of it."""
        self._discard()
        known = self.metadata.layout(self.job.table, self.job.layout.layout_id)
        if known is None or known.state == "building":
            self.metadata.save_layout(replace(self._begun(), state="failed", message=reason))

    def _begun(self) -> LayoutRecord:
        known = self.metadata.layout(self.job.table, self.job.layout.layout_id)
        job = self.job
        return known or LayoutRecord(
            job.layout.layout_id,
            job.table,
            job.layout,
            job.role,
            "building",
            job.created_at or dt.datetime.now(dt.UTC),
        )

    def _begin(self) -> LayoutRecord:
        record = self._begun()
        if record.state != "ready":
            record = replace(record, state="building", role=self.job.role, message="")
        self.metadata.save_layout(record)
        return record

    def _with_retries(self, watch: Watch) -> LayoutRecord:
        for _ in range(_RETRIES):
            try:
                return self._migrate(watch)
            except NotFoundError:
                continue  # of a file that was retired; that of a dataset comes again
            except ConflictError as error:
                if error.path and error.path.startswith(self.home.layouts):
                    raise  # another process writes the same
        return self._migrate(watch)

    def _migrate(self, watch: Watch) -> LayoutRecord:
        return self._replica(watch) if self.job.role == "replica" else self._active(watch)

    def _replica(self, watch: Watch) -> LayoutRecord:
        made = migrate_replica(
            self.home,
            self.storage,
            self.job.layout,
            self.rewriter,
            watch,
            mode=self.job.mode,
            questions=self._questions(),
            memory_bytes=self.memory_bytes,
            accept=self._accept,
        )
        return replace(
            self._begun(),
            role="replica",
            state="ready",
            rows=made.rows,
            row_groups=sum(file.row_groups for file in made.files),
            files=len(made.files),
            bytes=made.size_bytes,
            rewrite_bytes=self._source_bytes() + made.size_bytes,
            message=f"{made.rows:,} rows in {count_text(len(made.files), 'file')} beside the dataset",
        )

    def _active(self, watch: Watch) -> LayoutRecord:
        done = migrate_active(
            self.home,
            self.storage,
            self.job.layout,
            self.rewriter,
            watch,
            job_id=self.job.job_id,
            mode=self.job.mode,
            questions=self._questions(),
            memory_bytes=self.memory_bytes,
            accept=self._accept,
        )
        last = self.metadata.active_layout(self.job.table)
        if last is not None and last.layout_id != self.job.layout.layout_id:
            self.metadata.save_layout(replace(last, state="retired", message="laid out anew"))
        return replace(
            self._begun(),
            role="active",
            state="ready",
            rows=done.rows,
            row_groups=done.row_groups,
            files=done.files,
            bytes=done.bytes,
            rewrite_bytes=2 * done.bytes,
            message=f"{done.rows:,} rows in {count_text(done.files, 'file')} of the dataset; "
            f"restore({done.undo_to}) undoes it",
        )

    @cached_property
    def _accept(self) -> Accept:
        return Foresight(self.home, self.metadata, self.config, self.job.layout)

    def _questions(self) -> list[Sequence[Sequence[Demand]]]:
        """Return what recent questions demanded of the dataset."""
        logged = self.metadata.queries(self.job.table, limit=_MOST_QUESTIONS)
        scans = (scan for query in logged for scan in query.scans)
        return [scan.demands for scan in scans if scan.table == self.job.table]

    def _source_bytes(self) -> int:
        return sum(file.bytes for file in take_snapshot(self.home, self.storage).files)

    def _discard(self) -> None:
        """Free what is unfinished; a replica that was there before stays."""
        layout_id = self.job.layout.layout_id
        name = layout_id if self.job.role == "replica" else f"{layout_id}-active"
        if find_stat(self.storage, replica_folder(self.home, name)) is None:
            return
        with (
            suppress(ParquetryError),  # what is left is vacuumed later
            held_folder(self.home, self.storage, name) as folder,
        ):
            made = find_manifest(self.home, self.storage, name)
            forget_notes(self.storage, folder)
            if made is None:
                remove_tree(self.storage, folder)
            else:
                clear_leftovers(self.storage, folder, [file.name for file in made.files])
