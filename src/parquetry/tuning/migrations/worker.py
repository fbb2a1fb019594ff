"""`Worker`: claims migration jobs and carries them out, one after the other."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parquetry.commits.home import Home
from parquetry.errors import ConflictError, ParquetryError
from parquetry.storage.local import LocalStorage
from parquetry.tuning.memory import remember_move
from parquetry.tuning.migrations.heart import Heart
from parquetry.tuning.migrations.running import JobRun
from parquetry.tuning.migrations.watch import CalledOffError
from parquetry.tuning.replicas.state import settle_records
from parquetry.tuning.rewriting.local import LocalRewriter
from parquetry.tuning.rewriting.task import MEMORY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parquetry.storage.protocol import Storage
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import JobState, MigrationJob
    from parquetry.tuning.rewriting.task import Rewriter

_STALE_SECONDS = 60.0
_BEATS = 6  # signs of life in the time after which an owner is taken for dead
_FINISHING = 5  # attempts to tell the database that a job is done


class Worker:
    """Carries out the migrations that wait in a metadata database. Several may run at once.

    **Guarantees:** no two workers carry out the same job. A worker may be stopped or killed at any
    moment: the dataset is whole, and the next one goes on where it ended.

    Args:
        metadata: Where the jobs are.
        config: Says where the datasets are.
        rewriter: Who writes the rows; this process, if left out.
        storage: The disk; the local one if not given.
        stale_after_seconds: How long the owner of a job may give no sign of life before it is taken for
            dead and the job is taken over.
        memory_bytes: The memory that rewriting is to keep to, about.
        told: Is told of every job that begins or ends.
    """

    def __init__(
        self,
        metadata: MetadataStore,
        config: Config,
        *,
        rewriter: Rewriter | None = None,
        storage: Storage | None = None,
        stale_after_seconds: float = _STALE_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        told: Callable[[MigrationJob], None] | None = None,
    ) -> None:
        self._metadata, self._config = metadata, config
        self._storage = storage or LocalStorage()
        self._rewriter = rewriter or LocalRewriter(self._storage)
        self._stale_seconds = stale_after_seconds
        self._memory_bytes = memory_bytes
        self._told = told or (lambda _: None)
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def run_once(self, table: str | None = None) -> MigrationJob | None:
        """Carry out one job, and return it as it ended; None if none waits.

        A job that fails is not an error here: it says what became of it.

        Args:
            table: Only jobs of this dataset.

        Raises:
            ConflictError: Somebody holds the metadata database; a retry is safe.
            StorageError: The metadata database cannot be reached.
        """
        job = self._metadata.claim_job(
            self.owner, stale_after_seconds=self._stale_seconds, table=table
        )
        if job is None:
            return None
        self._told(job)
        try:
            ended = self._carry_out(job)
        except BaseException:
            with suppress(ParquetryError):  # it is taken over when its last sign of life is old
                self._metadata.release_job(job.job_id, self.owner)
            raise
        self._told(ended)
        return ended

    def loop(self, sleep_seconds: float = 2.0, *, table: str | None = None) -> None:
        """Carry out jobs as they come, until Ctrl+C or SIGTERM; then return, the job resumable.

        Args:
            sleep_seconds: How long to wait when no job waits.
            table: Only jobs of this dataset.
        """
        with suppress(KeyboardInterrupt), _interrupted_by_sigterm():
            while True:
                try:
                    found = self.run_once(table)
                except ConflictError:  # the database is busy
                    found = None
                if found is None or found.state == "queued":
                    time.sleep(sleep_seconds)

    def _carry_out(self, job: MigrationJob) -> MigrationJob:
        home = Home.of(f"{self._config.data_dir}/{job.table}")
        run = JobRun(
            job,
            home,
            self._storage,
            self._metadata,
            self._rewriter,
            self._memory_bytes,
            self._config,
        )
        try:
            with Heart(self._metadata, job, self.owner, self._stale_seconds / _BEATS) as watch:
                message = run.run(watch)
        except CalledOffError:
            return self._called_off(job, run)
        except ConflictError as error:
            if error.path and error.path.startswith(home.layouts):  # its former owner still lives
                self._metadata.release_job(job.job_id, self.owner)
                return replace(job, state="queued", owner=None, message=error.message)
            return self._failed(job, run, error)
        except ParquetryError as error:
            return self._failed(job, run, error)
        settle_records(self._metadata, job.table, home, self._storage)
        remember_move(job.table, run.spent_seconds, self._metadata)
        return self._end(job, "done", message)

    def _failed(self, job: MigrationJob, run: JobRun, error: ParquetryError) -> MigrationJob:
        run.failed(error.message)
        remember_move(job.table, run.spent_seconds, self._metadata)  # it was paid for all the same
        return self._end(job, "failed", error.message)

    def _called_off(self, job: MigrationJob, run: JobRun) -> MigrationJob:
        now = next((one for one in self._metadata.jobs(job.table) if one.job_id == job.job_id), job)
        if now.state == "cancelled":
            run.failed("the migration was cancelled")
        return now

    def _end(self, job: MigrationJob, state: JobState, message: str) -> MigrationJob:
        for attempt in range(1, _FINISHING + 1):
            try:
                self._metadata.finish_job(job.job_id, self.owner, state, message)
                break
            except ConflictError:
                if attempt == _FINISHING:
                    raise
        progress = 1.0 if state == "done" else job.progress
        return replace(job, state=state, message=message, progress=progress)


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Take SIGTERM for Ctrl+C while the block runs, where signals come in: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
