"""Repartition, compact and append on a table of trades, beside delta-rs, DuckDB, Polars and PyArrow.

    python benchmarks/reshaping.py [--rows 10000000] [--repeats 5] [--only hour] [--folder DIR]

The table: `rows` trades of 20 products on 30 days, a folder for each product and day, sorted by time,
with one file in each folder; to be compacted, ten. Everybody starts from the same rows and must end
with files that any reader reads right. delta-rs has its log and keeps its old files beside the new
ones; the others write Hive folders and are told how to go about it by hand: which files belong
together, two at a time, aside, with a sync before the renames and one after them. parquetry changes
the dataset in place; its time includes planning, the commit, all syncs, and keeping the old files for
undoing.

Every run is in a process of its own on a fresh copy; what is told is the median. The floors say what
the bytes and the rows alone cost, with nothing around them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from contest import Replacing, compete, copied, floors, measure, outcome
from trades import DAYS, PRODUCTS, trades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BY = ["product_id", "date"]
PIECES = 10  # files of each partition, to be compacted
APPENDS, APPENDED_ROWS = 100, 2_000
TASKS = {
    "repartition to product_id": ["product_id"],
    "repartition by product, date and hour": ["product_id", "date", "hour"],
    "compact 6,000 files to 600": [],
    "append 100 x 2,000 rows": [],
}


# --- the tables ----------------------------------------------------------------------------------


def generate(folder: Path, rows: int, pieces: int) -> None:
    """Write the table for parquetry (and everybody else) and for delta-rs, in so many appends."""
    from deltalake import write_deltalake

    from parquetry.dataset import Dataset

    each = rows // (PRODUCTS * DAYS)

    def batches(piece: int) -> Iterator[pa.Table]:
        start, end = piece * each // pieces, (piece + 1) * each // pieces
        for product in range(PRODUCTS):
            days = [trades(product, day, each).slice(start, end - start) for day in range(DAYS)]
            yield pl.concat(days).to_arrow()

    schema = trades(0, 0, 1).to_arrow().schema
    dataset = Dataset(folder / "plain" / "trades")
    for piece in range(pieces):
        dataset.append(batches(piece), partition_by=BY)
        parts = (batch for table in batches(piece) for batch in table.to_batches())
        reader = pa.RecordBatchReader.from_batches(schema, parts)
        write_deltalake(folder / "delta" / "trades", reader, partition_by=BY, mode="append")


def arrivals() -> list[pl.DataFrame]:
    """Return what arrives: a few trades of every product on the next day, batch by batch."""
    share = APPENDED_ROWS // PRODUCTS
    products = [trades(number, DAYS, share * APPENDS) for number in range(PRODUCTS)]
    return [
        pl.concat(frame.slice(number * share, share) for frame in products)
        for number in range(APPENDS)
    ]


def folders_of(table: Path, depth: int) -> dict[str, list[Path]]:
    """Return the files below each folder of a depth, by its relative path."""
    found: dict[str, list[Path]] = {}
    for path in sorted(table.glob("**/*.parquet")):
        found.setdefault("/".join(path.relative_to(table).parts[:depth]), []).append(path)
    return found


def exchange(table: Path, draft: Path) -> None:
    """Put a folder in the place of the table, which is kept; both survive a loss of power."""
    os.sync()
    table.rename(table.with_name("old"))
    draft.rename(table)
    os.sync()


# --- the contenders ------------------------------------------------------------------------------


def use_parquetry(task: str, table: Path) -> Callable[[], Any]:
    from parquetry.dataset import Dataset

    dataset = Dataset(table)
    if keys := TASKS[task]:
        return lambda: dataset.repartition(keys)
    if task.startswith("compact"):
        return dataset.compact
    frames = arrivals()
    return lambda: [dataset.append(frame) for frame in frames]


def use_delta(task: str, table: Path) -> Callable[[], Any]:
    from deltalake import DeltaTable, write_deltalake

    frames = [frame.to_arrow() for frame in arrivals()]
    draft = table.with_name("draft")

    def run() -> None:
        if keys := TASKS[task]:
            rows = DeltaTable(table).to_pyarrow_dataset().scanner().to_reader()
            write_deltalake(draft, rows, partition_by=keys)
            exchange(table, draft)
        elif task.startswith("compact"):
            DeltaTable(table).optimize.compact()
            os.sync()
        else:
            for frame in frames:
                write_deltalake(table, frame, mode="append")
                os.sync()

    return run


def by_hand(
    task: str, table: Path, join: Callable[[list[Path], Path], Any], split: Callable[..., Any]
) -> None:
    """Do a task of files that are joined or split, two at a time."""
    draft = table.with_name("draft")
    replacing = Replacing()
    targets, groups = [], []
    if task.startswith("compact"):
        for files in folders_of(table, len(BY)).values():
            targets.append(replacing.draft(files[0].with_name("whole.parquet")))
            groups.append(files)
            for path in files:
                replacing.remove(path)
    elif TASKS[task] == ["product_id"]:
        for name, files in folders_of(table, 1).items():
            targets.append(draft / name / "whole.parquet")
            groups.append(files)
            targets[-1].parent.mkdir(parents=True)
    else:
        split(draft)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(join, groups, targets))
    if TASKS[task]:
        exchange(table, draft)
    else:
        replacing.finish()


def append_by_hand(split: Callable[[Any, int], None], frames: list[Any]) -> None:
    for number, frame in enumerate(frames):
        split(frame, number)
        os.sync()


def use_polars(task: str, table: Path) -> Callable[[], Any]:
    def join(files: list[Path], target: Path) -> None:
        pl.scan_parquet(files, hive_partitioning=False).sink_parquet(target)

    def join_small(files: list[Path], target: Path) -> None:
        pl.read_parquet(files, hive_partitioning=False).write_parquet(target)

    def split(draft: Path) -> None:
        rows = pl.scan_parquet(sorted(table.glob("**/*.parquet")), hive_partitioning=False)
        by = pl.PartitionBy(draft, key=TASKS[task], include_key=True)
        rows.sink_parquet(by, mkdir=True)

    def add(frame: pl.DataFrame, number: int) -> None:
        for (product, date), rows in frame.partition_by(BY, as_dict=True).items():
            folder = table / f"product_id={product}" / f"date={date}"
            folder.mkdir(exist_ok=True)
            rows.write_parquet(folder / f"new-{number}.parquet")

    if task.startswith("append"):
        frames = arrivals()
        return lambda: append_by_hand(add, frames)
    return lambda: by_hand(task, table, join_small if "compact" in task else join, split)


def use_duckdb(task: str, table: Path) -> Callable[[], Any]:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = true")
    options = "FORMAT parquet, CODEC zstd"

    def join(files: list[Path], target: Path) -> None:
        names = [str(path) for path in files]
        query = f"FROM read_parquet({names}, hive_partitioning=false)"
        connection.cursor().execute(f"COPY ({query}) TO '{target}' ({options})")

    def split(draft: Path) -> None:
        keys = ", ".join(TASKS[task])
        query = f"FROM read_parquet('{table}/**/*.parquet', hive_partitioning=false)"
        how = f"{options}, PARTITION_BY ({keys}), WRITE_PARTITION_COLUMNS true"
        connection.execute(f"COPY ({query}) TO '{draft}' ({how})")

    def add(frame: pa.Table, number: int) -> None:
        how = f"{options}, PARTITION_BY (product_id, date), WRITE_PARTITION_COLUMNS true, APPEND"
        connection.register(f"new{number}", frame)
        connection.execute(f"COPY (FROM new{number}) TO '{table}' ({how})")

    if task.startswith("append"):
        frames = [frame.to_arrow() for frame in arrivals()]
        return lambda: append_by_hand(add, frames)
    return lambda: by_hand(task, table, join, split)


def use_pyarrow(task: str, table: Path) -> Callable[[], Any]:
    def join(files: list[Path], target: Path) -> None:
        schema = pq.read_schema(files[0])
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for path in files:
                writer.write_table(pq.ParquetFile(path).read(use_threads=False))

    def write(rows: Any, draft: Path, keys: list[str], name: str) -> None:
        types = pa.schema([arrivals_schema.field(key) for key in keys])
        ds.write_dataset(
            rows,
            draft,
            format="parquet",
            partitioning=ds.partitioning(types, flavor="hive"),
            file_options=ds.ParquetFileFormat().make_write_options(compression="zstd"),
            max_partitions=100_000,
            max_open_files=900,
            basename_template=f"{name}-{{i}}.parquet",
            existing_data_behavior="overwrite_or_ignore",
        )

    def split(draft: Path) -> None:
        write(ds.dataset(table, format="parquet"), draft, TASKS[task], "part")

    arrivals_schema = trades(0, 0, 1).to_arrow().schema
    if task.startswith("append"):
        frames = [frame.to_arrow() for frame in arrivals()]
        return lambda: append_by_hand(lambda f, n: write(f, table, BY, f"new-{n}"), frames)
    return lambda: by_hand(task, table, join, split)


CONTENDERS: dict[str, Callable[[str, Path], Callable[[], Any]]] = {
    "parquetry": use_parquetry,
    "delta-rs": use_delta,
    "Polars": use_polars,
    "DuckDB": use_duckdb,
    "PyArrow": use_pyarrow,
}


# --- measuring -----------------------------------------------------------------------------------


def prepared(folder: Path, rows: int, pieces: int) -> Path:
    """Return where the table stands, written if it is not there."""
    place = folder / f"{rows}-in-{pieces}"
    if not place.exists():
        draft = place.with_name(f"{place.name}-unfinished")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        generate(draft, rows, pieces)
        draft.rename(place)
    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="parts of the names of tasks, by commas")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--folder", help="keeps the tables there, and the emptied copies")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        name, task, table = given.run
        measure(CONTENDERS[name](task, Path(table)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary)
        for task in TASKS:
            if not any(part in task for part in given.only.split(",")):
                continue
            place = prepared(folder, given.rows, PIECES if task.startswith("compact") else 1)

            def fresh(name: str, place: Path = place) -> Path:
                copied(place / ("delta" if name == "delta-rs" else "plain"), folder / "run")
                return folder / "run" / "trades"

            def command(name: str, table: Path, task: str = task) -> list[str]:
                return ["--run", name, task, str(table)]

            names = given.contenders.split(",")
            compete(task, names, given.repeats, fresh, outcome, command)
            print(
                f"  {floors(sorted((place / 'plain' / 'trades').glob('**/*.parquet')), folder)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
