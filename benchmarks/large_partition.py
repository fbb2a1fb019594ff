"""One partition of many gigabytes compacted: how much memory that takes.

    python benchmarks/large_partition.py [--gigabytes 5] [--only small] [--folder DIR]

The partition holds trades that take so many gigabytes as a Polars frame, in files of a million rows. It
is compacted in three forms, each in a process of its own:

- large: row groups of 131,072 rows, which are copied as bytes;
- small: row groups of 16,384 rows, which are decoded and encoded;
- overlapping: files that are sorted and whose times overlap, ten by ten, which are merged.

What is told is the memory of the process at its peak, imports included, and of that what the compaction
added. The rows are counted and summed before and after.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq

from contest import in_child, measure
from trades import trades

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 1_000_000  # of a file
OVERLAPPING = 10
FORMS = {"large": 131_072, "small": 16_384, "overlapping": 131_072}


def files(form: str, count: int) -> Iterator[pl.DataFrame]:
    """Return the rows of each file; overlapping ones are every tenth row of a span of time."""
    for number in range(count):
        if form != "overlapping":
            yield trades(0, number, ROWS)
            continue
        span, place = divmod(number, OVERLAPPING)
        parts = [
            trades(0, span * OVERLAPPING + day, ROWS).gather_every(OVERLAPPING, place)
            for day in range(OVERLAPPING)
        ]
        yield pl.concat(parts)


def write(folder: Path, form: str, gigabytes: float) -> int:
    """Write the partition, and return how many rows it has."""
    folder.mkdir(parents=True)
    size = trades(0, 0, ROWS).estimated_size()
    count = max(2, round(gigabytes * 10**9 / size))
    claim = [pq.SortingColumn(1)] if form == "overlapping" else None
    for number, frame in enumerate(files(form, count)):
        table = frame.to_arrow()
        path = folder / f"{number:04}.parquet"
        pq.write_table(
            table, path, row_group_size=FORMS[form], compression="zstd", sorting_columns=claim
        )
    return count * ROWS


def facts(folder: Path) -> tuple[int, int, float]:
    """Return what must be the same before and after."""
    rows = pl.scan_parquet(folder / "**/*.parquet", hive_partitioning=False)
    found = rows.select(
        pl.len(), pl.col("trade_id").sum().alias("ids"), pl.col("price").sum().round(0)
    )
    count, ids, price = found.collect(engine="streaming").row(0)
    return count, ids, price


def is_sorted(folder: Path) -> bool:
    """Return whether the times of each file ascend."""
    return all(
        pl.read_parquet(path, columns=["timestamp"])["timestamp"].is_sorted()
        for path in folder.glob("**/*.parquet")
    )


def compact(folder: str) -> None:
    from parquetry.dataset import Dataset

    dataset = Dataset(folder)
    measure(dataset.compact)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--only", default="", help="parts of the names of forms, by commas")
    parser.add_argument("--folder", help="where the partition is written and removed")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        compact(given.run)
        return
    for form in FORMS:
        if not any(part in form for part in given.only.split(",")):
            continue
        with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
            folder = Path(temporary) / "trades"
            rows = write(folder / "product_id=one", form, given.gigabytes)
            before, count = facts(folder), len(list(folder.glob("**/*.parquet")))
            found = in_child(["--run", str(folder)])
            after = facts(folder)
            assert before == after, (before, after)
            if form == "overlapping":
                assert is_sorted(folder)
            left = len(list(folder.glob("**/*.parquet")))
            print(
                f"{form}: {rows:,} rows in {count} files become {left}, {found['seconds']:.1f} s, "
                f"{found['cpu']:.1f} s of CPU, {found['peak']:.0f} MB at peak, "
                f"{found['extra']:.0f} of them by the compaction",
                flush=True,
            )
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
