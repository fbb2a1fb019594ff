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
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from parquetry.operations.small_pages import small_pages
from parquetry.operations.while_wanted import WhileWanted, nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_GREEDY, _SPARING = "mimalloc", "jemalloc"
_CHOSEN = "ARROW_DEFAULT_MEMORY_POOL"


@contextmanager
def sparing_memory() -> Iterator[None]:
    """Let Arrow and Polars take memory in small pages in this block, in all threads.

    What was allocated stays where it is, whoever holds it afterwards. A memory pool that somebody has
    chosen, by the environment or by `pyarrow.set_memory_pool`, stays as well.
    """
    with _sparing_pool.wanted(), small_pages():  # for what asks no memory pool of Python's
        yield


def _exchange() -> Callable[[], None]:
    """Take the sparing pool, if PyArrow has it and nobody has chosen one; return what takes it back."""
    before = pa.default_memory_pool()
    if not _is_replaceable(before):
        return nothing
    pa.set_memory_pool(pa.jemalloc_memory_pool())
    return partial(_take_back, before)


def _take_back(before: Any) -> None:
    if pa.default_memory_pool().backend_name == _SPARING:
        pa.set_memory_pool(before)


_sparing_pool = WhileWanted(_exchange)


def _is_replaceable(pool: Any) -> bool:
    return (
        sys.platform == "linux"
        and pool.backend_name == _GREEDY
        and _CHOSEN not in os.environ
        and _SPARING in pa.supported_memory_backends()
    )
