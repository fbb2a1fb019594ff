"""What questions read in layouts: each pair is predicted once, however often it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from parquetry.tuning.costs.groups import predict_groups
from parquetry.tuning.costs.work import PARTS, predict_works

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from numpy.typing import NDArray

    from parquetry.model.layouts import Layout
    from parquetry.tuning.costs.groups import Groups
    from parquetry.tuning.costs.work import Asked
    from parquetry.tuning.samples import Sample

MOST_QUESTIONS = 8_000
"""Different questions that are kept; whoever has more begins a new ledger."""


class Ledger:
    """What the questions on a dataset read in each layout, by one sample of its rows.

    A layout that is known is held only against the questions that are new, and the other way round.

    Args:
        sample: The sample.
    """

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self._numbers: dict[Asked, int] = {}
        self._asked: list[Asked] = []
        self._columns: dict[str, None] = {}
        self._groups: dict[Layout, tuple[int, Groups]] = {}
        self._works: dict[Hashable, NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that any question asks about."""
        return tuple(self._columns)

    def number(self, asked: Asked) -> int:
        """Return the number of a question; equal ones have the same."""
        known = self._numbers.get(asked)
        if known is None:
            known = self._numbers[asked] = len(self._asked)
            self._asked.append(asked)
            self._columns.update(dict.fromkeys(sorted(asked.columns)))
        return known

    def groups(self, layout: Layout) -> Groups:
        """Return the row groups that a layout would have."""
        plain = replace(layout, bloom_columns=(), compression="zstd")
        known = self._groups.get(plain)
        if known is None or known[0] < len(self._columns):
            found = predict_groups(self.sample, plain, self.columns)
            known = self._groups[plain] = (len(self._columns), found)
        if not layout.bloom_columns:
            return known[1]
        return replace(known[1], bloom_columns=frozenset(layout.bloom_columns))

    def works(self, layout: Layout, numbers: Sequence[int]) -> NDArray[np.float64]:
        """Return what questions read in a layout, a line a question: the numbers of a `Work`."""
        key = replace(layout, compression="zstd")  # which decides how long that takes, not what
        return self.works_in(key, lambda: self.groups(layout), numbers)

    def works_in(
        self, key: Hashable, groups: Callable[[], Groups], numbers: Sequence[int]
    ) -> NDArray[np.float64]:
        """Return the same for row groups that are known otherwise.

        Args:
            key: What tells them from all others.
            groups: Gives them, when they are needed.
            numbers: The numbers of the questions.
        """
        known = self._works.get(key, np.zeros((0, PARTS)))
        if len(known) < len(self._asked):
            new = predict_works(self._asked[len(known) :], groups(), self.sample)
            known = self._works[key] = np.concatenate([known, new])
        lines: NDArray[np.float64] = known[np.asarray(numbers, int)]
        return lines

    def forget(self, key: Hashable) -> None:
        """Forget what was read in row groups that are there no more."""
        self._works.pop(key, None)
