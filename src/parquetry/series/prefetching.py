"""Reading the next block while this one is being solved, on one thread of the process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.series.indexing import Indices
    from parquetry.series.source import SeriesSource


class _Reader:
    """The thread that reads ahead; it starts with the first request."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    def submit(self, source: SeriesSource, steps: range, columns: Indices) -> None:
        """Read ahead; an error is kept to itself, for the read that follows will meet it too."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="parquetry-prefetch")
        self._thread.submit(source.prefetch, steps, columns)


_reader = _Reader()


def prefetch(source: SeriesSource, steps: range, columns: Indices) -> None:
    """Begin to decode what covers these steps, unless it is decoded already."""
    if not source.is_warm(steps, columns):
        _reader.submit(source, steps, columns)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reader.__init__)  # type: ignore[misc]
