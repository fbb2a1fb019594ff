"""`MetadataStore`: everything that tuning remembers, behind one handle; every method delegates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from parquetry.tuning.metadata import evaluations, jobs, layouts, queries, shapes, states
from parquetry.tuning.metadata.connecting import Database
from parquetry.tuning.metadata.upgrading import upgrade

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.tuning.config import Config
    from parquetry.tuning.records import (
        EvaluationRecord,
        JobState,
        KindActivity,
        LayoutRecord,
        LoggedQuery,
        MigrationJob,
        Shape,
    )


class MetadataStore:
    """What tuning remembers, in an SQLite file or a PostgreSQL database.

    Threads and processes may share one; the handle can be pickled.

    **Guarantees:** every call is one transaction. The tables are made, or brought up to date, when it
    is opened.

    Args:
        where: Settings, the path of an SQLite file, or `postgresql+psycopg://user:password@host/name`.

    Raises:
        ParameterError: The URL cannot be used.
        MissingDependencyError: The driver of PostgreSQL is not installed.
        FormatVersionError: A newer parquetry made the tables.
        ConflictError: Somebody else holds the database; a retry is safe. This and the following are
            raised by every method, too.
        CorruptionError: The file is no database.
        StorageError: The database cannot be reached or written.
    """

    def __init__(self, where: Config | str | os.PathLike[str]) -> None:
        place = os.fspath(where) if isinstance(where, (str, os.PathLike)) else where.metadata_db
        self._database = Database(place)
        try:
            upgrade(self._database)
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> str:
        """The file, or the URL without its password."""
        return self._database.place

    def close(self) -> None:
        """Let all connections go; the next call opens new ones."""
        self._database.close()

    def log_queries(self, logged: Sequence[LoggedQuery], kinds: Iterable[Shape] = ()) -> None:
        """Add questions, and the kinds of question that are not known yet."""
        with self._database.writing() as connection:
            shapes.insert_shapes(connection, kinds)
            queries.insert_queries(connection, logged)

    def queries(
        self,
        table: str | None = None,
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        layout: str | None = None,
        limit: int | None = None,
    ) -> list[LoggedQuery]:
        """Return the questions that read a dataset, oldest first; with a limit the newest of them."""
        with self._database.reading() as connection:
            return queries.select_queries(
                connection, table, since=since, until=until, layout=layout, limit=limit
            )

    def count_queries(self, table: str, *, since: dt.datetime | None = None) -> int:
        """Return how many questions read a dataset."""
        with self._database.reading() as connection:
            return queries.count_queries(connection, table, since)

    def activity(self, table: str, since: dt.datetime | None = None) -> list[KindActivity]:
        """Return how much was asked of a dataset after a moment, by the kind of question."""
        with self._database.reading() as connection:
            return queries.select_activity(connection, table, since)

    def tables(self) -> list[str]:
        """Return the datasets that were ever read, sorted."""
        with self._database.reading() as connection:
            return queries.select_tables(connection)

    def forget_queries(self, before: dt.datetime) -> int:
        """Forget the questions before a moment; return how many."""
        with self._database.writing() as connection:
            return queries.delete_queries(connection, before)

    def shapes(self, table: str | None = None) -> list[Shape]:
        """Return the kinds of question that read a dataset."""
        with self._database.reading() as connection:
            return shapes.select_shapes(connection, table)

    def save_layout(self, record: LayoutRecord) -> None:
        """Keep what is known of a layout, in the place of what was known before."""
        with self._database.writing() as connection:
            layouts.save_layout(connection, record)

    def layouts(self, table: str | None = None) -> list[LayoutRecord]:
        """Return the layouts of a dataset, oldest first."""
        with self._database.reading() as connection:
            return layouts.select_layouts(connection, table)

    def layout(self, table: str, layout_id: str) -> LayoutRecord | None:
        """Return what is known of a layout."""
        with self._database.reading() as connection:
            return next(iter(layouts.select_layouts(connection, table, layout_id)), None)

    def active_layout(self, table: str) -> LayoutRecord | None:
        """Return the layout of a dataset's own folder, None if none was ever saved."""
        with self._database.reading() as connection:
            return layouts.select_active_layout(connection, table)

    def save_evaluations(self, records: Sequence[EvaluationRecord]) -> None:
        """Add evaluations."""
        with self._database.writing() as connection:
            evaluations.insert_evaluations(connection, records)

    def evaluations(
        self, table: str | None = None, *, limit: int | None = None, only_scored: bool = False
    ) -> list[EvaluationRecord]:
        """Return evaluations, newest first."""
        with self._database.reading() as connection:
            return evaluations.select_evaluations(
                connection, table, limit=limit, only_scored=only_scored
            )

    def enqueue_job(self, job: MigrationJob) -> MigrationJob:
        """Add a job to the queue, and return it with its number.

        Where the same layout is already waiting or being written for the dataset, that job is returned.
        """
        with self._database.writing() as connection:
            return jobs.enqueue_job(connection, job)

    def claim_job(
        self, owner: str, *, stale_after_seconds: float = 60.0, table: str | None = None
    ) -> MigrationJob | None:
        """Take the oldest job that waits, or whose owner has given no sign of life for so long.

        **Guarantees:** no two owners ever get the same job, and of a dataset one job runs at a time.
        """
        with self._database.writing() as connection:
            return jobs.claim_job(connection, owner, stale_after_seconds, table)

    def heartbeat_job(
        self,
        job_id: int,
        owner: str,
        *,
        progress: float | None = None,
        estimate_seconds: float | None = None,
        resume: Mapping[str, Any] | None = None,
        message: str | None = None,
    ) -> bool:
        """Give a sign of life, with news; False if the job was cancelled or is another's: stop then."""
        news = {
            "progress": progress,
            "estimate_seconds": estimate_seconds,
            "resume": None if resume is None else dict(resume),
            "message": message,
        }
        with self._database.writing() as connection:
            return jobs.heartbeat_job(connection, job_id, owner, news)

    def finish_job(self, job_id: int, owner: str, state: JobState, message: str = "") -> bool:
        """End a job; False if it was cancelled or is another's."""
        with self._database.writing() as connection:
            return jobs.finish_job(connection, job_id, owner, state, message)

    def release_job(self, job_id: int, owner: str) -> bool:
        """Give a job back to the queue with what is needed to go on; False if it is another's."""
        with self._database.writing() as connection:
            return jobs.release_job(connection, job_id, owner)

    def cancel_job(self, job_id: int) -> MigrationJob:
        """Cancel a job that waits or runs; who runs it learns so at the next sign of life.

        Raises:
            NotFoundError: There is no such job.
        """
        with self._database.writing() as connection:
            return jobs.cancel_job(connection, job_id)

    def job(self, job_id: int) -> MigrationJob:
        """Return a job.

        Raises:
            NotFoundError: There is no such job.
        """
        with self._database.reading() as connection:
            return jobs.select_job(connection, job_id)

    def jobs(
        self, table: str | None = None, *, state: JobState | None = None
    ) -> list[MigrationJob]:
        """Return the jobs, oldest first."""
        with self._database.reading() as connection:
            return jobs.select_jobs(connection, table, state)

    def state(self, table: str, key: str = "decider") -> Any:
        """Return what was remembered of a dataset under a key, None if nothing was."""
        with self._database.reading() as connection:
            return states.select_state(connection, table, key)

    def save_state(self, table: str, value: Any, key: str = "decider") -> None:
        """Remember a JSON value of a dataset."""
        with self._database.writing() as connection:
            states.save_state(connection, table, key, value)

    def __repr__(self) -> str:
        return f"MetadataStore({self.place!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the connections behind."""
        return _reopened, (self._database,)


def _reopened(database: Database) -> MetadataStore:
    store = MetadataStore.__new__(MetadataStore)
    store._database = database  # noqa: SLF001  its own maker
    return store
