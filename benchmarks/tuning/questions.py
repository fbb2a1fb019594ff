"""The questions of the benchmark: templates whose literals are drawn from the data's own ranges."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    Template: TypeAlias = Callable[[np.random.Generator], str]

EACH = 5
"""Questions of a template, with literals of their own."""

NATIONS = ("FRANCE", "GERMANY", "JAPAN", "CHINA", "BRAZIL", "KENYA", "PERU", "CANADA")
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY")
MODES = ("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")


def _day(random: np.random.Generator, first: dt.date, days: int) -> dt.date:
    return first + dt.timedelta(days=int(random.integers(days)))


def _between(column: str, start: dt.date, days: int) -> str:
    end = start + dt.timedelta(days=days)
    return f"{column} >= DATE '{start}' AND {column} < DATE '{end}'"


def _sales_span(column: str, days: int) -> Template:
    def template(random: np.random.Generator) -> str:
        start = _day(random, dt.date(1992, 6, 1), 2_200)
        where = _between(column, start, days)
        return f"SELECT count(*), sum(price), max(quantity) FROM sales WHERE {where}"

    return template


def _sales_key(column: str, last: int) -> Template:
    return lambda random: (
        "SELECT count(*), sum(price), min(shipped) FROM sales "
        f"WHERE {column} = {random.integers(1, last)}"
    )


def _brand(random: np.random.Generator) -> str:
    brand = f"Brand#{random.integers(1, 6)}{random.integers(1, 6)}"
    low = int(random.integers(1, 40))
    return (
        f"SELECT count(*), sum(price) FROM sales WHERE brand = '{brand}' "
        f"AND size BETWEEN {low} AND {low + 4}"
    )


def _nation_month(random: np.random.Generator) -> str:
    start = _day(random, dt.date(1992, 6, 1), 2_000)
    return (
        f"SELECT segment, count(*), sum(price) FROM sales WHERE nation = '{random.choice(NATIONS)}' "
        f"AND {_between('ordered', start, 60)} GROUP BY segment ORDER BY segment"
    )


def _forecast(random: np.random.Generator) -> str:
    start = _day(random, dt.date(1992, 6, 1), 1_900)
    low = int(random.integers(2, 8)) / 100
    return (
        f"SELECT sum(price * discount) FROM sales WHERE {_between('shipped', start, 90)} "
        f"AND discount BETWEEN {low} AND {low + 0.02:.2f} AND quantity < 24"
    )


def _price_range(random: np.random.Generator) -> str:
    low = int(random.integers(1_000, 90_000))
    return f"SELECT count(*), sum(quantity) FROM sales WHERE price BETWEEN {low} AND {low + 500}"


def _sales_templates(millions: float) -> Mapping[str, Template]:
    """Return the templates for so many millions of rows: there are 25,000 customers in each."""
    return {
        "shipped week": _sales_span("shipped", 7),
        "customer": _sales_key("customer", round(25_000 * millions)),
        "part": _sales_key("part", round(33_333 * millions)),
        "brand and size": _brand,
        "nation and months": _nation_month,
        "forecast": _forecast,
        "price range": _price_range,
        "scan by flag": lambda _: (
            "SELECT flag, count(*), sum(price) FROM sales GROUP BY flag ORDER BY flag"
        ),
        "scan by segment": lambda _: (
            "SELECT segment, mode, sum(quantity) FROM sales GROUP BY ALL ORDER BY ALL"
        ),
        "scan of customers": lambda _: (
            "SELECT customer, sum(price) AS s FROM sales GROUP BY customer "
            "ORDER BY s DESC, customer LIMIT 10"
        ),
        "most quantities": lambda random: (
            f"SELECT count(*), sum(price) FROM sales WHERE quantity > {random.integers(1, 8)}"
        ),
        "most discounts": lambda random: (
            f"SELECT mode, sum(price) FROM sales WHERE discount <= 0.0{random.integers(7, 10)} "
            "GROUP BY mode ORDER BY mode"
        ),
    }


def _pickup_span(random: np.random.Generator) -> str:
    start = _day(random, dt.date(2019, 1, 2), 350)
    return f"SELECT count(*), sum(fare_cents) FROM trips WHERE {_between('pickup', start, 3)}"


def _zone(random: np.random.Generator) -> str:
    return (
        "SELECT count(*), sum(fare_cents), sum(tip_cents) FROM trips "
        f"WHERE pickup_zone = {random.choice([4, 7, 13, 24, 33, 41, 42, 74, 75, 87])}"
    )


def _zones(random: np.random.Generator) -> str:
    one, other = random.choice([48, 68, 79, 100, 107, 113, 137, 140, 141, 142], 2, replace=False)
    return (
        "SELECT payment, count(*), sum(tip_cents) FROM trips "
        f"WHERE pickup_zone = {one} AND dropoff_zone = {other} GROUP BY payment ORDER BY payment"
    )


def _driver(random: np.random.Generator) -> str:
    return f"SELECT count(*), sum(fare_cents) FROM trips WHERE driver = {random.integers(200_000)}"


def _long_trips(random: np.random.Generator) -> str:
    low = int(random.integers(1_500, 2_500))
    return (
        "SELECT count(*), sum(fare_cents) FROM trips "
        f"WHERE distance_cmi BETWEEN {low} AND {low + 200}"
    )


def _dear_trips(random: np.random.Generator) -> str:
    start = _day(random, dt.date(2019, 1, 2), 300)
    low = int(random.integers(4_000, 9_000))
    return (
        "SELECT count(*), sum(tip_cents) FROM trips "
        f"WHERE fare_cents >= {low} AND {_between('pickup', start, 30)}"
    )


def _zone_week(random: np.random.Generator) -> str:
    start = _day(random, dt.date(2019, 1, 2), 340)
    return (
        "SELECT count(*), sum(fare_cents) FROM trips "
        f"WHERE dropoff_zone = {random.integers(1, 260)} AND {_between('pickup', start, 14)}"
    )


TRIPS: Mapping[str, Template] = {
    "days": _pickup_span,
    "zone": _zone,
    "from zone to zone": _zones,
    "driver": _driver,
    "long trips": _long_trips,
    "dear trips": _dear_trips,
    "zone and weeks": _zone_week,
    "scan by payment": lambda _: (
        "SELECT payment, count(*), sum(fare_cents) FROM trips GROUP BY payment ORDER BY payment"
    ),
    "scan by passengers": lambda _: (
        "SELECT passengers, payment, sum(tip_cents) FROM trips GROUP BY ALL ORDER BY ALL"
    ),
    "scan of drivers": lambda _: (
        "SELECT driver, sum(fare_cents) AS s FROM trips GROUP BY driver ORDER BY s DESC, driver LIMIT 10"
    ),
    "most fares": lambda random: (
        f"SELECT count(*), sum(tip_cents) FROM trips WHERE fare_cents > {random.integers(100, 500)}"
    ),
    "most distances": lambda random: (
        f"SELECT payment, sum(fare_cents) FROM trips WHERE distance_cmi > {random.integers(10, 60)} "
        "GROUP BY payment ORDER BY payment"
    ),
}


@dataclass(frozen=True)
class Question:
    """One question of the pool."""

    template: str
    sql: str


def make_pool(table: str, millions: float, each: int = EACH, seed: int = 11) -> list[Question]:
    """Return the questions of all templates, for a table of so many rows."""
    random = np.random.default_rng(seed)
    templates = _sales_templates(millions) if table == "sales" else TRIPS
    return [
        Question(name, template(random))
        for name, template in templates.items()
        for _ in range(each)
    ]
