"""How many workers a Dask cluster has, and that it has lost them all: its tasks would wait for ever."""

from __future__ import annotations

import time
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor

PATIENCE_SECONDS = 60.0
_INTERVAL_SECONDS = 1.0


class WorkerWatch:
    """Looks now and then at the workers of an executor.

    That is a question of Dask alone, whose workers come and go, and which keeps tasks until some come:
    threads do not die, a process pool that loses a worker breaks, and Ray says of each task that it was
    lost. A cluster that has not had a worker yet is waited for: its workers may stand in a queue.

    **Cost:** a question to the scheduler each second, at most.

    Args:
        executor: Who does the work.
        patience_seconds: How long it may be without any worker, once it has had one; None for ever.
    """

    def __init__(self, executor: Executor, patience_seconds: float | None) -> None:
        client = getattr(executor, "_client", None)  # what `Client.get_executor()` holds on to
        self._client: Any = client if hasattr(client, "nthreads") else None
        self._patience = patience_seconds
        self._threads: int | None = None
        self._seen_at = float("-inf")
        self._last_alive: float | None = None

    @property
    def interval_seconds(self) -> float | None:
        """How long to wait before the next look; None if there is nothing to look at."""
        if self._client is None:
            return None
        return min(_INTERVAL_SECONDS, (self._patience or _INTERVAL_SECONDS) / 2)

    def threads(self) -> int | None:
        """Return how many tasks the workers do at once; None if nobody tells."""
        if time.monotonic() - self._seen_at >= _INTERVAL_SECONDS:
            self._look()
        return self._threads

    def loss(self) -> BrokenExecutor | None:
        """Return the error of a cluster that has been without workers for too long, else None."""
        now = self._look()
        if self._threads != 0 or self._last_alive is None or self._patience is None:
            return None
        if now - self._last_alive < self._patience:
            return None
        return BrokenExecutor(
            f"the cluster has lost all its workers, and got none back for {self._patience:g} s"
        )

    def _look(self) -> float:
        """Ask the scheduler, and return when. One that is gone is Dask's to tell: it cancels tasks."""
        if self._client is not None and not self._client.asynchronous:
            try:
                self._threads = sum(self._client.nthreads().values())
            except Exception:  # noqa: BLE001 - whatever it is, it is no answer
                self._threads = None
        self._seen_at = time.monotonic()
        if self._threads:
            self._last_alive = self._seen_at
        return self._seen_at
