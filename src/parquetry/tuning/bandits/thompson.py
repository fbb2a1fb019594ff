"""Thompson sampling: try what a draw from what is believed calls fastest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from parquetry.tuning.bandits.exploring import Bandit, milliseconds

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.bandits.evidence import Evidence
    from parquetry.tuning.bandits.policy import Option

_PRIOR_COUNT = 1.0
_PRIOR_SHAPE = 1.0
_PRIOR_RATE = 0.1


class Thompson(Bandit):
    """Draws each layout's mean from its posterior and tries the lowest.

    The posterior of a logarithm's mean and precision is normal-gamma, its prior the prediction with
    the weight of one observation.
    """

    name = "thompson"

    def try_one(
        self,
        table: str,
        cluster_id: str | None,
        options: Sequence[Option],
        rng: random.Random,
    ) -> tuple[Option, str]:
        """Return the option whose draw is lowest."""
        draws = []
        for option in options:
            prior, seen = self.seen(table, cluster_id, option)
            draws.append((prior + _draw(seen, rng), option.layout, option))
        value, _, tried = min(draws, key=lambda draw: draw[:2])
        return tried, f"exploring: a draw from what is believed of it says {_told(value)}"


def _draw(seen: Evidence, rng: random.Random) -> float:
    count = _PRIOR_COUNT + seen.count
    mean = seen.mean * seen.count / count
    shape = _PRIOR_SHAPE + seen.count / 2
    rate = (
        _PRIOR_RATE
        + seen.variance * seen.count / 2
        + _PRIOR_COUNT * seen.count * seen.mean**2 / (2 * count)
    )
    precision = rng.gammavariate(shape, 1 / rate)
    return mean + rng.gauss(0, 1) / math.sqrt(max(count * precision, 1e-12))


def _told(logarithm: float) -> str:
    return milliseconds(math.exp(min(logarithm, 50.0)))
