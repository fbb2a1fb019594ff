"""Folders to reshape, and their rows as a multiset in which NaN is equal to NaN."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.model.hive import partition_folder
from readings import as_rows

PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
DAYS = ("2025-11-25", "2025-11-26")


def level2(product: str, day: str, rows: int = 240, seed: int = 0) -> pa.Table:
    """Return one partition of the order book: a row every six minutes or so, through the day."""
    random = np.random.default_rng([seed, PRODUCTS.index(product), DAYS.index(day)])
    start = dt.datetime.fromisoformat(day)
    bid = 100 + random.normal(0, 1, rows).cumsum()
    times = [start + dt.timedelta(seconds=86_400 * n / rows) for n in range(rows)]
    return pa.table(
        {
            "timestamp": pa.array(times, pa.timestamp("us")),
            "product_id": pa.array([product] * rows),
            "date": pa.array([day] * rows),
            "side": pa.array(random.choice(["bid", "offer"], rows)),
            "best_bid": pa.array(bid),
            "best_ask": pa.array(bid + random.random(rows)),
            "sequence_num": pa.array(np.arange(rows) + seed * rows),
        }
    )


def write_level2(folder: Path, files: int = 1, rows: int = 240) -> pa.Table:
    """Write a folder `product_id=…/date=…` with the columns in the files, too, and return its rows."""
    parts = []
    for product in PRODUCTS:
        for day in DAYS:
            for number in range(files):
                table = level2(product, day, rows, seed=number)
                write(folder / f"product_id={product}/date={day}/data_{number}.parquet", table)
                parts.append(table)
    return pa.concat_tables(parts)


def write(path: Path, table: pa.Table, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)


def write_hive(folder: Path, table: pa.Table, keys: tuple[str, ...], *, drop: bool) -> None:
    """Write a table as one file a row into Hive folders, with the keys in the files or not."""
    for number, row in enumerate(table.to_pylist()):
        part = partition_folder({key: row[key] for key in keys})
        rows = table.slice(number, 1)
        write(folder / part / f"{number}.parquet", rows.drop_columns(list(keys)) if drop else rows)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/*.parquet"))


def read(folder: Path) -> pl.DataFrame:
    """Return what a plain glob over the files finds, without a look at the folders."""
    return pl.read_parquet(files(folder), hive_partitioning=False)


def rows(folder: Path, columns: list[str] | None = None) -> Counter[str]:
    """Return the rows of all files with how often each occurs, columns by name."""
    found: Counter[str] = Counter()
    for path in files(folder):
        found.update(multiset(pq.ParquetFile(path).read(), columns))
    return found


def multiset(table: pa.Table, columns: list[str] | None = None) -> Counter[str]:
    return Counter(as_rows(table.select(columns or sorted(table.column_names))))


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def partitions(folder: Path) -> set[str]:
    return {str(path.parent.relative_to(folder)) for path in files(folder)}
