"""UCB1: try what could be fastest, as far as what was seen leaves that open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from parquetry.tuning.bandits.exploring import Bandit, milliseconds

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.bandits.policy import Option


class UCB1(Bandit):
    """Tries each layout once, then the one with the lowest bound of its mean (Auer and others, 2002).

    The bound is `mean - spread · √(2 ln n / n_l)`, over logarithms of latencies, so that a factor
    counts the same for short and long questions.
    """

    name = "ucb1"

    def try_one(
        self,
        table: str,
        cluster_id: str | None,
        options: Sequence[Option],
        rng: random.Random,  # noqa: ARG002 (what is tried does not depend on chance)
    ) -> tuple[Option, str]:
        """Return the option with the lowest bound."""
        counts = [self.seen(table, cluster_id, option)[1].count for option in options]
        total = max(2, sum(counts))

        def bound(option: Option) -> float:
            prior, seen = self.seen(table, cluster_id, option)
            if not seen.count:
                return -math.inf
            return prior + seen.mean - seen.spread * math.sqrt(2 * math.log(total) / seen.count)

        tried = min(options, key=lambda option: (bound(option), option.layout))
        seen = self.seen(table, cluster_id, tried)[1]
        if not seen.count:
            return tried, "exploring: no question of this kind was tried on it yet"
        lowest = milliseconds(math.exp(bound(tried)))
        return tried, f"exploring: after {seen.count:,} queries it may take as little as {lowest}"
