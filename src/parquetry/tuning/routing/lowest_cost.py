"""The routing policy that learns nothing: the layout that reads least, by what the bounds tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.bandits.policy import CLEARLY, Choice, LearnsNothing

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.bandits.policy import Option


class LowestCost(LearnsNothing):
    """Takes the layout with the lowest predicted cost.

    The first option, which is the dataset's own layout, stays unless another is clearly better.
    """

    def choose(
        self,
        table: str,
        cluster_id: str | None,
        options: Sequence[Option],
        rng: random.Random,
    ) -> Choice:
        """Return the option with the lowest prediction; the first where that is no clear gain."""
        del table, cluster_id, rng
        first, *others = options
        best = min(others, key=_seconds, default=first)
        if _seconds(best) > CLEARLY * _seconds(first):
            best = first
        told = ", ".join(f"{one.layout} {1e3 * _seconds(one):.2f} ms" for one in options)
        return Choice(best.layout, is_exploration=False, reason=f"lowest predicted cost: {told}")


def _seconds(option: Option) -> float:
    return option.predicted_seconds or 0.0
