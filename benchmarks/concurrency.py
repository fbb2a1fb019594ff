"""Many processes write units at once, some the same ones, while a reader asks all the time.

    python benchmarks/concurrency.py [--processes 8] [--units 2000] [--shared 50]

Each process writes its own units, and every tenth time one of the shared units, which all of them
write with different rows. The reader counts rows all the time: parquetry's own way, and a foreign
glob. At the end every unit must be there once, whole, with the rows of one writer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from parquetry import Store, attach_grid_id, write_event_rows

ROWS = 10
SPAWN = multiprocessing.get_context("spawn")


def write_units(base: str, writer: int, units: int, shared: int) -> None:
    own = attach_grid_id({"writer": writer})
    common = attach_grid_id({"writer": "all"})
    for number in range(units):
        is_shared = shared and number % 10 == 9
        params, seed = (common, number // 10 % shared) if is_shared else (own, number)
        rows = [
            {"seed": seed, "event_id": i, "writer": writer, "turn": number} for i in range(ROWS)
        ]
        write_event_rows(rows, base, params)


@dataclass
class Seen:
    """What the reader has seen: how often it asked, and what was wrong."""

    questions: int = 0
    foreign_questions: int = 0
    foreign_gone: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0


def look(store: Store, seen: Seen) -> None:
    started = time.perf_counter()
    broken = store.sql(
        "select grid_id, seed, count(*) as rows, count(distinct (writer, turn)) as writes "
        f"from events group by all having rows <> {ROWS} or writes <> 1"
    ).fetchall()
    seen.slowest_seconds = max(seen.slowest_seconds, time.perf_counter() - started)
    seen.questions += 1
    seen.wrong += [str(row) for row in broken]


def look_from_outside(base: str, seen: Seen) -> None:
    seen.foreign_questions += 1
    try:
        units = (
            pl.scan_parquet(f"{base}/events/**/*.parquet", hive_partitioning=False)
            .group_by("grid_id", "seed")
            .agg(pl.len().alias("rows"), pl.struct("writer", "turn").n_unique().alias("writes"))
            .filter((pl.col("rows") != ROWS) | (pl.col("writes") != 1))
            .collect()
        )
    except (FileNotFoundError, pl.exceptions.ComputeError):
        seen.foreign_gone += (
            1  # allowed to a reader who globs: a clear "not found", never wrong rows
        )
        return
    seen.wrong += [f"foreign {row}" for row in units.rows()]


def run(base: str, processes: int, units: int, shared: int) -> Seen:
    """Run the writers and the reader, and return what the reader saw."""
    seen = Seen()
    write_event_rows(
        [{"seed": 0, "event_id": i, "writer": -1, "turn": 0} for i in range(ROWS)],
        base,
        {"first": 1},
    )
    store = Store(base)
    writers = [
        SPAWN.Process(target=write_units, args=(base, writer, units, shared))
        for writer in range(processes)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        look(store, seen)
        look_from_outside(base, seen)
    for writer in writers:
        writer.join()
        if writer.exitcode:
            seen.wrong.append(f"a writer ended with {writer.exitcode}")
    look(store, seen)
    per_writer = units - units // 10 if shared else units
    used = min(shared, units // 10)
    expected = 1 + processes * per_writer + used
    (found,) = store.sql("select count(distinct (grid_id, seed)) from events").fetchone()
    if found != expected:
        seen.wrong.append(f"{found} units where {expected} were written")
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--units", type=int, default=2000)
    parser.add_argument("--shared", type=int, default=50)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = str(Path(folder) / "store")
        started = time.perf_counter()
        seen = run(base, chosen.processes, chosen.units, chosen.shared)
        seconds = time.perf_counter() - started
        commits = len(Store(base).dataset("events").history())
    written = chosen.processes * chosen.units
    print(
        f"{written:,} units by {chosen.processes} processes in {seconds:.1f} s, {commits:,} replacements"
    )
    print(f"{seen.questions} questions of ours (slowest {seen.slowest_seconds:.2f} s), none failed")
    print(f"{seen.foreign_questions} foreign globs, {seen.foreign_gone} met a file that was gone")
    print(f"wrong answers: {len(seen.wrong)} {seen.wrong[:5]}")
    sys.exit(bool(seen.wrong))


if __name__ == "__main__":
    main()
