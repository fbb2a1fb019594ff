"""Process pools that fork a process in which Polars has threads: what uses Polars there waits for ever.

A forked process has the locks of those threads and not the threads. Polars cannot be asked to begin
anew, so all that can be done is to say it.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor

_LOG = logging.getLogger("parquetry.executors")
_THREADS = Path("/proc/self/task")  # only Linux forks unless it is told to


def warn_of_forks(executor: Executor) -> None:
    """Log a warning if an executor is about to fork this process, and Polars has threads in it."""
    context = getattr(executor, "_mp_context", None)
    has_begun = bool(getattr(executor, "_processes", None))
    if context is None or has_begun or context.get_start_method() != "fork":
        return
    if _has_polars_threads():
        _LOG.warning(
            "The process pool forks this process, in which Polars has threads: a task that uses Polars "
            "will wait for ever. If yours does, let the pool begin with fresh processes: "
            "ProcessPoolExecutor(…, mp_context=multiprocessing.get_context('spawn'))."
        )


def _has_polars_threads() -> bool:
    with suppress(OSError):
        for thread in _THREADS.iterdir():
            with suppress(OSError):  # it has just ended
                if (thread / "comm").read_text(encoding="utf-8").startswith("polars-"):
                    return True
    return False
