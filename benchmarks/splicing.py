"""Files of trades made into one: bytes copied, beside engines that decode and encode.

    python benchmarks/splicing.py [files] [rows in each]

Every contender runs in a process of its own. Seconds are the best of five runs, all bytes in the
page cache; memory is what the runs added to the process at its peak.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.files.encoding import encode_table
from parquetry.files.splicing import Source, concatenate

if TYPE_CHECKING:
    from collections.abc import Callable

FILES, ROWS = 100, 100_000
REPEATS = 5
START = 1_700_000_000_000_000


def trades(number: int, rows: int) -> pa.Table:
    """Return one file's trades: two ids, a time, a side, a walking price, a size."""
    random = np.random.default_rng(number)
    times = START + number * 10**9 + np.cumsum(random.integers(0, 20_000, rows))
    price = 30_000 + np.cumsum(random.normal(0, 1, rows)).round(2)
    return pa.table(
        {
            "trade_id": pa.array(number * rows + np.arange(rows)),
            "product_id": pa.array([f"COIN-{number % 20}"] * rows),
            "time": pa.array(times, pa.timestamp("us")),
            "side": pa.array(np.where(random.random(rows) < 0.5, "buy", "sell")),
            "price": pa.array(price.round(2)),
            "size": pa.array(random.exponential(1, rows)),
        }
    )


def copy_bytes(files: list[str], target: str) -> None:
    with open(target, "wb") as sink:
        concatenate(files, sink)


def use_polars(files: list[str], target: str) -> None:
    pl.scan_parquet(files).sink_parquet(target)


def use_duckdb(files: list[str], target: str) -> None:
    query = f"COPY (SELECT * FROM read_parquet($1)) TO '{target}' (FORMAT parquet, CODEC zstd)"
    duckdb.execute(query, [files])


def use_pyarrow(files: list[str], target: str) -> None:
    with pq.ParquetWriter(target, pq.read_schema(files[0]), compression="zstd") as writer:
        for file in files:
            writer.write_table(pq.read_table(file))


CONTENDERS: dict[str, Callable[[list[str], str], None]] = {
    "bytes copied": copy_bytes,
    "Polars": use_polars,
    "DuckDB": use_duckdb,
    "PyArrow": use_pyarrow,
}


def peak_megabytes() -> float:
    """Return the most memory this process has had; `getrusage` would count its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def run(name: str, folder: Path) -> None:
    """Print the seconds and megabytes of one contender, as JSON."""
    files = sorted(map(str, folder.glob("part-*.parquet")))
    for file in files:
        Path(file).read_bytes()
    target = folder / f"{name}.parquet"
    before, best = peak_megabytes(), float("inf")
    for _ in range(REPEATS):
        target.unlink(missing_ok=True)
        start = time.perf_counter()
        CONTENDERS[name](files, str(target))
        best = min(best, time.perf_counter() - start)
    rows = pq.read_metadata(target).num_rows
    facts = {"seconds": best, "peak": peak_megabytes() - before, "rows": rows}
    print(json.dumps(facts | {"bytes": target.stat().st_size}))


def time_footer(folder: Path) -> None:
    """Print what reading the footer of a large file costs: 100 row groups of 20 columns."""
    table = pa.table({f"column_{n}": np.random.default_rng(n).random(5_000) for n in range(20)})
    path = folder / "many.parquet"
    path.write_bytes(encode_table(table, row_group_rows=50))
    best, chunks = float("inf"), 0
    for _ in range(REPEATS):
        start = time.perf_counter()
        with Source.open(path) as source:
            chunks = sum(len(group.chunks) for group in source.footer.row_groups)
        best = min(best, time.perf_counter() - start)
    print(f"\nopening a footer of {chunks} column chunks: {best * 1e3:.1f} ms")


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] in CONTENDERS:
        run(sys.argv[1], Path(sys.argv[2]))
        return
    given = [int(text) for text in sys.argv[1:]]
    files, rows = given + [FILES, ROWS][len(given) :]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(files):
            encoded = encode_table(trades(number, rows))
            (folder / f"part-{number:04}.parquet").write_bytes(encoded)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{files} files of {rows:,} rows, {size / 1e6:.0f} MB")
        best = 0.0
        for contender in CONTENDERS:
            command = [sys.executable, __file__, contender, name]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            facts = json.loads(out)
            assert facts["rows"] == files * rows
            best = best or facts["seconds"]
            print(
                f"{contender:14} {facts['seconds']:7.3f} s {facts['seconds'] / best:6.1f} x "
                f"{facts['peak']:7.1f} MB at peak {facts['bytes'] / 1e6:7.1f} MB written"
            )
        time_footer(folder)


if __name__ == "__main__":
    main()
