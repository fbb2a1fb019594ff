"""`Store.tuning`: the tuning of a store, as people hold it.

What goes through the loop is only loaded when a round is due, and the database when something was
logged: a process that asks questions needs neither to begin.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.errors import ParquetryError, RequestError
from parquetry.tuning.observing import TunedObserver
from parquetry.tuning.switching import read_switch, switch_off
from parquetry.tuning.tuner import start_tuner, stop_tuner
from parquetry.watching import find_watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.store import Store
    from parquetry.tuning.config import Config
    from parquetry.tuning.explorer import LayoutExplorer
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.query_log import QueryLogger
    from parquetry.tuning.records import JobMode, LayoutRecord, MigrationJob, Role
    from parquetry.tuning.round import Round


@dataclass(frozen=True, slots=True)
class TableTuning:
    """How far tuning is with a dataset: its logged questions, its layouts, the jobs that are open."""

    table: str
    queries: int
    layouts: tuple[LayoutRecord, ...]
    open_jobs: tuple[MigrationJob, ...]


@dataclass(frozen=True, slots=True)
class TuningStatus:
    """Whether a store is tuned, and how far.

    Args:
        store: The store.
        is_on: Whether questions are observed.
        metadata: Where what is learnt is kept.
        tables: The datasets that something is known of.
        failure: Why questions cannot be logged at present; None if they can.
    """

    store: str
    is_on: bool
    metadata: str | None
    tables: tuple[TableTuning, ...] = ()
    failure: str | None = None

    def __str__(self) -> str:
        lines = [f"tuning of {self.store} is {'on' if self.is_on else 'off'}"]
        lines += [f"what is learnt is kept in {self.metadata}"] if self.metadata else []
        lines += [f"questions are not logged: {self.failure}"] if self.failure else []
        for one in self.tables:
            lines.append(f"{one.table}: {one.queries:,} questions")
            for record in one.layouts:
                told = record.layout.describe() if record.layout else "as the dataset came"
                lines.append(f"  {record.layout_id} ({record.role}, {record.state}): {told}")
            lines += [
                f"  migration {job.job_id} to {job.layout.layout_id}: {job.state}, {job.progress:.0%}"
                for job in one.open_jobs
            ]
        return "\n".join(lines)


class Tuning:
    """The tuning of a store.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._metadata: tuple[str, MetadataStore] | None = None

    @property
    def is_on(self) -> bool:
        """Whether questions to the store are observed."""
        return read_switch(self._store.path) is not None

    @property
    def config(self) -> Config:
        """The settings that the store is tuned with.

        Raises:
            RequestError: Tuning is off.
        """
        switch = read_switch(self._store.path)
        if switch is None:
            raise RequestError(
                f"Tuning is off for {self._store.path}. Nothing was changed. Switch it on with "
                "store.tune() or `parquetry tune on`, and ask questions first."
            )
        return switch.config(self._store.path)

    @property
    def metadata(self) -> MetadataStore:
        """What was learnt of the store.

        Raises:
            RequestError: Tuning is off.
        """
        return self._opened(self.config)

    def status(self) -> TuningStatus:
        """Return whether the store is tuned, and how far; what was not written yet is logged first."""
        if not self.is_on:
            return TuningStatus(self._store.path, is_on=False, metadata=None)
        logger = self._flush()
        failure = None if logger is None or logger.failure is None else str(logger.failure)
        names = set(self._store.datasets())
        known = {*self.metadata.tables(), *(one.table for one in self.metadata.layouts())}
        tables = tuple(self._table(name) for name in sorted(known & names))
        place = self.metadata.place
        return TuningStatus(
            self._store.path, is_on=True, metadata=place, tables=tables, failure=failure
        )

    def optimize(self, table: str, *, role: Role = "replica", mode: JobMode = "full") -> Round:
        """Find the best layout for what was asked of a dataset, write it, and keep it if it is faster.

        `LayoutExplorer.optimize_table` says what is guaranteed and what it costs.
        """
        config = self.config
        explorer = self._explorer(config, self._opened(config))
        return explorer.optimize_table(table, role=role, mode=mode)

    def run_once(self) -> list[Round]:
        """Go through the loop once for each dataset for which that may lead to something, by the rule.

        Nothing is done where nothing was asked since the last time, where no layout can have paid yet,
        and where looking for layouts has taken its share (`share_looking`) of the questions' time.
        Questions older than the settings' `history_days` are forgotten.

        **Cost:** where nothing is done, two small queries of the database and one `stat` a file; where
        nothing was ever logged, one `stat`.
        """
        config = self.config
        self._flush()
        if not ("://" in config.metadata_db or os.path.exists(config.metadata_db)):
            return []
        metadata = self._opened(config)
        days = dt.timedelta(days=config.history_days)
        metadata.forget_queries(dt.datetime.now(dt.UTC) - days)
        switch = read_switch(self._store.path)
        chosen = None if switch is None else switch.tables
        asked = set(metadata.tables()).intersection(self._store.datasets())
        names = sorted(asked if chosen is None else asked.intersection(chosen))
        return self._go_round(names, config, metadata) if names else []

    def _go_round(
        self, names: Sequence[str], config: Config, metadata: MetadataStore
    ) -> list[Round]:
        from parquetry.tuning.spacing import why_wait

        due = (
            name for name in names if why_wait(self._store.dataset(name), metadata, config) is None
        )
        return [self._explorer(config, metadata).tune_table(name) for name in due]

    def _explorer(self, config: Config, metadata: MetadataStore) -> LayoutExplorer:
        from parquetry.tuning.explorer import LayoutExplorer

        return LayoutExplorer(config, metadata, self._logger)

    def cancel(self, job_id: int) -> MigrationJob:
        """Cancel a migration that waits or runs; whoever runs it ends it at the next sign of life.

        Raises:
            NotFoundError: There is no such job; `status` lists them.
        """
        return self.metadata.cancel_job(job_id)

    def watch(self, interval_seconds: float = 60.0) -> None:
        """Go through the loop again and again, in a thread of this process, until `stop`."""
        start_tuner(self._store.path, self.run_once, interval_seconds)

    def stop(self) -> None:
        """End the thread of `watch`, after what it is doing; questions are still observed."""
        stop_tuner(self._store.path)

    def off(self) -> None:
        """Observe and reroute questions no longer, in every process; what was learnt stays."""
        self.stop()
        self._flush()
        switch_off(self._store.path)

    def _flush(self) -> QueryLogger | None:
        """Write what is not logged yet; the logger knows why, if that fails."""
        logger = self._logger
        if logger is not None:
            with suppress(ParquetryError):
                logger.flush()
        return logger

    @property
    def _logger(self) -> QueryLogger | None:
        observer = find_watch(self._store.path).observer
        return observer.logger if isinstance(observer, TunedObserver) else None

    def _opened(self, config: Config) -> MetadataStore:
        from parquetry.tuning.metadata.store import MetadataStore

        place = config.metadata_db
        if self._metadata is None or self._metadata[0] != place:
            self._metadata = (place, MetadataStore(place))
        return self._metadata[1]

    def _table(self, name: str) -> TableTuning:
        jobs = (job for job in self.metadata.jobs(name) if job.is_open)
        return TableTuning(
            name,
            self.metadata.count_queries(name),
            tuple(self.metadata.layouts(name)),
            tuple(jobs),
        )

    def __repr__(self) -> str:
        return f"Tuning({self._store.path!r}: {'on' if self.is_on else 'off'})"
