"""What keeping files costs, told in seconds of computing, so that it can be held against time saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.tuning.config import Config

_GB = 10**9
_HOUR_SECONDS = 3600
_MONTH_SECONDS = 365.25 / 12 * 24 * _HOUR_SECONDS


def rent(config: Config, size_bytes: float) -> float:
    """Return the seconds of computing whose price keeping some bytes for one second has.

    Nothing where computing has no price: then there is nothing to hold the price of storage against.
    """
    if config.compute_price_hour <= 0:
        return 0.0
    money = size_bytes / _GB * config.storage_price_gb_month / _MONTH_SECONDS
    return money / config.compute_price_hour * _HOUR_SECONDS
