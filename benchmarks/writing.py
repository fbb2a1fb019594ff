"""Writing 100,000 event rows in 1,000 units, beside bare PyArrow and fsync of the same files.

    python benchmarks/writing.py [--units 1000] [--rows 100] [--repeat 5]

Every way writes the same tables to the same tree. `bare` makes the folder, writes the file and syncs
it: what somebody writes who does not think of crashes in the middle or of a second writer, or that the
name of a file is in its folder. `bare, folders too` syncs the new folders as well: POSIX promises the
file only then, as `write_event_rows` does whenever it returns. What was written is removed at the end:
some file systems make new files more slowly for a minute after others were removed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.experiments.hashing import attach_grid_id
from parquetry.experiments.writing import write_event_rows

SEEDS = 10


def make_tables(units: int, rows: int) -> list[tuple[dict, int, pa.Table]]:
    made = []
    for number in range(units):
        params = attach_grid_id({"algo": "memorypair", "gamma": (number // SEEDS) / 7})
        seed = number % SEEDS
        table = pa.table(
            {
                "grid_id": [params["grid_id"]] * rows,
                "seed": pa.array([seed] * rows, pa.int64()),
                "event_id": pa.array(range(rows), pa.int64()),
                "op": ["insert", "delete"] * (rows // 2),
                "regret": [number / (i + 1) for i in range(rows)],
                "cum_regret": [float(i) for i in range(rows)],
                "acc": [0.5 + i / 1000 for i in range(rows)],
            }
        )
        made.append((params, seed, table))
    return made


def bare(base: str, tables: list, *, folders_too: bool = False) -> None:
    os.makedirs(f"{base}/events")
    for params, seed, table in tables:
        grid = f"{base}/events/grid_id={params['grid_id']}"
        is_new_grid = folders_too and not os.path.exists(grid)
        folder = f"{grid}/seed={seed}"
        os.makedirs(folder)
        with open(f"{folder}/data.parquet", "wb") as file:
            pq.write_table(table, file)
            file.flush()
            os.fsync(file.fileno())
        if folders_too:
            for changed in [folder, grid, *([f"{base}/events"] if is_new_grid else [])]:
                sync_folder(changed)


def bare_folders_too(base: str, tables: list) -> None:
    bare(base, tables, folders_too=True)


def sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def one_call_a_unit(base: str, tables: list) -> None:
    for params, _, table in tables:
        write_event_rows(table, base, params)


def one_call_a_grid(base: str, tables: list) -> None:
    for start in range(0, len(tables), SEEDS):
        batch = tables[start : start + SEEDS]
        write_event_rows(pa.concat_tables([t for _, _, t in batch]), base, batch[0][0])


WAYS = {
    "bare": bare,
    "bare, folders too": bare_folders_too,
    "one call a unit": one_call_a_unit,
    "one call a grid": one_call_a_grid,
}


def measure(way: str, tables: list, folder: str) -> float:
    base = tempfile.mkdtemp(dir=folder)
    started = time.perf_counter()
    WAYS[way](base, tables)
    return time.perf_counter() - started


def ratio(peer: list[float], ours: list[float]) -> float:
    """Return the median ratio of the rates, round by round, so that a slow minute hits both."""
    return statistics.median(p / o for p, o in zip(peer, ours, strict=True))


def peak_memory(units: int, rows: int) -> float:
    """Return the growth of the peak, in MB, of one call that writes this many units of one grid."""
    code = f"""
import resource, sys, tempfile, pyarrow as pa
from parquetry.experiments.writing import write_event_rows
def batches(units):
    for seed in range(units):
        yield pa.table({{"seed": pa.array([seed] * {rows}, pa.int64()),
                        "event_id": pa.array(range({rows}), pa.int64()),
                        "regret": [float(i) for i in range({rows})]}})
with tempfile.TemporaryDirectory() as base:
    write_event_rows(batches(50), base, {{"algo": "warm"}})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_event_rows(batches({units}), base, {{"algo": "a"}})
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    chosen = parser.parse_args()
    tables = make_tables(chosen.units, chosen.rows)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        for _ in range(chosen.repeat):
            for way in WAYS:
                seconds[way].append(measure(way, tables, folder))
    rows = chosen.units * chosen.rows
    bare_seconds, bare_folders_seconds = seconds["bare"], seconds["bare, folders too"]
    print(f"{rows:,} rows in {chosen.units:,} units, median of {chosen.repeat}")
    print(f"{'':>18}  seconds       rows/s  of bare  of bare, folders too")
    for way, times in seconds.items():
        median = statistics.median(times)
        print(
            f"{way:>18}  {median:7.2f} {rows / median:12,.0f}"
            f"  {ratio(bare_seconds, times):7.2f}  {ratio(bare_folders_seconds, times):7.2f}"
        )
    for units in (200, 2000):
        grown = peak_memory(units, chosen.rows)
        print(f"one call of {units:>5} units: peak memory grows by {grown:.1f} MB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"peak memory of this process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
