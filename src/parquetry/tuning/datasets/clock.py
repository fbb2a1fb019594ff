"""When made-up events arrive: more as the year goes on, fewer on weekends, most in the evening."""

from __future__ import annotations

from functools import cache

import numpy as np

START = np.datetime64("2023-07-01", "us")
DAYS = 366  # 2024 has a 29th of February
_MONDAY = 2  # the weekday of START is a Saturday, so the first Monday is two days later
_WEEKEND = 0.7
_BY_HOUR = (2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 9, 10, 9, 8, 8, 9, 10, 12, 14, 15, 13, 9, 5)
_MICROSECONDS_A_DAY = 86_400_000_000


def arrival_times(positions: np.ndarray) -> np.ndarray:
    """Return when events arrive, microseconds after START.

    Args:
        positions: Their places in the order of arrival, from 0 up to 1, ascending.
    """
    ends = _day_ends()
    days = np.searchsorted(ends, positions, side="right").clip(max=DAYS - 1)
    begins = np.concatenate(([0.0], ends[:-1]))
    within = (positions - begins[days]) / (ends[days] - begins[days])
    hours = np.interp(within, np.concatenate(([0.0], _hour_ends())), np.arange(25.0))
    times: np.ndarray = (days + hours / 24) * _MICROSECONDS_A_DAY
    return times


@cache
def _day_ends() -> np.ndarray:
    days = np.arange(DAYS)
    weights = (1 + days / DAYS) * np.where((days - _MONDAY) % 7 >= 5, _WEEKEND, 1.0)  # noqa: PLR2004
    return np.cumsum(weights / weights.sum())


@cache
def _hour_ends() -> np.ndarray:
    weights = np.array(_BY_HOUR, dtype=float)
    return np.cumsum(weights / weights.sum())
