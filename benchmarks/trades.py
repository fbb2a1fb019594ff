"""Trades, as an exchange reports them, in folders `product_id=…/date=…`: the table of the benchmarks.

    python benchmarks/trades.py FOLDER [rows]

Twenty products, thirty days, so 600 partitions; the rows of a partition stand in the order of time. The
columns that name the folders are in the files, too.
"""

from __future__ import annotations

import datetime as dt
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

PRODUCTS, DAYS = 20, 30
FIRST_DAY = dt.date(2025, 11, 1)
MICROSECONDS_A_DAY = 86_400 * 10**6


def trades(number: int, day: int, rows: int) -> pl.DataFrame:
    """Return one partition: ids that count up, times, a walking price, sizes of four decimals."""
    random = np.random.default_rng([number, day])
    date = FIRST_DAY + dt.timedelta(days=day)
    start = int(dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC).timestamp() * 10**6)
    times = start + np.sort(random.integers(0, MICROSECONDS_A_DAY, rows))
    price = 100 * (number + 1) + random.normal(0, 0.05, rows).cumsum()
    frame = pl.DataFrame(
        {
            "trade_id": (day * 10**9) + np.arange(rows, dtype=np.int64),
            "timestamp": pl.Series(times).cast(pl.Datetime("us")),
            "product_id": pl.repeat(product_name(number), rows, eager=True),
            "side": pl.Series(random.integers(0, 2, rows)).replace_strict({0: "buy", 1: "sell"}),
            "price": price.round(2),
            "size": random.exponential(1, rows).round(4),
            "date": pl.repeat(date.isoformat(), rows, eager=True),
        }
    )
    return frame.with_columns(pl.col("timestamp").dt.hour().alias("hour"))


def product_name(number: int) -> str:
    return f"COIN{number:02}-USD"


def write_trades(folder: Path, rows: int, files: int = 1) -> None:
    """Write the table, each partition in so many files, one time span after the other."""
    each = rows // (PRODUCTS * DAYS)

    def write(place: tuple[int, int]) -> None:
        number, day = place
        frame = trades(number, day, each)
        date = (FIRST_DAY + dt.timedelta(days=day)).isoformat()
        part = folder / f"product_id={product_name(number)}" / f"date={date}"
        part.mkdir(parents=True)
        for index in range(files):
            start, end = index * each // files, (index + 1) * each // files
            piece = frame.slice(start, end - start)
            piece.write_parquet(part / f"data_{index}.parquet", compression="zstd")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, product(range(PRODUCTS), range(DAYS))))


if __name__ == "__main__":
    write_trades(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000)
