"""Work on very many files, two at a time: what the disk is asked for takes longer than asking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_MANY = 512  # below, threads cost more than they bring
_AT_ONCE = 128  # items that a thread takes, so that the threads rarely meet


def for_each(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return what each item gives, in their order; the first error in that order is raised."""
    if len(items) < _MANY:
        return [work(item) for item in items]

    def work_on(start: int) -> list[Result]:
        return [work(item) for item in items[start : start + _AT_ONCE]]

    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(work_on, range(0, len(items), _AT_ONCE))
        return [result for part in parts for result in part]
