"""Series beside their peers: block access, shared memory, bytes read, share of data in a session.

    python benchmarks/series.py                 everything
    python benchmarks/series.py access memory   some of: access, memory, bytes, session

"Column scan" is a Polars scan of the columns at each call, indexed in memory afterwards. zarr and xarray
are left out where they are not installed; `session` needs highspy.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from parquetry.series import (
    DataBase,
    LazyTimeScenarioSeriesData,
    MaterializationStrategy,
    ResolutionConfig,
    SimulationSession,
    Study,
    TimeScope,
    handles,
    reader,
    source,
    write_series,
)
from parquetry.series.tiles import tile_cache

HOURS, WEEK = 8760, 168
BLOCK = range(10 * WEEK, 11 * WEEK)
Call = Callable[[], object]
console = Console(width=150)


def seconds(call: Call, before: Call = lambda: None, repeat: int = 30) -> float:
    """Return the median time of a call, after something that is not measured."""
    found = []
    for _ in range(repeat):
        before()
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def forget_tiles() -> None:
    tile_cache.clear()


def forget_everything() -> None:
    """Forget tiles, footers and open files, as a new process would."""
    tile_cache.clear()
    for kept in (reader._files, handles.handles._open, source._sources):  # noqa: SLF001
        kept.clear()


def forget_disk(*paths: Path) -> None:
    """Ask the system to drop what it keeps of files, so that they are read from the disk."""
    for path in paths:
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file():
                descriptor = os.open(file, os.O_RDONLY)
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def access(folder: Path) -> None:
    """Compare reading a block of a week."""
    for scenarios in (200, 2000):
        values = np.random.default_rng(1).random((HOURS, scenarios)) * 1000
        home = folder / f"series-{scenarios}"
        home.mkdir()
        ours, theirs = home / "ours.parquet", home / "theirs.parquet"
        write_series(ours, values, WEEK)
        pl.DataFrame(values, schema=[str(n) for n in range(scenarios)]).write_parquet(theirs)
        store = write_zarr(home, values)
        for count in (1, 20, 200, scenarios) if scenarios > 200 else (1, 20, 200):
            columns = np.sort(np.random.default_rng(2).permutation(scenarios)[:count])
            compare(values, columns, ours, theirs, store)


def compare(
    values: np.ndarray, columns: np.ndarray, ours: Path, theirs: Path, store: Path | None
) -> None:
    steps, names = np.array(BLOCK), [str(column) for column in columns]
    lazy = LazyTimeScenarioSeriesData(ours)
    mapped = lazy.mapped(None)
    mapped.get_value(BLOCK, columns)

    def scan() -> np.ndarray:
        return pl.scan_parquet(theirs).select(names).collect().to_numpy()[steps]

    def pyarrow_read() -> np.ndarray:
        return pq.read_table(theirs, columns=names).to_pandas().to_numpy()[steps]

    held = pq.ParquetFile(ours) if ours.is_file() else None

    def pyarrow_held() -> object:
        group = BLOCK.start // held.metadata.row_group(0).num_rows
        return held.read_row_group(group, columns=names)

    def numpy_read() -> np.ndarray:
        return values[np.ix_(steps, columns)]

    def lazy_read() -> object:
        return lazy.get_value(BLOCK, columns)

    def lazy_new() -> object:
        return LazyTimeScenarioSeriesData(ours).get_value(BLOCK, columns)

    assert np.array_equal(lazy_read(), scan())
    assert np.array_equal(mapped.get_value(BLOCK, columns), numpy_read())
    spec, memory = seconds(scan), seconds(numpy_read, repeat=300)
    rows = [
        ("column scan (Polars), each call", spec, "column scan", None),
        (
            "column scan, file not in memory",
            seconds(scan, lambda: forget_disk(theirs), 10),
            "",
            None,
        ),
        ("PyArrow read_table, each call", seconds(pyarrow_read, repeat=10), "", None),
    ]
    if held is not None:
        rows.append(("PyArrow, footer held, our file", seconds(pyarrow_held), "", None))
    if store is not None:
        rows.append(("zarr + xarray, opened", seconds(zarr_reader(store, columns)), "", None))
    not_there = rows[1][1]
    disk = lambda: (forget_tiles(), forget_disk(ours))  # noqa: E731
    target = 5 if len(columns) == 1 else 3
    apart = seconds(lazy_read, disk, 10)
    year = [range(start, min(start + WEEK, HOURS)) for start in range(0, HOURS, WEEK)]
    walk = seconds(lambda: [lazy.get_value(week, columns) for week in year], forget_tiles, 5)
    each = walk / len(year)
    cold, warm = seconds(lazy_read, forget_tiles), seconds(lazy_read, repeat=300)
    by_array = seconds(lambda: lazy.get_value(steps, columns), repeat=300)
    shared = seconds(lambda: mapped.get_value(BLOCK, columns), repeat=300)
    also = seconds(lambda: mapped.get_value(steps, columns), repeat=300)
    first = seconds(lazy_new, forget_everything, 10)
    rows += [
        ("lazy, first of a process (footer too)", first, ratio(spec, first), None),
        ("lazy, cold tile", cold, ratio(spec, cold), spec / cold >= target),
        ("lazy, cold tile, file not in memory", apart, ratio(not_there, apart), None),
        ("lazy, a cold walk through the year, a block", each, ratio(spec, each), None),
        ("NumPy in memory", memory, "NumPy", None),
        ("lazy, warm, steps as range", warm, ratio(warm, memory), warm / memory <= 2),
        ("lazy, warm, steps as array", by_array, ratio(by_array, memory), by_array / memory <= 2),
        ("MMAP, steps as range", shared, ratio(shared, memory), shared / memory <= 1.5),
        ("MMAP, steps as array", also, ratio(also, memory), also / memory <= 1.5),
    ]  # fmt: skip
    title = (
        f"{HOURS} x {values.shape[1]} float64, a block of {WEEK} steps, {len(columns)} scenario(s)"
    )
    show(title, ["way", "milliseconds", "ratio", "as wanted"], rows)


def show(title: str, heads: list[str], rows: list[tuple[str, float, str, bool | None]]) -> None:
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, justify="left" if head == heads[0] else "right")
    for name, value, note, good in rows:
        table.add_row(name, f"{value * 1e3:.4f}", note, {None: "", True: "yes", False: "NO"}[good])
    console.print(table)


def ratio(one: float, other: float) -> str:
    return f"{one / other:.2f} x"


def write_zarr(home: Path, values: np.ndarray) -> Path | None:
    if not (importlib.util.find_spec("zarr") and importlib.util.find_spec("xarray")):
        return None
    import xarray

    array = xarray.DataArray(values, dims=("time", "scenario"), name="wind")
    array.to_dataset().to_zarr(
        home / "store.zarr", encoding={"wind": {"chunks": (WEEK, 200)}}, consolidated=False
    )
    return home / "store.zarr"


def zarr_reader(store: Path, columns: np.ndarray) -> Call:
    import xarray

    opened = xarray.open_zarr(store, chunks=None, consolidated=False)["wind"]
    return lambda: opened.isel(time=slice(BLOCK.start, BLOCK.stop), scenario=columns).values


def memory(folder: Path, gigabytes: float = 2.0, workers: int = 8) -> None:
    """Measure what many workers hold of one study that they map: proportional set sizes."""
    home = folder / "memory"
    home.mkdir()
    size = HOURS * 2000 * 8
    paths = []
    for number in range(round(gigabytes * 1e9 / size)):
        paths.append(home / f"s{number}.parquet")
        write_series(paths[-1], np.random.default_rng(number).random((HOURS, 2000)), WEEK)
    database = DataBase()
    for path in paths:
        database.add_data(path.stem, "value", LazyTimeScenarioSeriesData(path))
    mapped = database.mapped(str(home / "mapped"))
    study = len(paths) * size
    rows = []
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        queue, ready, go = context.Queue(), context.Barrier(workers + 1), context.Event()
        processes = [
            context.Process(
                target=touch_all, args=(mapped, [p.stem for p in paths], queue, ready, go)
            )
            for _ in range(workers)
        ]
        for process in processes:
            process.start()
        ready.wait()
        total = sum(proportional_bytes(process.pid) for process in processes)
        go.set()
        for process in processes:
            process.join()
        rows.append((method, total / 1e9 / 1e3, ratio(total, study), total / study < 1.3))
    title = f"MMAP: {workers} workers that read all of a study of {study / 1e9:.2f} GB, together"
    show(title, ["start method", "gigabytes (PSS)", "of the study", "under 1.3 x"], rows)


def touch_all(database: DataBase, names: list[str], queue, ready, go) -> None:
    columns = np.arange(2000)
    total = 0.0
    for name in names:
        for start in range(0, HOURS, WEEK):
            steps = range(start, min(start + WEEK, HOURS))
            total += float(database.get_values(name, "value", steps, columns)[0].sum())
    queue.put(total)
    queue.close()
    queue.join_thread()
    ready.wait()
    go.wait()


def proportional_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split(":") for line in file.read().splitlines()[1:])
    return int(lines["Pss"].split()[0]) * 1024


def count_bytes(block, _scenario_ids, values, _carry) -> tuple[dict, None]:
    values["farm", "wind"]
    return {"timestep": [block.first], "bytes": [characters_read()]}, None


def characters_read() -> int:
    with open("/proc/self/io", encoding="ascii") as file:
        return int(file.readline().split()[1])


def bytes_read(folder: Path) -> None:
    """Count what PER_WORKER reads in parallel mode, by what the system says that the process read."""
    rows = []
    for scenarios in (200, 2000):
        home = folder / f"bytes-{scenarios}"
        home.mkdir()
        path = home / "wind.parquet"
        write_series(path, np.random.default_rng(3).random((HOURS, scenarios)), WEEK)
        database = DataBase()
        database.add_data("farm", "wind", LazyTimeScenarioSeriesData(path))
        study = Study(database, TimeScope(0, HOURS - 1), range(0, scenarios, scenarios // 5))
        config = ResolutionConfig("parallel-subproblems", WEEK)
        with ProcessPoolExecutor(1) as executor:
            session = SimulationSession(
                study, config, count_bytes, executor, MaterializationStrategy.PER_WORKER
            )
            found = session.run().frame()["bytes"].diff().drop_nulls().to_numpy()
        size = sum(p.stat().st_size for p in ([path] if path.is_file() else path.iterdir()))
        needed = WEEK * 8
        typical = float(np.median(found))
        rows.append(
            (
                f"8760 x {scenarios}",
                typical / 1e3,
                f"{typical / needed:.1f} x",
                typical < size / 1000,
            )
        )
        title = "PER_WORKER, parallel: bytes that one work item (a block of a scenario) reads"
    show(title, ["series", "bytes", "of the block's own", "under 1/1000 of the file"], rows)


def session(_: Path) -> None:
    """Measure the share of data access in a session of 100 scenarios x 53 blocks with a real solver."""
    path = Path(__file__).resolve().parents[1] / "examples" / "dispatch.py"
    spec = importlib.util.spec_from_file_location("dispatch_example", path)
    dispatch = importlib.util.module_from_spec(spec)
    sys.modules["dispatch_example"] = dispatch
    spec.loader.exec_module(dispatch)
    with tempfile.TemporaryDirectory() as name:
        series = Path(name) / "data-series"
        kind = dispatch.prepare_series(series)
        study = dispatch.build_study(series, 100, 53)
        config = ResolutionConfig("sequential-subproblems", WEEK)
        rows = []
        for strategy in MaterializationStrategy:
            with ProcessPoolExecutor(2) as executor:
                report = SimulationSession(study, config, dispatch.solve, executor, strategy).run()
            share = report.data_seconds / report.work_seconds
            rows.append((strategy.name, report.seconds / 1e3, f"{share:.2%}", share < 0.05))
    title = f"A session of 100 scenarios x 53 blocks with HiGHS on two processes, {kind} series"
    show(title, ["strategy", "seconds", "in data access", "under 5 %"], rows)


def main() -> None:
    parts = {"access": access, "memory": memory, "bytes": bytes_read, "session": session}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=list(parts), choices=[*parts, []])
    chosen = parser.parse_args().parts or list(parts)
    folder = Path(tempfile.mkdtemp(prefix="parquetry-series-"))
    try:
        for part in chosen:
            parts[part](folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
