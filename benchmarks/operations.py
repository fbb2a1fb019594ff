"""Delete, update and upsert on a table of trades, beside delta-rs, DuckDB, Polars and PyArrow.

    python benchmarks/operations.py [--rows 10000000] [--repeats 5] [--only delete,upsert] [--folder DIR]

The table: `rows` trades of 20 products on 30 days, a folder for each product and day, one file in each,
sorted by time. Everybody starts from the same rows in the form that is best for him, and must end with
plain files that any reader reads right: delta-rs with its log, the others in Hive folders. Polars,
DuckDB and PyArrow have no such verbs; they rewrite the files that they must, two at a time, with one
sync at the end, and are neither atomic nor undone. To delete a partition is `unlink`, then.

Which files a task concerns everybody finds out by himself, from the same request: a condition on rows.
Four tasks are there a second time, "told the partition" or "told the day", as a person would do it who
knows that nothing else is concerned: everybody gets that in the form that he takes it in, and the three
by hand look nowhere else. (An upsert of parquetry is told by a key that includes the day; otherwise it
looks for the keys in every folder, lest a row be there twice.)

Every run is in a process of its own on a fresh copy; what is told is the median, with the commit and all
syncs. The floors say what the bytes and the rows of the files that change cost alone.
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

from contest import OURS, Replacing, compete, copied, floors, measure, outcome
from trades import DAYS, FIRST_DAY, PRODUCTS, product_name, trades

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = ["product_id", "trade_id"]
TOLD_DAY, TOLD_PARTITION = "told the day", "told the partition"
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
        case _ if "partition" in name:
            return (pl.col("product_id") == PARTITION[0]) & (pl.col("date") == PARTITION[1])
        case _ if "3 hours" in name:
            return (pl.col("timestamp") >= HOURS[0]) & (pl.col("timestamp") < HOURS[1])
    return pl.col("trade_id") % 100 == 42


def condition(name: str) -> str:
    """Return the same in SQL."""
    match name:
        case _ if "partition" in name:
            return f"product_id = '{PARTITION[0]}' AND date = '{PARTITION[1]}'"
        case _ if "3 hours" in name:
            return f"timestamp >= TIMESTAMP '{HOURS[0]}' AND timestamp < TIMESTAMP '{HOURS[1]}'"
    return "trade_id % 100 = 42"


TASKS = [
    "delete a partition",
    f"delete a partition, {TOLD_PARTITION}",
    "delete 3 hours, clustered",
    f"delete 3 hours, {TOLD_DAY}",
    "delete 1 % scattered",
    "update one partition",
    f"update one partition, {TOLD_PARTITION}",
    "update 1 % scattered",
    "upsert 10k rows, one date",
    f"upsert 10k rows, {TOLD_DAY}",
    "upsert 10k rows, spread",
]


def day_of(task: str) -> str | None:
    """Return the day that a task tells, if it tells one."""
    if not task.endswith(TOLD_DAY):
        return None
    return day_name(DAYS - 1) if "upsert" in task else str(HOURS[0])[:10]


def keys_of(task: str) -> dict[str, str] | None:
    """Return the values of partition keys that a task tells, if it tells any."""
    if task.endswith(TOLD_PARTITION):
        return dict(zip(BY, PARTITION, strict=True))
    day = day_of(task)
    return {"date": day} if day else None


def source_of(task: str, folder: Path) -> Path:
    return folder / ("spread.parquet" if "spread" in task else "one-date.parquet")


# --- the contenders ------------------------------------------------------------------------------


def use_parquetry(task: str, table: Path, folder: Path) -> Callable[[], Any]:
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
        keys = [*BY, "trade_id"] if day_of(task) else KEYS
        return lambda: upsert(*parts, rows, keys)
    told = keys_of(task)
    if task.startswith("update"):
        return lambda: update(*parts, predicate(task), {"price": pl.col("price") * 2}, told)
    return lambda: delete(*parts, predicate(task), told)


def use_delta(task: str, table: Path, folder: Path) -> Callable[[], Any]:
    from deltalake import DeltaTable

    if task.startswith("upsert"):
        rows = pa.table(pl.read_parquet(source_of(task, folder)).to_arrow())
        on = " AND ".join(f"t.{key} = s.{key}" for key in KEYS)
        if day := day_of(task):
            on += f" AND t.date = '{day}'"
        return lambda: (
            DeltaTable(table)
            .merge(rows, predicate=on, source_alias="s", target_alias="t")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )
    where = condition(task).replace("TIMESTAMP ", "")  # of which it would make nanoseconds
    if day := day_of(task):
        where += f" AND date = '{day}'"
    if task.startswith("update"):
        return lambda: DeltaTable(table).update(predicate=where, updates={"price": "price * 2"})
    return lambda: DeltaTable(table).delete(where)


def is_narrow(task: str) -> bool:
    """Return whether a task concerns few files, and does not say which."""
    return keys_of(task) is None and not task.endswith(("scattered", "spread"))


def touched(task: str, table: Path) -> list[Path]:
    """Return the files that a rewriter has to look at, as far as the task says it."""
    if "partition" in task:
        found = table.glob(f"product_id={PARTITION[0]}/date={PARTITION[1]}/*.parquet")
    elif day := day_of(task):
        found = table.glob(f"product_id=*/date={day}/*.parquet")
    else:
        found = table.glob("**/*.parquet")
    return sorted(found)


def files_for(table: Path, new: pl.DataFrame) -> set[Path]:
    """Return the files in the folders where new rows belong."""
    places = new.select(BY).unique().iter_rows()
    folders = [table / f"product_id={product}" / f"date={date}" for product, date in places]
    return {path for folder in folders for path in folder.glob("*.parquet")}


def by_hand(
    task: str,
    files: list[Path],
    changed: Callable[[Path], Callable[[Path], Any] | None],
) -> None:
    """Rewrite the files of a task, two at a time, aside; then exchange them.

    Args:
        task: Its name.
        files: The files to look into.
        changed: Returns what writes the new form of a file, or None if it stays.
    """
    replacing = Replacing()

    def work(path: Path) -> None:
        write = changed(path)
        if write is not None:
            write(replacing.draft(path))

    if task.startswith("delete a partition"):
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

    def find(new: pl.DataFrame | None) -> list[Path]:
        rows = pl.scan_parquet(
            table / "**/*.parquet",
            hive_partitioning="partition" in task,  # costs 10 ms, and helps only there
            include_file_paths="path",
        )
        if new is None:
            rows = rows.filter(predicate(task))
        else:
            ids = new.get_column("trade_id")
            rows = rows.filter(pl.col("trade_id").is_between(ids.min(), ids.max()))
            rows = rows.join(new.lazy().select(KEYS), on=KEYS, how="semi")
        found = rows.select("path").unique().collect().get_column("path")
        return sorted({*map(Path, found), *(() if new is None else files_for(table, new))})

    def run() -> None:
        new = None
        if task.startswith("upsert"):
            new = pl.read_parquet(source_of(task, folder))
            by_folder.update(new.partition_by(BY, as_dict=True))
        files = find(new) if is_narrow(task) else touched(task, table)
        by_hand(task, files, changed if new is None else upserted)

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

    def find() -> list[Path]:
        is_hive = str("partition" in task).lower()
        options = f"hive_partitioning={is_hive}, filename=true"
        rows = f"FROM read_parquet('{table}/**/*.parquet', {options}) t"
        if not task.startswith("upsert"):
            found = connection.execute(f"SELECT DISTINCT filename {rows} WHERE {where}").fetchall()
            return sorted(Path(name) for (name,) in found)
        both = f"SEMI JOIN new s USING ({', '.join(KEYS)})"
        found = connection.execute(f"SELECT DISTINCT filename {rows} {both}").fetchall()
        new = pl.read_parquet(source_of(task, folder), columns=BY)
        return sorted({*(Path(name) for (name,) in found), *files_for(table, new)})

    def run() -> None:
        if task.startswith("upsert"):
            connection.execute(f"CREATE TABLE new AS FROM '{source_of(task, folder)}'")
        by_hand(task, find() if is_narrow(task) else touched(task, table), changed)

    return run


def copy_duckdb(connection: Any, query: str, draft: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{draft}' (FORMAT parquet, CODEC zstd)")


def chosen_by_pyarrow(task: str, rows: pa.Table) -> Any:
    import pyarrow.compute as pc

    match task:
        case _ if "3 hours" in task:
            after = pc.greater_equal(rows["timestamp"], pa.scalar(HOURS[0], pa.timestamp("us")))
            return pc.and_(
                after, pc.less(rows["timestamp"], pa.scalar(HOURS[1], pa.timestamp("us")))
            )
        case _ if "partition" in task:
            return pa.array(np.ones(rows.num_rows, bool))
    return pc.equal(
        pc.subtract(rows["trade_id"], pc.multiply(pc.divide(rows["trade_id"], 100), 100)), 42
    )


def use_pyarrow(task: str, table: Path, folder: Path) -> Callable[[], Any]:
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    def write(rows: pa.Table) -> Callable[[Path], None]:
        return lambda draft: pq.write_table(rows, draft, compression="zstd")

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
            price = pc.if_else(
                chosen_by_pyarrow(task, rows), pc.multiply(rows["price"], 2.0), rows["price"]
            )
            place = rows.schema.get_field_index("price")
            return write(rows.set_column(place, "price", price))
        return write(rows.filter(pc.invert(chosen_by_pyarrow(task, rows))))

    def find(new: pl.DataFrame | None) -> list[Path]:
        if "partition" in task:
            here = (ds.field("product_id") == PARTITION[0]) & (ds.field("date") == PARTITION[1])
            keys = pa.schema({"product_id": pa.string(), "date": pa.string()})
            hive = ds.dataset(table, partitioning=ds.partitioning(keys, flavor="hive"))
            return sorted(Path(one.path) for one in hive.get_fragments(here))
        column, (low, high) = "timestamp", HOURS
        if new is not None:
            ids = new.get_column("trade_id")
            column, low, high = "trade_id", ids.min(), ids.max()
        within = (ds.field(column) >= low) & (ds.field(column) <= high)
        rows = ds.dataset(table, format="parquet")
        hit = [one.path for one in rows.get_fragments() if one.split_by_row_group(within)]
        return sorted({*map(Path, hit), *(() if new is None else files_for(table, new))})

    def run() -> None:
        new = pl.read_parquet(source_of(task, folder)) if task.startswith("upsert") else None
        files = find(new) if is_narrow(task) else touched(task, table)
        if new is None:
            by_hand(task, files, changed)
            return
        rows = new.to_arrow()
        by_hand(task, files, lambda path: upserted(path, rows))

    return run


CONTENDERS: dict[str, Callable[[str, Path, Path], Callable[[], Any]]] = {
    OURS: use_parquetry,
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
    parser.add_argument("--folder", help="keeps the table there, and the emptied copies")
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
            compete(task, names, given.repeats, fresh, outcome, command)
            told = f"{task.split(', ')[0]}, {TOLD_DAY}" if "," in task and is_narrow(task) else task
            print(f"  {floors(touched(told, folder / 'plain' / 'trades'), folder)}", flush=True)


if __name__ == "__main__":
    main()
