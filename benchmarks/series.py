"""Series beside their peers: block access, shared memory, bytes read, share of data in a session.

    python benchmarks/series.py                 everything
    python benchmarks/series.py access memory   some of: access, memory, bytes, session

Cold is said four ways: the reader is open but nothing is decoded; all readers, footers and decoded
values are forgotten; the files are dropped from the page cache as well; a new process, its first call
after the imports. zarr and xarray are left out where they are not installed; `session` needs highspy.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
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
    write_series,
)
from parquetry.series.source import open_source
from parquetry.series.tiles import tile_cache
from series_ways import (
    BLOCK,
    HOURS,
    OURS,
    WAYS,
    WEEK,
    Call,
    chosen_columns,
    first_call,
    forget_disk,
    forget_series,
    has_zarr,
    write_files,
)

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


def access(folder: Path) -> None:
    """Compare reading a block of a week."""
    for scenarios in (200, 2000):
        values = np.random.default_rng(1).random((HOURS, scenarios)) * 1000
        home = folder / f"series-{scenarios}"
        home.mkdir()
        write_files(home, values)
        for count in sorted({1, 20, 200, scenarios}):
            cold(home, values, count)
            warm(home, values, count)


def cold(home: Path, values: np.ndarray, count: int) -> None:
    """Compare every way where nothing is decoded yet, by how much else is not there."""
    columns = chosen_columns(values.shape[1], count)
    expected = values[np.ix_(np.array(BLOCK), columns)]
    found = {}
    for key, make in WAYS.items():
        way = make(home, columns)
        if (key == "zarr_xarray" and not has_zarr()) or (
            key == "arrow_held" and not (home / way.file).is_file()
        ):
            continue
        assert np.array_equal(way.read(), expected)
        times = [
            seconds(way.read, tile_cache.clear),
            seconds(way.read, way.forget),
            seconds(way.read, lambda way=way: (way.forget(), forget_disk(home / way.file)), 15),
            statistics.median(first_call(key, home, values.shape[1], count) for _ in range(5)),
        ]
        found[way.name] = times
    table = Table(
        title=f"{head(values, count)}, nothing decoded, milliseconds (x of the column scan)"
    )
    table.add_column("way")
    for name in ("reader opened", "new reader", "not in page cache", "new process"):
        table.add_column(name, justify="right")
    scan = next(iter(found.values()))
    for name, times in found.items():
        pairs = zip(times, scan, strict=True)
        table.add_row(name, *(f"{t * 1e3:.3f} ({s / t:5.1f} x)" for t, s in pairs))
    target = 5 if count == 1 else 3
    good = ["yes" if s / t >= target else "NO" for t, s in zip(found["lazy"], scan, strict=True)]
    table.add_row(f"lazy at least {target} x the scan", *good)
    console.print(table)


def warm(home: Path, values: np.ndarray, count: int) -> None:
    """Compare what is decoded or mapped already with NumPy in memory."""
    columns, steps = chosen_columns(values.shape[1], count), np.array(BLOCK)
    data = LazyTimeScenarioSeriesData(home / OURS)
    mapped = data.mapped(None)
    year = [range(start, min(start + WEEK, HOURS)) for start in range(0, HOURS, WEEK)]
    walk = seconds(
        lambda: [data.get_value(week, columns) for week in year], tile_cache.clear, 5
    ) / len(year)
    base = seconds(lambda: values[np.ix_(steps, columns)], repeat=300)
    rows = [
        ("NumPy in memory", base, "", None),
        ("lazy, a cold walk through the year", walk, "", None),
    ]
    for kind, series, limit in (("lazy", data, 2.0), ("MMAP", mapped, 1.5)):
        for how, asked in (("range", BLOCK), ("array", steps)):
            time_ = seconds(lambda s=series, a=asked: s.get_value(a, columns), repeat=300)
            rows.append(
                (f"{kind}, steps as {how}", time_, f"{time_ / base:.2f} x", time_ / base <= limit)
            )
    show(
        f"{head(values, count)}, in memory", ["way", "milliseconds", "of NumPy", "as wanted"], rows
    )


def head(values: np.ndarray, count: int) -> str:
    return f"{HOURS} x {values.shape[1]} float64, a block of {WEEK} steps, {count} scenario(s)"


def show(title: str, heads: list[str], rows: list[tuple[str, float, str, bool | None]]) -> None:
    table = Table(title=title, title_justify="left")
    for name in heads:
        table.add_column(name, justify="left" if name == heads[0] else "right")
    for name, value, note, good in rows:
        table.add_row(name, f"{value * 1e3:.4f}", note, {None: "", True: "yes", False: "NO"}[good])
    console.print(table)


def ratio(one: float, other: float) -> str:
    return f"{one / other:.2f} x"


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
    """Say how much this process has read until now, and how much of it was asking."""
    values["farm", "wind"]
    before = characters_read()
    after = characters_read()
    return {"timestep": [block.first], "until": [before], "asking": [2 * (after - before)]}, None


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
        session = SimulationSession(
            study, config, count_bytes, materialization=MaterializationStrategy.PER_WORKER
        )
        frame = session.run().frame()
        found = (frame["until"].diff() - frame["asking"].shift()).drop_nulls().to_numpy()
        forget_series()
        before = characters_read()
        open_source(str(path))
        opening = characters_read() - before - frame["asking"][0] // 2
        needed, typical = WEEK * 8, float(np.median(found))
        for name, value, good in (
            ("a work item", typical, typical <= 1.05 * needed),
            ("opening, once a process", opening, None),
        ):
            title = f"{HOURS} x {scenarios}, {name}"
            rows.append((title, value / 1e3, f"{value / needed:.2f} x", good))
    title = "PER_WORKER, parallel: bytes that a work item (a block of a scenario) reads"
    show(title, ["series", "bytes", "of the block's own", "no others"], rows)


def session(_: Path) -> None:
    """Measure the share of data access in a session of 100 scenarios x 53 blocks with a real solver."""
    examples = Path(__file__).resolve().parents[1] / "examples"
    sys.path.insert(0, str(examples))  # so that the workers find it, too
    dispatch = importlib.import_module("dispatch")
    with tempfile.TemporaryDirectory() as name:
        series = Path(name) / "data-series"
        kind = dispatch.prepare_series(series)
        study = dispatch.build_study(series, 100, 53)
        config = ResolutionConfig("sequential-subproblems", WEEK)
        rows = []
        for strategy in MaterializationStrategy:
            with dispatch.open_pool(2) as executor:
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
