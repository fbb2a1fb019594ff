"""Contenders that do the same task, each in a process of its own on a fresh copy of a table."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

OURS = "parquetry"


def measure(run: Callable[[], Any]) -> None:
    """Do a task once, and print what it took as JSON."""
    before = peak_megabytes()
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    run()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    facts = {
        "seconds": seconds,
        "cpu": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
        "peak": peak_megabytes(),
        "extra": peak_megabytes() - before,
    }
    print(json.dumps(facts))


def peak_megabytes() -> float:
    """Return the most memory this process has had; `getrusage` would count its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def compete(
    task: str,
    names: Iterable[str],
    repeats: int,
    fresh: Callable[[str], Path],
    outcome: Callable[[str, Path], tuple[Any, ...]],
    command: Callable[[str, Path], list[str]],
) -> None:
    """Print what each contender takes for a task; all must come to the same rows.

    Args:
        task: Its name.
        names: The contenders.
        repeats: How often each runs; what is told is the median.
        fresh: Gives a contender its own copy of the table.
        outcome: Says what a contender came to.
        command: The arguments of this script that make it do the task on that copy, once.
    """
    results: dict[str, dict[str, float]] = {}
    ends: dict[str, tuple[Any, ...]] = {}
    for name in names:
        runs = []
        for _ in range(repeats):
            table = fresh(name)
            runs.append(in_child(command(name, table)))
        ends[name] = outcome(name, table)
        results[name] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    assert len(set(ends.values())) == 1, ends
    print(f"\n{task}{ratios(results)}")
    for name, found in results.items():
        print(
            f"  {name:10} {found['seconds']:7.3f} s {found['cpu']:7.2f} s of CPU "
            f"{found['peak']:7.0f} MB at peak, {found['extra']:6.0f} of them by the run",
            flush=True,
        )


def in_child(arguments: list[str]) -> dict[str, float]:
    """Run this script in a process of its own, and return what it measured."""
    run = [sys.executable, sys.argv[0], *arguments]
    done = subprocess.run(run, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def ratios(results: dict[str, dict[str, float]]) -> str:
    """Return what share of the time of the best other, and of delta-rs, parquetry takes."""
    others = {name: found["seconds"] for name, found in results.items() if name != OURS}
    if OURS not in results or not others:
        return ""
    ours, best = results[OURS]["seconds"], min(others, key=lambda name: others[name])
    text = f": {ours / others[best]:.2f} of {best}"
    if best != "delta-rs" and "delta-rs" in others:
        text += f", {ours / others['delta-rs']:.2f} of delta-rs"
    return text


def floors(files: Sequence[Path], aside: Path) -> str:
    """Return what copying the bytes of files, and decoding and encoding their rows, takes at least.

    Args:
        files: The files that a task changes.
        aside: A folder for copies of them, on the same disk.
    """
    with tempfile.TemporaryDirectory(dir=aside) as folder:
        start = time.perf_counter()
        with open(f"{folder}/all", "wb") as target:
            target.writelines(path.read_bytes() for path in files)
            target.flush()
            os.fsync(target.fileno())
        copy = time.perf_counter() - start

        def again(item: tuple[int, Path]) -> None:
            from parquetry.files.encoding import encode_table

            number, path = item
            rows = pl.read_parquet(path, hive_partitioning=False).to_arrow()
            Path(f"{folder}/{number}").write_bytes(encode_table(rows))

        start = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(again, enumerate(files)))
        code = time.perf_counter() - start
    return f"floors: copy the bytes {copy:.3f} s, decode and encode the rows {code:.3f} s"


def outcome(name: str, table: Path) -> tuple[Any, ...]:
    """Return what shows whether two contenders came to the same rows."""
    if name == "delta-rs":
        from deltalake import DeltaTable

        frame = pl.DataFrame(pl.from_arrow(DeltaTable(table).to_pyarrow_table())).lazy()
    else:
        frame = pl.scan_parquet(table / "**/*.parquet", hive_partitioning=True)
    found = frame.select(
        pl.len(),
        (pl.col("price") * 100).round(0).cast(pl.Int64).sum().alias("cents"),
        pl.col("trade_id").sum().alias("ids"),
        pl.col("product_id").n_unique().alias("products"),
    )
    return tuple(found.collect().row(0))


def copied(source: Path, target: Path) -> None:
    """Put a fresh copy of a folder in a place, its bytes in memory and on the disk.

    What stood there is emptied and put aside, and stays with the tables: ext4 without a journal takes
    ten times as long for a new file where thousands were removed within the last minutes, which would be
    held against the next contender, or the first one of the next benchmark.
    """
    if target.exists():
        _put_aside(target)
    shutil.copytree(source, target)
    os.sync()


def _put_aside(folder: Path) -> None:
    used = folder.with_name(f"{folder.name}-used")
    used.mkdir(exist_ok=True)
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)
    folder.rename(used / str(len(os.listdir(used))))


class Replacing:
    """Puts new files in the place of old ones, as a careful person does: aside, one sync, renames."""

    def __init__(self) -> None:
        self._drafts: list[Path] = []
        self._gone: list[Path] = []

    def draft(self, path: Path) -> Path:
        """Return where the file that will stand at a path is written."""
        self._drafts.append(path.with_suffix(".draft"))
        return self._drafts[-1]

    def remove(self, path: Path) -> None:
        """Take a file away at the end."""
        self._gone.append(path)

    def finish(self) -> None:
        """Make the new files durable, and exchange."""
        os.sync()
        for draft in self._drafts:
            draft.rename(draft.with_suffix(".parquet"))
        for path in self._gone:
            path.unlink()
        os.sync()
