"""Small things that are worked on together, for each call of an engine takes longer than they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.operations.bounds import Flags

Item = TypeVar("Item")

TOGETHER_ROWS = 524_288
"""Small files are looked into together up to so many rows."""

TOGETHER_CELLS = 262_144
"""Values of all columns that are held at once where rows have many of them."""

_FEWEST = 4  # bundles, if there is enough for so many: two threads work on them
_WORTH_ROWS = 262_144
"""What a bundle takes besides its rows is as much as decoding so many of a column."""


def shared_out(items: Sequence[Item], size_of: Callable[[Item], int]) -> list[list[Item]]:
    """Return what threads work on: several bundles of at most `TOGETHER_ROWS`, if they are worth it."""
    sizes = list(map(size_of, items))
    total = sum(sizes)
    count = max(1, min(_FEWEST, total // _WORTH_ROWS))
    fair = (total + (count - 1) * max(sizes, default=0)) // count
    return bundles_of(items, size_of, min(TOGETHER_ROWS, fair))


def bundles_of(
    items: Sequence[Item], size_of: Callable[[Item], int], most: int = TOGETHER_ROWS
) -> list[list[Item]]:
    """Return what is worked on together: neighbours up to a size, larger ones alone."""
    bundles: list[list[Item]] = []
    left = 0
    for one in items:
        size = size_of(one)
        if not bundles or size > left:
            bundles.append([])
            left = most
        bundles[-1].append(one)
        left -= size
    return bundles


def split(flags: Flags, counts: Sequence[int]) -> list[Any]:
    """Return what belongs to each of several runs of so many rows of what belongs to all of them."""
    return np.split(flags, np.cumsum(counts)[:-1]) if counts else []
