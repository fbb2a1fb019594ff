"""Work on many files by a few threads: asking a disk or an encoder takes less long than the answer."""

from __future__ import annotations

from collections import deque
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_MANY = 512  # calls of the system; below, a thread costs more than it brings
_AT_ONCE = 128  # items that a thread takes, so that they rarely meet


def for_each(
    work: Callable[[Item], Result], items: Sequence[Item], many: int = _MANY, threads: int = 2
) -> list[Result]:
    """Return what each item gives, in their order; the first error in that order is raised.

    Args:
        work: What is done with an item.
        items: The items.
        many: From how many on more threads help; fewer are worth it where an item takes long.
        threads: How many share the items.
    """
    if len(items) < many:
        return [work(item) for item in items]
    share = min(_AT_ONCE, -(-len(items) // 16))
    left = deque(range(0, len(items), share))
    done: dict[int, list[Result]] = {}
    failed: dict[int, BaseException] = {}

    def take_shares() -> None:
        while left:
            try:
                start = left.popleft()
            except IndexError:  # another was faster
                return
            try:
                done[start] = [work(item) for item in items[start : start + share]]
            except BaseException as error:  # noqa: BLE001 -- raised by the caller's thread, below
                failed[start] = error
                left.clear()

    helpers = [Thread(target=take_shares) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    take_shares()
    for helper in helpers:
        helper.join()
    if failed:
        raise failed[min(failed)]
    return [result for start in sorted(done) for result in done[start]]
