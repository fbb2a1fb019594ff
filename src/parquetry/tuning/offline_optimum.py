"""What the best sequence of layouts would have cost somebody who knew all questions beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WorkFunction:
    """The work function of a metrical task system (Borodin, Linial, Saks, 1992).

    Args:
        values: For each layout, the least that it takes to answer all questions so far and to be in
            that layout then.
    """

    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def starting_in(cls, layout: str) -> WorkFunction:
        """Return the work function before the first question."""
        return cls({layout: 0.0})

    def after(self, costs: Mapping[str, float], moves: Mapping[str, float]) -> WorkFunction:
        """Return the work function after one more question.

        Args:
            costs: What the question takes in each layout.
            moves: What it takes to move to each layout. A layout that was not known before can be
                moved to from now on.
        """
        least = self.optimum
        values = {}
        for layout, seconds in costs.items():
            arriving = least + moves[layout]
            values[layout] = min(self.values.get(layout, arriving), arriving) + seconds
        return WorkFunction(values)

    @property
    def optimum(self) -> float:
        """The least that all questions so far can take, moves included."""
        return min(self.values.values(), default=0.0)
