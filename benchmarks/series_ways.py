"""The ways to read a block of a series that `series.py` compares.

    python benchmarks/series_ways.py WAY FOLDER SCENARIOS COUNT    the first call of this process

"Column scan" is a Polars scan of the columns at each call, indexed in memory afterwards.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HOURS, WEEK = 8760, 168
BLOCK = range(10 * WEEK, 11 * WEEK)
OURS, THEIRS, ZARR = "ours.parquet", "theirs.parquet", "store.zarr"
Call = Callable[[], object]


@dataclass(frozen=True)
class Way:
    """A way to read the block.

    Args:
        name: What the table calls it.
        read: Reads the block; opens what it needs at its first call.
        forget: Drops all that the process keeps, open files and parsed footers too.
        file: What it reads.
    """

    name: str
    read: Call
    forget: Call
    file: str


def chosen_columns(scenarios: int, count: int) -> np.ndarray:
    """Return scenarios at random, ascending."""
    return np.sort(np.random.default_rng(2).permutation(scenarios)[:count])


def write_files(folder: Path, values: np.ndarray) -> None:
    """Write the series in every form."""
    import polars as pl

    from parquetry.series import write_series

    write_series(folder / OURS, values, WEEK)
    names = [str(n) for n in range(values.shape[1])]
    pl.DataFrame(values, schema=names).write_parquet(folder / THEIRS)
    if has_zarr():
        import xarray

        array = xarray.DataArray(values, dims=("time", "scenario"), name="wind")
        encoding = {"wind": {"chunks": (WEEK, 200)}}
        array.to_dataset().to_zarr(folder / ZARR, encoding=encoding, consolidated=False)


def has_zarr() -> bool:
    """Return whether zarr and xarray are installed."""
    return bool(importlib.util.find_spec("zarr") and importlib.util.find_spec("xarray"))


def column_scan(folder: Path, columns: np.ndarray) -> Way:
    import polars as pl

    path, names, steps = folder / THEIRS, [str(c) for c in columns], np.array(BLOCK)

    def read() -> object:
        return pl.scan_parquet(path).select(names).collect().to_numpy()[steps]

    return Way("column scan (Polars), each call", read, lambda: None, THEIRS)


def arrow_table(folder: Path, columns: np.ndarray) -> Way:
    import pyarrow.parquet as pq

    path, names, steps = folder / THEIRS, [str(c) for c in columns], np.array(BLOCK)

    def read() -> object:
        table = pq.read_table(path, columns=names)
        return np.column_stack([column.to_numpy() for column in table.columns])[steps]

    return Way("PyArrow read_table, each call", read, lambda: None, THEIRS)


def arrow_held(folder: Path, columns: np.ndarray) -> Way:
    import pyarrow.parquet as pq

    names, kept = [str(c) for c in columns], {}

    def read() -> object:
        file = kept.get("file") or kept.setdefault("file", pq.ParquetFile(folder / OURS))
        group = BLOCK.start // file.metadata.row_group(0).num_rows
        table = file.read_row_group(group, columns=names)
        first = BLOCK.start - group * file.metadata.row_group(0).num_rows
        return np.column_stack([c.to_numpy()[first : first + WEEK] for c in table.columns])

    return Way("PyArrow, footer held, our file", read, kept.clear, OURS)


def zarr_xarray(folder: Path, columns: np.ndarray) -> Way:
    import xarray

    kept = {}

    def read() -> object:
        if "wind" not in kept:
            opened = xarray.open_zarr(folder / ZARR, chunks=None, consolidated=False)
            kept["wind"] = opened["wind"]
        return kept["wind"].isel(time=slice(BLOCK.start, BLOCK.stop), scenario=columns).values

    return Way("zarr + xarray", read, kept.clear, ZARR)


def lazy(folder: Path, columns: np.ndarray) -> Way:
    from parquetry.series import LazyTimeScenarioSeriesData

    kept = {}

    def read() -> object:
        if "wind" not in kept:
            kept["wind"] = LazyTimeScenarioSeriesData(folder / OURS)
        return kept["wind"].get_value(BLOCK, columns)

    def forget() -> None:
        kept.clear()
        forget_series()

    return Way("lazy", read, forget, OURS)


def forget_series() -> None:
    """Forget decoded values, positions, footers and open files, as a new process would."""
    from parquetry.series import handles, reader, source
    from parquetry.series.tiles import tile_cache

    tile_cache.clear()
    for known in (reader._files, handles.handles._open, source._sources):  # noqa: SLF001
        known.clear()


WAYS = {way.__name__: way for way in (column_scan, arrow_table, arrow_held, zarr_xarray, lazy)}


def forget_disk(*paths: Path) -> None:
    """Ask the system to drop what it keeps of files, so that they are read from the disk."""
    for path in paths:
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file():
                descriptor = os.open(file, os.O_RDONLY)
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def first_call(way: str, folder: Path, scenarios: int, count: int) -> float:
    """Return how long the first call takes in a new process, after its imports."""
    command = [sys.executable, __file__, way, str(folder), str(scenarios), str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    way, folder, scenarios, count = sys.argv[1:]
    chosen = WAYS[way](Path(folder), chosen_columns(int(scenarios), int(count)))
    began = time.perf_counter()
    chosen.read()
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
