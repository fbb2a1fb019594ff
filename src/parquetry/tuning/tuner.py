"""A thread that goes through the loop again and again, at most one a store."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from parquetry.errors import ParquetryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.tuning.round import Round

_LOG = logging.getLogger("parquetry.tuning")
_guard = threading.Lock()
_running: dict[str, tuple[threading.Thread, threading.Event]] = {}


def start_tuner(
    store: str, run_once: Callable[[], Sequence[Round]], interval_seconds: float
) -> None:
    """Start the thread of a store, unless it runs already. It ends with the process."""
    with _guard:
        known = _running.get(store)
        if known is not None and known[0].is_alive():
            return
        stopped = threading.Event()
        thread = threading.Thread(
            target=_run,
            args=(run_once, interval_seconds, stopped),
            name="parquetry-tuner",
            daemon=True,
        )
        _running[store] = (thread, stopped)
        thread.start()


def stop_tuner(store: str) -> None:
    """End the thread of a store, after what it is doing."""
    with _guard:
        thread, stopped = _running.pop(store, (None, None))
    if thread is not None and stopped is not None:
        stopped.set()
        thread.join()


def _run(
    run_once: Callable[[], Sequence[Round]], interval_seconds: float, stopped: threading.Event
) -> None:
    while not stopped.wait(interval_seconds):
        try:
            for one in run_once():
                _LOG.info("%s", one)
        except ParquetryError as error:
            _LOG.warning("A round of tuning ended early: %s", error)
