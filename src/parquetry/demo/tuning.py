"""The tuning part of the demonstration: questions about single customers of a made-up shop."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

from parquetry.tuning.datasets.generating import generate

if TYPE_CHECKING:
    from parquetry.store import Store

TABLE = "visits"
_ROWS = 300_000
_CUSTOMERS = range(40, 80)
_QUESTION = "select count(*), max(amount) from visits where customer_id = ?"


@dataclass(frozen=True, slots=True)
class Asked:
    """What forty questions took, on average, and what they answered."""

    row_groups_read: float
    bytes_read: float
    milliseconds: float
    answers: tuple[tuple[object, ...], ...]


def write_visits(store: Store) -> int:
    """Write the events of a shop, in the order in which they came; return their number."""
    return generate(store, TABLE, _ROWS).rows


def ask(store: Store) -> Asked:
    """Ask about forty customers, one after the other."""
    results = [store.sql(_QUESTION, [customer], profile=True) for customer in _CUSTOMERS]
    stats = [result.stats for result in results]
    return Asked(
        mean(one.row_groups_read or 0 for one in stats),
        mean(one.bytes_read or 0 for one in stats),
        median(one.latency_seconds for one in stats) * 1000,
        tuple(row for result in results for row in result),
    )
