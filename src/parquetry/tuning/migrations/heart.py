"""Signs of life of a job that is being carried out, and the news that they bring back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from parquetry.errors import ParquetryError
from parquetry.tuning.migrations.watch import CalledOffError

if TYPE_CHECKING:
    from types import TracebackType

    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import MigrationJob


class Heart:
    """Beats in a thread of its own while its `with` block runs; it is a `Watch` for the work.

    A database that cannot be reached for a while is no reason to stop: should somebody else take the
    job over in that time, the lock on its folder keeps the two apart.

    Args:
        metadata: Where the job is.
        job: The job.
        owner: Who works on it.
        beat_seconds: The time between two signs of life.
    """

    def __init__(
        self, metadata: MetadataStore, job: MigrationJob, owner: str, beat_seconds: float
    ) -> None:
        self._metadata, self._job, self._owner = metadata, job, owner
        self._beat_seconds = beat_seconds
        self._spent_before = float(job.resume.get("seconds", 0.0))
        self._start = time.monotonic()
        self._share = job.progress
        self._called_off = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __call__(self, share: float) -> None:
        """Take note of the share that is done.

        Raises:
            CalledOffError: The job was cancelled, or is another worker's.
        """
        self._share = share
        self._beat()
        if self._called_off.is_set():
            raise CalledOffError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._beat_seconds):
            self._beat()

    def _beat(self) -> None:
        spent = self._spent_before + time.monotonic() - self._start
        share = self._share
        try:
            is_mine = self._metadata.heartbeat_job(
                self._job.job_id,
                self._owner,
                progress=share,
                estimate_seconds=spent / share if share else None,
                resume={**self._job.resume, "seconds": spent},
            )
        except ParquetryError:
            return
        if not is_mine:
            self._called_off.set()
