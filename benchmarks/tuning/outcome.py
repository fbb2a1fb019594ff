"""What a strategy did with a workload, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from measuring import Built


@dataclass
class Outcome:
    """What a strategy did. What that took is told by the times that its layouts have now.

    Args:
        name: The strategy.
        answered: Each question, by its number in the pool, and the layout that answered it.
        moves: The layouts that were written, with the number of the question.
    """

    name: str
    answered: list[tuple[Built, int]] = field(default_factory=list)
    moves: list[tuple[int, Built]] = field(default_factory=list)

    @property
    def query_seconds(self) -> float:
        """What questions took."""
        return float(sum(built.seconds[number] for built, number in self.answered))

    @property
    def rewrite_seconds(self) -> float:
        """What rewriting took."""
        return sum(built.rewrite_seconds for _, built in self.moves)

    @property
    def row_groups(self) -> float:
        """How many row groups were read, of the size that each layout has."""
        return float(sum(built.row_groups[number] for built, number in self.answered))

    @property
    def rows(self) -> float:
        """How many rows these row groups have."""
        return float(
            sum(built.row_groups[number] * built.group_rows for built, number in self.answered)
        )

    def second_half(self) -> Outcome:
        """Return what it did for the later half of the questions."""
        return Outcome(self.name, self.answered[len(self.answered) // 2 :])

    def oracle_row_groups(self, matching: np.ndarray) -> float:
        """Return how many of the same sizes would have been read, had answers' rows stood together.

        Args:
            matching: The rows that fulfil the conditions of each question.
        """
        return float(
            sum(
                max(1, np.ceil(matching[number] / built.group_rows))
                for built, number in self.answered
            )
        )

    @property
    def total(self) -> float:
        """Questions and rewriting together."""
        return self.query_seconds + self.rewrite_seconds
