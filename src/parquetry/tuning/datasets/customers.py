"""Made-up customers, for queries that join."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from parquetry.tuning.datasets.people import COUNTRIES, SEGMENTS, countries_of, segments_of, words

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH_ROWS = 131_072
_EVENTS_A_CUSTOMER = 50
_AT_LEAST = 100


def customers_for(num_rows: int) -> int:
    """Return how many customers so many events come from."""
    return max(_AT_LEAST, num_rows // _EVENTS_A_CUSTOMER)


def customer_batches(count: int, seed: int) -> Iterator[pa.Table]:
    """Yield customers by their numbers, from 0, a batch at a time."""
    for number, start in enumerate(range(0, count, _BATCH_ROWS)):
        rng = np.random.default_rng([seed, 1_000_000 + number])
        ids = np.arange(start, min(start + _BATCH_ROWS, count), dtype=np.int64)
        signed_up = np.datetime64("2019-01-01") + rng.integers(0, 1_642, len(ids))
        yield pa.table(
            {
                "customer_id": ids,
                "country": words(countries_of(ids), COUNTRIES),
                "segment": words(segments_of(ids), SEGMENTS),
                "signup_date": pa.array(signed_up, pa.date32()),
                "credit_limit": np.round(rng.lognormal(6.5, 0.8, len(ids)), -1),
            }
        )
