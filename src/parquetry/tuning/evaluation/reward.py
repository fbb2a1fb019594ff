"""What a layout is worth: `alpha * latency_improvement - beta * rewrite_cost`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.prices import rent

if TYPE_CHECKING:
    import datetime as dt

    from parquetry.tuning.config import Config
    from parquetry.tuning.records import LayoutRecord


def reward(config: Config, latency_improvement: float, rewrite_cost: float) -> float:
    """Return the reward of a layout."""
    return config.alpha * latency_improvement - config.beta * rewrite_cost


def rewrite_cost(
    config: Config, record: LayoutRecord | None, baseline_seconds: float, now: dt.datetime
) -> float:
    """Return what a layout costs beside what the questions would have cost without it.

    Both are money: the hours of computing that writing it took and the GB-months that a replica
    stands beside the dataset, against the hours of computing that the baseline would have taken for
    the questions of the window. 1 means that it costs as much as all of them.

    Args:
        config: The prices.
        record: The layout; nothing is known of one that the dataset came with.
        baseline_seconds: What the baseline would have taken for the questions.
        now: The end of the window, UTC.
    """
    if record is None or not record.rewrite_seconds or baseline_seconds <= 0:
        return 0.0
    seconds = record.rewrite_seconds
    if record.role == "replica":
        age = max(0.0, (now - record.created_at).total_seconds())
        seconds += min(config.window_hours * 3600, age) * rent(config, record.bytes or 0)
    return seconds / baseline_seconds
