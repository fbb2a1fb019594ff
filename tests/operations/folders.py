"""Datasets for the tests of operations, and how they are looked at."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.access.source import Source
from parquetry.commits.home import Home
from parquetry.operations.appending import append
from parquetry.operations.deleting import DeletePlan, delete, plan_delete
from parquetry.operations.plans import OperationResult
from parquetry.storage.local import LocalStorage
from parquetry.storage.protocol import Storage


class Folder:
    """A dataset at `store/level2`, ours or not."""

    def __init__(self, store: Path, storage: Storage | None = None) -> None:
        self.store = store
        self.root = store / "level2"
        store.mkdir(parents=True, exist_ok=True)
        self.home = Home.of(self.root)
        self.disk = storage or LocalStorage()
        self.source = Source(self.home, self.disk)

    @property
    def parts(self) -> tuple[Home, Storage, Source]:
        return self.home, self.disk, self.source

    def append(self, frame: pl.DataFrame, *keys: str) -> None:
        """Add rows as parquetry does; the first call makes the dataset."""
        known = None
        if self.root.exists():
            from parquetry.commits.kept_schema import KeptSchema

            known = KeptSchema(self.source.schema(), tuple(self.source.keys()))
        append(self.home, self.disk, frame, known, keys or None)

    def put(self, path: str, table: pa.Table | pl.DataFrame, **options: Any) -> Path:
        """Put a file there as another tool does."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        arrow = table.to_arrow() if isinstance(table, pl.DataFrame) else table
        pq.write_table(arrow, target, **options)
        return target

    def delete(
        self, predicate: Any, where: Mapping[str, Any] | None = None, **options: Any
    ) -> OperationResult:
        return delete(*self.parts, predicate, where, **options)

    def plan_delete(self, predicate: Any, where: Mapping[str, Any] | None = None) -> DeletePlan:
        return plan_delete(*self.parts, predicate, where)

    def files(self) -> list[str]:
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.glob("**/*.parquet"))

    def table(self, path: str) -> pa.Table:
        return pq.ParquetFile(self.root / path).read()

    def frame(self, *, hive: bool = False) -> pl.DataFrame:
        """All rows, as a plain glob finds them."""
        files = [str(self.root / path) for path in self.files()]
        if not files:
            return pl.DataFrame()
        return pl.concat(
            [pl.read_parquet(path, hive_partitioning=hive, glob=False) for path in files],
            how="diagonal_relaxed",
        )

    def rows(self, *columns: str) -> Counter[tuple[Any, ...]]:
        frame = self.frame()
        return Counter(frame.select(columns or frame.columns).rows())

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """The bytes of every file, to see that nothing was touched."""
        return {
            path: (os.stat(self.root / path).st_ino, (self.root / path).read_bytes())
            for path in self.files()
        }


def level2(rows: int = 40) -> pl.DataFrame:
    """Order book rows shaped like those of an exchange: two products, two days."""
    each = range(rows)
    return pl.DataFrame(
        {
            "product_id": [("BTC-USD", "ETH-USD")[n % 2] for n in each],
            "date": [("2025-11-25", "2025-11-26")[n // 2 % 2] for n in each],
            "trade_id": [str(n) for n in each],
            "sequence_num": list(each),
            "side": [("bid", "offer", None)[n % 3] for n in each],
            "best_bid": [100.0 + n for n in each],
            "best_ask": [101.0 + 2 * n for n in each],
            "spread": [None if n % 4 == 0 else 1.0 + n for n in each],
            "spread_bps": [float(20 * n) for n in each],
        }
    )
