"""Delete, update and upsert on a table of trades, beside delta-rs, DuckDB, Polars and PyArrow.

    python benchmarks/operations.py [--rows 10000000] [--repeats 5] [--only delete,upsert] [--folder DIR]

The table: `rows` trades of 20 products on 30 days, a folder for each product and day, one file in each,
sorted by time. Everybody starts from the same rows in the form that is best for him, and must end with
plain files that any reader reads right: delta-rs with its log, the others in Hive folders. Polars,
DuckDB and PyArrow have no such verbs; they rewrite the files that they must, each told which, two at a
time, with one sync at the end, and are neither atomic nor undone. To delete a partition is `unlink`,
then. parquetry finds the files by itself; as "told" it gets the day, too. Every run is in a process of
its own on a fresh copy; what is told is the median, with the commit and all syncs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from contest import OURS, Replacing, compete, copied, measure, outcome
from trades import DAYS, FIRST_DAY, PRODUCTS, product_name, trades

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = ["product_id", "trade_id"]
TOLD = "told"  # parquetry that is told the day, by a partition filter, as the others by their globs
BY = ["product_id", "date"]


# --- the table -----------------------------------------------------------------------------------


def generate(folder: Path, rows: int) -> None:
    """Write the table for parquetry and for delta-rs, and the rows to upsert."""
    from deltalake import write_deltalake

    from parquetry.dataset import Dataset

    each = rows // (PRODUCTS * DAYS)
    dataset = Dataset(folder / "plain" / "trades")

    def batches() -> Any:
        for product in range(PRODUCTS):
            yield pl.concat(trades(product, day, each) for day in range(DAYS)).to_arrow()

    dataset.append(batches(), partition_by=BY)
    write_deltalake(
        folder / "delta" / "trades",
        pa.RecordBatchReader.from_batches(
            trades(0, 0, 1).to_arrow().schema, (b for t in batches() for b in t.to_batches())
        ),
        partition_by=BY,
    )
    new_rows(each, days=[DAYS - 1]).write_parquet(folder / "one-date.parquet")
    new_rows(each, days=list(range(DAYS))).write_parquet(folder / "spread.parquet")


def new_rows(each: int, days: list[int], count: int = 10_000) -> pl.DataFrame:
    """Return rows to upsert: nine in ten are there with another price, one in ten is new."""
    random = np.random.default_rng(7)
    parts = []
    share = max(2, count // (PRODUCTS * len(days)))
    for product in range(PRODUCTS):
        for day in days:
            table = trades(product, day, each)
            chosen = np.sort(random.choice(each, min(share, each), replace=False))
            is_new = random.random(len(chosen)) < 0.1
            ids = table["trade_id"].to_numpy()[chosen] + np.where(is_new, 10**8, 0)
            parts.append(
                table[chosen].with_columns(
                    pl.col("price") + 1, pl.Series("trade_id", ids, dtype=pl.Int64)
                )
            )
    return pl.concat(parts)


# --- what is done --------------------------------------------------------------------------------


def day_name(day: int) -> str:
    return (FIRST_DAY + dt.timedelta(days=day)).isoformat()


HOURS = (dt.datetime(2025, 11, 15, 10), dt.datetime(2025, 11, 15, 13))
PARTITION = (product_name(3), day_name(14))


def predicate(name: str) -> pl.Expr:
    """Return the rows that a task concerns."""
    match name:
        case "delete a partition" | "update one partition":
            return (pl.col("product_id") == PARTITION[0]) & (pl.col("date") == PARTITION[1])
        case "delete 3 hours, clustered":
            return (pl.col("timestamp") >= HOURS[0]) & (pl.col("timestamp") < HOURS[1])
    return pl.col("trade_id") % 100 == 42


def condition(name: str) -> str:
    """Return the same in SQL."""
    match name:
        case "delete a partition" | "update one partition":
            return f"product_id = '{PARTITION[0]}' AND date = '{PARTITION[1]}'"
        case "delete 3 hours, clustered":
            return f"timestamp >= TIMESTAMP '{HOURS[0]}' AND timestamp < TIMESTAMP '{HOURS[1]}'"
    return "trade_id % 100 = 42"


TASKS = [
    "delete a partition",
    "delete 3 hours, clustered",
    "delete 1 % scattered",
    "update one partition",
    "update 1 % scattered",
    "upsert 10k rows, one date",
    "upsert 10k rows, spread",
]


def source_of(task: str, folder: Path) -> Path:
    return folder / ("one-date.parquet" if "one date" in task else "spread.parquet")


# --- the contenders ------------------------------------------------------------------------------


def use_parquetry(
    task: str, table: Path, folder: Path, narrowed: dict[str, str] | None = None
) -> Callable[[], Any]:
    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.operations.deleting import delete
    from parquetry.operations.updating import update
    from parquetry.operations.upserting import upsert
    from parquetry.storage.local import LocalStorage

    home, storage = Home.of(table), LocalStorage()
    parts = (home, storage, Source(home, storage))
    if task.startswith("upsert"):
        rows = pl.read_parquet(source_of(task, folder))
        return lambda: upsert(*parts, rows, KEYS)
    if task.startswith("update"):
        return lambda: update(*parts, predicate(task), {"price": pl.col("price") * 2})
    return lambda: delete(*parts, predicate(task), narrowed)


def use_told(task: str, table: Path, folder: Path) -> Callable[[], Any]:
    return use_parquetry(task, table, folder, {"date": str(HOURS[0])[:10]})


def use_delta(task: str, table: Path, folder: Path) -> Callable[[], Any]:
    from deltalake import DeltaTable

    if task.startswith("upsert"):
        rows = pa.table(pl.read_parquet(source_of(task, folder)).to_arrow())
        on = " AND ".join(f"t.{key} = s.{key}" for key in KEYS)
        return lambda: (
            DeltaTable(table)
            .merge(rows, predicate=on, source_alias="s", target_alias="t")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )
    where = condition(task).replace("TIMESTAMP ", "")  # of which it would make nanoseconds
    if task.startswith("update"):
        return lambda: DeltaTable(table).update(predicate=where, updates={"price": "price * 2"})
    return lambda: DeltaTable(table).delete(where)


def touched(task: str, table: Path) -> list[Path]:
    """Return the files that a rewriter has to look at, as its user would narrow them by hand."""
    match task:
        case "delete a partition" | "update one partition":
            found = table.glob(f"product_id={PARTITION[0]}/date={PARTITION[1]}/*.parquet")
        case "delete 3 hours, clustered":
            found = table.glob(f"product_id=*/date={str(HOURS[0])[:10]}/*.parquet")
        case "upsert 10k rows, one date":
            found = table.glob(f"product_id=*/date={day_name(DAYS - 1)}/*.parquet")
        case _:
            found = table.glob("**/*.parquet")
    return sorted(found)


def by_hand(
    task: str, table: Path, changed: Callable[[Path], Callable[[Path], Any] | None]
) -> None:
    """Rewrite the files of a task, two at a time, aside; then exchange them.

    Args:
        task: Its name.
        table: The table.
        changed: Returns what writes the new form of a file, or None if it stays.
    """
    replacing = Replacing()
    files = touched(task, table)

    def work(path: Path) -> None:
        write = changed(path)
        if write is not None:
            write(replacing.draft(path))

    if task == "delete a partition":
        for path in files:
            replacing.remove(path)
    else:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, files))
    replacing.finish()


def use_polars(task: str, table: Path, folder: Path) -> Callable[[], Any]:
    by_folder = {}

    def upserted(path: Path) -> Callable[[Path], Any] | None:
        frame = pl.read_parquet(path, hive_partitioning=False)
        mine = by_folder.get(tuple(frame.select(BY).row(0)))
        if mine is None:
            return None
        left = frame.join(mine, on=KEYS, how="anti").select(mine.columns)
        return pl.concat([left, mine]).write_parquet

    def changed(path: Path) -> Callable[[Path], Any] | None:
        where = predicate(task)
        frame = pl.read_parquet(path, hive_partitioning=False)
        if task.startswith("update"):
            price = pl.when(where).then(pl.col("price") * 2).otherwise("price")
            return frame.with_columns(price.alias("price")).write_parquet
        left = frame.filter(~where)
        return left.write_parquet if len(left) < len(frame) else None

    def run() -> None:
        if task.startswith("upsert"):
            new = pl.read_parquet(source_of(task, folder))
            by_folder.update(new.partition_by(BY, as_dict=True))
        by_hand(task, table, upserted if task.startswith("upsert") else changed)

    return run


def use_duckdb(task: str, table: Path, folder: Path) -> Callable[[], Any]:
    import duckdb

    connection = duckdb.connect()
    where = condition(task)

    def changed(path: Path) -> Callable[[Path], Any]:
        query = f"SELECT * FROM read_parquet('{path}', hive_partitioning=false)"
        if task.startswith("upsert"):
            product, day = (part.split("=")[1] for part in path.parts[-3:-1])
            mine = f"SELECT * FROM new WHERE product_id = '{product}' AND date = '{day}'"
            keep = f"{query} t ANTI JOIN ({mine}) s USING ({', '.join(KEYS)})"
            query = f"{keep} UNION ALL BY NAME {mine}"
        elif task.startswith("update"):
            price = f"CASE WHEN {where} THEN price * 2 ELSE price END AS price"
            query = query.replace("*", f"* REPLACE ({price})", 1)
        else:
            query += f" WHERE NOT ({where})"
        return lambda draft: copy_duckdb(connection.cursor(), query, draft)

    def run() -> None:
        if task.startswith("upsert"):
            connection.execute(f"CREATE TABLE new AS FROM '{source_of(task, folder)}'")
        by_hand(task, table, changed)

    return run


def copy_duckdb(connection: Any, query: str, draft: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{draft}' (FORMAT parquet, CODEC zstd)")


def use_pyarrow(task: str, table: Path, folder: Path) -> Callable[[], Any]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def write(rows: pa.Table) -> Callable[[Path], None]:
        return lambda draft: pq.write_table(rows, draft, compression="zstd")

    def chosen(rows: pa.Table) -> Any:
        match task:
            case "delete 3 hours, clustered":
                after = pc.greater_equal(rows["timestamp"], pa.scalar(HOURS[0], pa.timestamp("us")))
                return pc.and_(
                    after, pc.less(rows["timestamp"], pa.scalar(HOURS[1], pa.timestamp("us")))
                )
            case "update one partition":
                return pa.array(np.ones(rows.num_rows, bool))
        return pc.equal(
            pc.subtract(rows["trade_id"], pc.multiply(pc.divide(rows["trade_id"], 100), 100)), 42
        )

    def upserted(path: Path, new: pa.Table) -> Callable[[Path], None]:
        rows = pq.ParquetFile(path).read(use_threads=False)
        product, day = (part.split("=")[1] for part in path.parts[-3:-1])
        here = pc.and_(pc.equal(new["product_id"], product), pc.equal(new["date"], day))
        mine = new.filter(here).select(rows.column_names).cast(rows.schema)
        left = rows.join(mine.select(KEYS), KEYS, join_type="left anti", use_threads=False)
        return write(pa.concat_tables([left.select(rows.column_names), mine]))

    def changed(path: Path) -> Callable[[Path], None]:
        rows = pq.ParquetFile(path).read(use_threads=False)
        if task.startswith("update"):
            price = pc.if_else(chosen(rows), pc.multiply(rows["price"], 2.0), rows["price"])
            place = rows.schema.get_field_index("price")
            return write(rows.set_column(place, "price", price))
        return write(rows.filter(pc.invert(chosen(rows))))

    def run() -> None:
        if not task.startswith("upsert"):
            by_hand(task, table, changed)
            return
        new = pl.read_parquet(source_of(task, folder)).to_arrow()
        by_hand(task, table, lambda path: upserted(path, new))

    return run


CONTENDERS: dict[str, Callable[[str, Path, Path], Callable[[], Any]]] = {
    OURS: use_parquetry,
    TOLD: use_told,
    "delta-rs": use_delta,
    "Polars": use_polars,
    "DuckDB": use_duckdb,
    "PyArrow": use_pyarrow,
}


# --- measuring -----------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="parts of the names of tasks, by commas")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--folder", help="keeps the table there, for the next time")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        name, task, table, folder = given.run
        measure(CONTENDERS[name](task, Path(table), Path(folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary) / str(given.rows)
        if not folder.exists():
            draft = folder.with_name(f"{given.rows}-unfinished")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            generate(draft, given.rows)
            draft.rename(folder)
        size = sum(p.stat().st_size for p in (folder / "plain/trades").glob("**/*.parquet"))
        print(f"{given.rows:,} trades in {PRODUCTS * DAYS} partitions, {size / 1e6:.0f} MB")
        wanted = given.only.split(",")
        for task in TASKS:
            if not any(part in task for part in wanted):
                continue

            def fresh(name: str) -> Path:
                copied(folder / ("delta" if name == "delta-rs" else "plain"), folder / "run")
                return folder / "run" / "trades"

            def command(name: str, table: Path, task: str = task) -> list[str]:
                return ["--run", name, task, str(table), str(folder)]

            names = given.contenders.split(",")
            if task != "delete 3 hours, clustered":  # the others say themselves which folders it is
                names = [name for name in names if name != TOLD]
            compete(task, names, given.repeats, fresh, outcome, command)


if __name__ == "__main__":
    main()
