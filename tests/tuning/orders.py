"""Orders, as a shop would log them, and questions about them: what the tests of tuning go by."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from parquetry.access.sql_query import understand
from parquetry.tuning.candidates.situation import Hints, Situation, Wish
from parquetry.tuning.costs.work import understand_demands
from parquetry.tuning.samples import Sample

if TYPE_CHECKING:
    from parquetry.tuning.costs.work import Asked

FIRST_DAY = dt.date(2023, 1, 1)
DAYS, CUSTOMERS = 700, 50_000
MODES = ("AIR", "MAIL", "RAIL", "SHIP", "TRUCK")


def orders(rows: int, seed: int = 7) -> pl.DataFrame:
    """Return orders in the order in which they came: days ascend, a little shuffled."""
    random = np.random.default_rng(seed)
    late = np.arange(rows) / rows * DAYS + random.uniform(0, 20, rows)
    return pl.DataFrame(
        {
            "order_id": np.arange(rows, dtype=np.int64),
            "customer": random.integers(0, CUSTOMERS, rows),
            "day": pl.Series(late.astype(np.int32)).cast(pl.Int32)
            + (FIRST_DAY - dt.date(1970, 1, 1)).days,
            "mode": pl.Series(random.integers(0, len(MODES), rows)).replace_strict(
                dict(enumerate(MODES))
            ),
            "price": random.uniform(0, 1000, rows).round(2),
            "sku": pl.Series(random.integers(0, 10_000, rows)).cast(pl.String).str.zfill(5),
            "discount": pl.Series(random.integers(0, 10, rows)).replace(0, None),
        }
    ).with_columns(pl.col("day").cast(pl.Date))


def take(frame: pl.DataFrame, rows: int, seed: int = 1) -> Sample:
    """Return a sample of some rows."""
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(len(frame), rows, replace=False))
    table = frame[chosen].to_arrow()
    return Sample(table, len(frame), len(frame) * 30, dict.fromkeys(frame.columns, 4 * len(frame)))


def ask(condition: str, sample: Sample) -> Asked:
    """Return what `SELECT … WHERE condition` needs."""
    demands = understand(f"SELECT * FROM orders WHERE {condition}", {}, ["orders"]).demands(
        "orders", {}
    )
    return understand_demands(demands, sample)


def situation(sample: Sample, conditions: list[str], hints: Hints | None = None) -> Situation:
    """Return a situation in which some conditions were asked equally often, each its own kind."""
    wishes = tuple(
        Wish(ask(condition, sample), cluster_id=str(number), rest_seconds=0.001)
        for number, condition in enumerate(conditions)
    )
    return Situation(sample, wishes, hints=hints or Hints())


def day(number: int) -> str:
    """Return a day as SQL writes it."""
    return f"DATE '{FIRST_DAY + dt.timedelta(days=number)}'"


def questions(each: int, seed: int = 3) -> dict[str, list[str]]:
    """Return conditions of several kinds, with values that differ."""
    random = np.random.default_rng(seed)
    found: dict[str, list[str]] = {}
    for _ in range(each):
        one = int(random.integers(0, CUSTOMERS))
        start = int(random.integers(0, DAYS - 30))
        low = int(random.integers(0, 900))
        mode = random.choice(MODES)
        for kind, condition in {
            "customer": f"customer = {one}",
            "span": f"day BETWEEN {day(start)} AND {day(start + 10)}",
            "customers since": f"customer BETWEEN {one} AND {one + 1000} AND day >= {day(start)}",
            "prices": f"price BETWEEN {low} AND {low + 50}",
            "mode in a month": f"mode = '{mode}' AND day >= {day(start)} AND day < {day(start + 30)}",
            "prices of customers": f"price < {low + 20} AND price >= {low} AND customer < {one}",
            "prefix": f"sku LIKE '{low // 100}%'",
            "some customers": f"customer IN ({one}, {one // 2}, {one // 3})",
            "no discount": f"discount IS NULL AND mode = '{mode}'",
        }.items():
            found.setdefault(kind, []).append(condition)
    return found
