"""Work on many files, two at a time."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

In = TypeVar("In")
Out = TypeVar("Out")

WORKERS = 2  # each holds one row group; the engines below use the cores without Python's lock
_AHEAD = 4  # finished results that may wait for the one before them


def in_order(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """Yield what each item gives, in their order, worked on by two threads.

    **Cost:** a few results wait in memory. The first error ends it; what is under way is waited for.
    """
    todo = iter(items)
    first = next(todo, None)
    second = next(todo, None)
    if first is None:
        return
    if second is None:  # a pool would cost more than it brings
        yield work(first)
        return
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = deque([pool.submit(work, first), pool.submit(work, second)])
        try:
            for item in todo:
                waiting.append(pool.submit(work, item))
                if len(waiting) > WORKERS + _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
