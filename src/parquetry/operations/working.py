"""Work on many files, two at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from parquetry.operations.memory_pools import sparing_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

In = TypeVar("In")
Out = TypeVar("Out")

WORKERS = 2  # each holds one row group; the engines below use the cores without Python's lock
FOR_SMALL_WORK = 3  # where much waits for the lock or the disk, and all together hold no row group
_AHEAD = 4  # finished results that may wait for the one before them
_SMALL_AHEAD = 32  # where none holds rows: who takes them may wait for a disk meanwhile


Progress: TypeAlias = Callable[[int, int | None], None]
"""Is told how many files are done, and of how many if that is known; a verb goes over them twice, once
to look and once to write."""

_progress: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def watched(progress: Progress | None) -> Iterator[None]:
    """Tell somebody how far the verbs are that are run in this block."""
    before = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(before)


def in_order(
    work: Callable[[In], Out],
    items: Iterable[In],
    total: int | None = None,
    workers: int = WORKERS,
) -> Iterator[Out]:
    """Yield what each item gives, in their order, worked on by two threads or so.

    **Cost:** a few results wait in memory. The first error ends it; what is under way is waited for.

    Args:
        work: What is done with an item.
        items: The items.
        total: How many, where they do not say so themselves.
        workers: How many threads.
    """
    count = len(items) if isinstance(items, Sized) else total
    return counted(side_by_side(work, items, workers), count)


def counted(results: Iterable[Out], count: int | None) -> Iterator[Out]:
    """Yield results, and tell whoever watches how many of so many are there."""
    progress = _progress.get()
    for done, result in enumerate(results, 1):
        if progress is not None:
            progress(done, count)
        yield result


def in_bundles(
    work: Callable[[Sequence[In]], Sequence[Out]], bundles: Sequence[Sequence[In]]
) -> Iterator[Out]:
    """Yield what each item gives, in their order, where several are worked on together.

    **Cost:** as of `in_order`, but some dozens of results wait: they should be small, such as what is
    to be told of a file that was written.
    """
    results = side_by_side(work, bundles, ahead=_SMALL_AHEAD)
    return counted(chain.from_iterable(results), sum(map(len, bundles)))


def side_by_side(
    work: Callable[[In], Out], items: Iterable[In], workers: int = WORKERS, ahead: int = _AHEAD
) -> Iterator[Out]:
    """Yield what each item gives as `in_order` does, and tell nobody.

    Args:
        work: What is done with an item.
        items: The items.
        workers: How many threads.
        ahead: How many results may wait, besides those under way, until somebody takes them.
    """
    with sparing_memory():
        yield from _side_by_side(work, items, workers, ahead)


def _side_by_side(
    work: Callable[[In], Out], items: Iterable[In], workers: int, ahead: int
) -> Iterator[Out]:
    todo = iter(items)
    first = next(todo, None)
    second = next(todo, None)
    if first is None:
        return
    if second is None:  # a pool would cost more than it brings
        yield work(first)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque([pool.submit(work, first), pool.submit(work, second)])
        try:
            for item in todo:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers + ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
