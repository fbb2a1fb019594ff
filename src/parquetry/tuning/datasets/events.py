"""Made-up events of a shop, in the order in which they arrive: skewed, and some of them late.

Few customers and products have most of the events; most arrive at once, every fifth within two days,
every twentieth up to two months late, from devices that were offline. A week's arrivals are a file. So
files are nearly in the order of time, and hardly any row group has narrow bounds: which is how folders
of events look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from parquetry.tuning.datasets.clock import START, arrival_times
from parquetry.tuning.datasets.people import (
    COUNTRIES,
    countries_of,
    pick,
    scattered,
    skewed_ranks,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_WEEKS = 52
_LEAST_ROWS = 1_000
_BATCH_ROWS = 131_072  # the rows of a row group
EVENT_TYPES = ("page_view", "click", "add_to_cart", "purchase", "search", "error", "refund")
_TYPE_WEIGHTS = np.array([52, 24, 8, 6, 7, 2, 1], dtype=float)
DEVICES = ("mobile", "desktop", "tablet", "tv")
_DEVICE_WEIGHTS = np.array([58, 33, 8, 1], dtype=float)
PRODUCTS = 5_000
_PURCHASE, _REFUND = EVENT_TYPES.index("purchase"), EVENT_TYPES.index("refund")
_DAY = 86_400_000_000


def event_batches(num_rows: int, customers: int, seed: int) -> Iterator[pa.Table]:
    """Yield the events in the order of their arrival, a week or 131,072 rows at a time.

    The same numbers give the same rows. **Cost:** one batch in memory, at most about 30 MB.

    Args:
        num_rows: How many events.
        customers: How many customers there are; events carry numbers below that.
        seed: What the rows depend on.
    """
    rows = min(_BATCH_ROWS, max(_LEAST_ROWS, -(-num_rows // _WEEKS)))
    for number, start in enumerate(range(0, num_rows, rows)):
        ids = np.arange(start, min(start + rows, num_rows), dtype=np.int64)
        yield _batch(np.random.default_rng([seed, number]), ids, num_rows, customers)


def _batch(rng: np.random.Generator, ids: np.ndarray, num_rows: int, customers: int) -> pa.Table:
    count = len(ids)
    times = _times(rng, ids, num_rows)
    customer_ids = scattered(skewed_ranks(rng, count, customers), customers)
    types = pick(rng, count, _TYPE_WEIGHTS)
    return pa.table(
        {
            "event_id": ids,
            "event_time": pa.array(times, pa.timestamp("us")),
            "event_date": pa.array(times.astype("datetime64[D]"), pa.date32()),
            "customer_id": customer_ids,
            "session_id": _sessions(rng, customer_ids, times),
            "event_type": words(types, EVENT_TYPES),
            "country": words(countries_of(customer_ids), COUNTRIES),
            "device": words(pick(rng, count, _DEVICE_WEIGHTS), DEVICES),
            "product_id": scattered(skewed_ranks(rng, count, PRODUCTS), PRODUCTS),
            "amount": _amounts(rng, types),
        }
    )


def _times(rng: np.random.Generator, ids: np.ndarray, num_rows: int) -> np.ndarray:
    count = len(ids)
    arrivals = arrival_times((ids + rng.random(count)) / num_rows)
    how_late = rng.random(count)
    delays = rng.exponential(60e6, count)  # a minute
    delays = np.where(how_late < 0.25, rng.random(count) * 2 * _DAY, delays)  # noqa: PLR2004
    delays = np.where(how_late < 0.05, rng.random(count) * 60 * _DAY, delays)  # noqa: PLR2004
    return START + np.abs(arrivals - delays).astype("timedelta64[us]")


def _sessions(rng: np.random.Generator, customers: np.ndarray, times: np.ndarray) -> pa.Array:
    """Return ids as servers give them: one a customer and half day, and a third of them new."""
    half_days = times.astype("datetime64[h]").astype(np.int64) // 12
    numbers = (customers * 1_000_003 + half_days).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    numbers += np.where(rng.random(len(times)) < 1 / 3, rng.integers(1, 99, len(times)), 0).astype(
        np.uint64
    )
    return pa.array([f"{number:016x}" for number in numbers.tolist()])


def _amounts(rng: np.random.Generator, types: np.ndarray) -> np.ndarray:
    prices = np.round(rng.lognormal(3.4, 0.9, len(types)), 2)
    return np.where(types == _PURCHASE, prices, np.where(types == _REFUND, -prices, 0.0))
