"""Neighbours packed into bins of bounded size, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")


def pack(
    items: Iterable[Item], size_of: Callable[[Item], int], capacity: int
) -> list[tuple[Item, ...]]:
    """Return the items in bins of at most `capacity`, each as full as its neighbours allow.

    Order is kept, within bins and among them: files that were written one after the other hold rows
    that belong together, and their bounds stay narrow. Two neighbouring bins are together always larger
    than one may be, so there are fewer than twice as many as the fewest possible. An item that is larger
    than a bin has one to itself.
    """
    bins: list[list[Item]] = []
    held = 0
    for item in items:
        size = size_of(item)
        if bins and held + size <= capacity:
            bins[-1].append(item)
            held += size
        else:
            bins.append([item])
            held = size
    return [tuple(one) for one in bins]
