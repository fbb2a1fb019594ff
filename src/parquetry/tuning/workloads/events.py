"""What people ask of made-up events: recent days, single customers, countries, sums of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.datasets.generating import CUSTOMERS
from parquetry.tuning.workloads.templates import Template

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.workloads.domain import Domain

COLUMNS = ("event_date", "customer_id", "event_type", "country", "product_id", "amount")


def event_templates(domain: Domain) -> Sequence[Template]:
    """Return the templates, those that join only where there are customers."""
    return [one for one in _ALL if one.name != "segments" or CUSTOMERS in domain.others]


def _recent_days(rng: random.Random, domain: Domain) -> str:
    low, high = domain["event_date"].window(rng, rng.choice((1, 3, 7)) / 366)
    return (
        f"SELECT event_type, count(*) AS events, sum(amount) AS amount FROM {domain.table} "
        f"WHERE event_date >= {low} AND event_date < {high} GROUP BY event_type ORDER BY event_type"
    )


def _customer(rng: random.Random, domain: Domain) -> str:
    return (
        f"SELECT event_time, event_type, product_id, amount FROM {domain.table} "
        f"WHERE customer_id = {domain['customer_id'].pick(rng)} ORDER BY event_time"
    )


def _country_month(rng: random.Random, domain: Domain) -> str:
    low, high = domain["event_date"].window(rng, 30 / 366)
    return (
        f"SELECT device, count(*) AS events FROM {domain.table} "
        f"WHERE country = {domain['country'].pick(rng)} AND event_date >= {low} "
        f"AND event_date < {high} GROUP BY device ORDER BY device"
    )


def _products(rng: random.Random, domain: Domain) -> str:
    ids = ", ".join(sorted({domain["product_id"].pick(rng) for _ in range(3)}))
    return (
        f"SELECT product_id, count(*) AS events, sum(amount) AS amount FROM {domain.table} "
        f"WHERE product_id IN ({ids}) AND event_type = 'purchase' "
        "GROUP BY product_id ORDER BY product_id"
    )


def _large_purchases(rng: random.Random, domain: Domain) -> str:
    low, high = domain["event_date"].window(rng, 14 / 366)
    return (
        f"SELECT customer_id, event_time, amount FROM {domain.table} "
        f"WHERE amount > {rng.choice((150, 250, 400))} AND event_date >= {low} "
        f"AND event_date < {high} ORDER BY amount DESC, event_time LIMIT 20"
    )


def _segments(rng: random.Random, domain: Domain) -> str:
    low, high = domain["event_date"].window(rng, 7 / 366)
    return (
        f"SELECT c.segment, count(*) AS events, sum(e.amount) AS amount FROM {domain.table} e "
        f"JOIN {CUSTOMERS} c ON e.customer_id = c.customer_id "
        f"WHERE e.event_date >= {low} AND e.event_date < {high} GROUP BY c.segment ORDER BY c.segment"
    )


def _all_devices(_: random.Random, domain: Domain) -> str:
    return (
        f"SELECT device, count(*) AS events, sum(amount) AS amount FROM {domain.table} "
        "GROUP BY device ORDER BY device"
    )


_ALL = (
    Template("recent days", 30, _recent_days),
    Template("one customer", 30, _customer),
    Template("country, month", 12, _country_month),
    Template("products", 8, _products),
    Template("large purchases", 8, _large_purchases),
    Template("segments", 8, _segments),
    Template("everything", 4, _all_devices),
)
