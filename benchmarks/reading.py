"""Many small files: how long until a question is answered, beside the engines on their own.

    python benchmarks/reading.py [--large]

1,000 grids with 10 seeds each, one file of 20 rows a seed; `--large` adds the listing of 100,000 files.
Cold means a source that has seen nothing yet (the disk's cache is warm); warm means the second
question and later ones. Each contender is measured in turn, several times, and the best is shown.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.access.duck import Duck
from parquetry.access.polars_scan import scan
from parquetry.access.source import Source
from parquetry.commits.home import Home
from parquetry.commits.kept_schema import keep_schema
from parquetry.model.partitions import PartitionFilter
from parquetry.storage.listing import Tree
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = 10
ROWS = 20
REPEATS = 7
DISK = LocalStorage()


def plant(root: Path, grids: int) -> None:
    """Write one small file a grid and seed, the keys in the files as well, as our writers do."""
    for grid in range(grids):
        for seed in range(SEEDS):
            folder = root / f"grid_id={grid:08x}" / f"seed={seed}"
            folder.mkdir(parents=True)
            rows = {
                "grid_id": [f"{grid:08x}"] * ROWS,
                "seed": [seed] * ROWS,
                "event_id": range(ROWS),
                "regret": [grid / 7 + event for event in range(ROWS)],
                "op": ["insert", "delete"] * (ROWS // 2),
            }
            pq.write_table(pa.table(rows), folder / "data.parquet")


def walk(folder: str) -> list[str]:
    """Return all files below a folder, as fast as Python can."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += walk(entry.path)
            else:
                found.append(entry.path)
    return found


def race(title: str, contenders: dict[str, Callable[[], Any]], repeats: int = REPEATS) -> None:
    """Print the best time of each contender and its ratio to the first."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(repeats):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender()
            best[name] = min(best[name], time.perf_counter() - start)
    print(f"\n{title}")
    first = next(iter(best.values()))
    for name, seconds in best.items():
        print(f"  {name:<44}{seconds * 1000:9.1f} ms{seconds / first:8.2f}")


def compare_listing(root: str) -> None:
    warm = Tree(root, DISK)
    narrow = PartitionFilter(exact={"grid_id": frozenset([f"{7:08x}"])})
    race(
        "Listing all files",
        {
            "os.scandir over the tree": lambda: walk(root),
            "cold": lambda: Tree(root, DISK).files(),
            "warm": warm.files,
        },
        3,
    )
    race(
        "Listing one grid",
        {
            "os.scandir over the tree": lambda: walk(root),
            "cold": lambda: Tree(root, DISK).files(narrow),
            "warm": lambda: warm.files(narrow),
        },
        3,
    )


ONE = "SELECT count(*), avg(regret) FROM events WHERE grid_id = '00000007'"
GROUPED = "SELECT grid_id, avg(regret), count(*) FROM events GROUP BY grid_id"
TOTAL = "SELECT avg(regret), sum(event_id) FROM events"
FILTERED = "SELECT count(*) FROM events WHERE regret > 50 AND op = 'insert'"


def compare_sql(root: str) -> None:
    duck = Duck()
    source = Source(Home.of(root), DISK)
    files = source.files()
    plain = duckdb.connect()
    globbed = f"read_parquet('{root}/**/*.parquet', hive_partitioning = true)"

    def ours(sql: str) -> Callable[[], Any]:
        return lambda: duck.run(sql, {"events": source})

    def ours_cold(sql: str) -> Callable[[], Any]:
        return lambda: duck.run(sql, {"events": Source(Home.of(root), DISK)})

    def by_list(sql: str) -> Callable[[], Any]:
        text = sql.replace("events", "read_parquet(?)")
        return lambda: plain.execute(text, [files]).fetchall()

    def by_glob(sql: str) -> Callable[[], Any]:
        return lambda: plain.execute(sql.replace("FROM events", f"FROM {globbed}")).fetchall()

    race(
        "SQL, one grid of 1,000",
        {"DuckDB, ** glob": by_glob(ONE), "ours, cold": ours_cold(ONE), "ours, warm": ours(ONE)},
    )
    for title, sql in {"grouped": GROUPED, "total": TOTAL, "filtered": FILTERED}.items():
        race(
            f"SQL, the whole table, {title}",
            {
                "DuckDB, an explicit list (not listed)": by_list(sql),
                "DuckDB, ** glob": by_glob(sql),
                "ours, warm, with listing": ours(sql),
            },
        )


def compare_polars(root: str) -> None:
    source = Source(Home.of(root), DISK)
    files = source.files()
    types = pl.read_parquet_schema(files[0])

    def by_list() -> pl.LazyFrame:
        return pl.scan_parquet(files, schema=types, glob=False, hive_partitioning=False)

    def by_glob() -> pl.LazyFrame:
        return pl.scan_parquet(f"{root}/**/*.parquet", hive_partitioning=True)

    one = pl.col("grid_id") == "00000007"
    questions: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
        "one grid of 1,000": lambda frame: frame.filter(one).select(pl.col("regret").mean()),
        "grouped": lambda frame: frame.group_by("grid_id").agg(pl.col("regret").mean(), pl.len()),
        "total": lambda frame: frame.select(pl.col("regret").mean(), pl.col("event_id").sum()),
    }
    for title, question in questions.items():
        race(
            f"Polars, {title}",
            {
                "scan_parquet, an explicit list (not listed)": lambda q=question: q(
                    by_list()
                ).collect(),
                "scan_parquet, ** glob": lambda q=question: q(by_glob()).collect(),
                "ours, warm, with listing": lambda q=question: q(scan(source)).collect(),
            },
            4,
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store" / "events"
        plant(root, 1000)
        home = Home.of(root)
        home.prepare(DISK)
        columns = Source(home, DISK).schema()
        keep_schema(home, DISK, columns, ("grid_id", "seed"))
        time.sleep(0.2)  # folders that have just changed are not believed to be unchanged
        print(f"10,000 files of {ROWS} rows; {os.cpu_count()} cores")
        compare_listing(home.root)
        compare_sql(home.root)
        compare_polars(home.root)
    if "--large" in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "store" / "events"
            plant(root, 10_000)
            time.sleep(0.2)
            print("\n100,000 files")
            compare_listing(str(root))


if __name__ == "__main__":
    main()
