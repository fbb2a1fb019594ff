"""Where Arrow takes memory from while a verb decodes and encodes.

On Linux PyArrow takes it from mimalloc, which asks for huge pages: each thread clears two megabytes for
each size of what it allocates, however little that is. A change of twenty small files made the system
clear 40 MB that nobody used, which took from a tenth of its time to most of it, as the system has memory
at hand or not.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from parquetry.operations.small_pages import small_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

_GREEDY, _SPARING = "mimalloc", "jemalloc"
_CHOSEN = "ARROW_DEFAULT_MEMORY_POOL"


class _Exchange:
    """Puts another memory pool in the place of PyArrow's own while somebody wants it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted = 0
        self._before: Any = None

    def begin(self) -> None:
        """Take the other one, if PyArrow has it and nobody has chosen one."""
        with self._lock:
            self._wanted += 1
            if self._wanted == 1 and _is_replaceable(pa.default_memory_pool()):
                self._before = pa.default_memory_pool()
                pa.set_memory_pool(pa.jemalloc_memory_pool())

    def end(self) -> None:
        """Take PyArrow's own again if nobody else wants the other one."""
        with self._lock:
            self._wanted -= 1
            if self._wanted or self._before is None:
                return
            before, self._before = self._before, None
            if pa.default_memory_pool().backend_name == _SPARING:
                pa.set_memory_pool(before)


_exchange = _Exchange()


@contextmanager
def sparing_memory() -> Iterator[None]:
    """Let Arrow and Polars take memory in small pages in this block, in all threads.

    What was allocated stays where it is, whoever holds it afterwards. A memory pool that somebody has
    chosen, by the environment or by `pyarrow.set_memory_pool`, stays as well.
    """
    _exchange.begin()
    try:
        with small_pages():  # for what asks no memory pool of Python's
            yield
    finally:
        _exchange.end()


def _is_replaceable(pool: Any) -> bool:
    return (
        sys.platform == "linux"
        and pool.backend_name == _GREEDY
        and _CHOSEN not in os.environ
        and _SPARING in pa.supported_memory_backends()
    )
