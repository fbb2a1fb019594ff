"""Work on many files, two at a time: asking a disk or an encoder takes less long than the answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_MANY = 512  # calls of the system; below, threads cost more than they bring
_AT_ONCE = 128  # items that a thread takes, so that the threads rarely meet


def for_each(
    work: Callable[[Item], Result], items: Sequence[Item], many: int = _MANY
) -> list[Result]:
    """Return what each item gives, in their order; the first error in that order is raised.

    Args:
        work: What is done with an item.
        items: The items.
        many: From how many on two threads do it; fewer are worth it where an item takes long.
    """
    if len(items) < many:
        return [work(item) for item in items]
    share = min(_AT_ONCE, -(-len(items) // 4))

    def work_on(start: int) -> list[Result]:
        return [work(item) for item in items[start : start + share]]

    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(work_on, range(0, len(items), share))
        return [result for part in parts for result in part]
