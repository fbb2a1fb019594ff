"""Typed tables: what validation costs, and what it costs to hold a key across files.

    python benchmarks/tables.py [validation] [keys] [memory]

Validation: one million rows of `geometry_state` against a class of dataframely written by hand with the
same columns, key and rules. Keys: 10,000 rows against ten million, beside a semi-join over all files and
a MERGE of delta-rs (if deltalake is installed), each in a process of its own; looked for alone, and as a
whole append to a dataset of the table, which is refused where keys are there. Bytes are what the process
read from files by system calls; Polars maps files into memory, so its bytes are what footers say.
Memory: the peak of appends of one and of four million rows that come as an iterator, in one call each.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dataframely as dy
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry import Dataset, Store
from parquetry.errors import KeyViolationError
from parquetry.files.encoder import Encoder
from parquetry.tables import squiggle
from parquetry.tables.content import content_hash
from parquetry.tables.key_search import find_existing_keys, prepare_key_search
from parquetry.tables.squiggle.spine import KEY_MODULES, MODULES, SPLITS
from parquetry.tables.table_files import TableFile

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = squiggle.GEOMETRY_STATE
KEY = list(TABLE.primary_key)
RUNS = 20
ROWS_PER_RUN = 500_000
NEW_ROWS = 10_000
REPEATS = 7


def geometry(run: str, rows: int, first_step: int = 0, seed: int = 0) -> pl.DataFrame:
    """Return rows of one run: 4 layers, 5 modules, 5 samples, so 100 rows a step, in sort order."""
    rng = np.random.default_rng(seed)
    index = np.arange(rows)
    frame = pl.DataFrame(
        {
            "step": first_step + index // 100 * 10,
            "sample_id": pl.Series([f"sample-{n}" for n in range(5)])[index % 5],
            "layer": ((index // 5) % 4).astype(np.int16),
            "module": pl.Series(MODULES)[(index // 20) % 5],
            "d": np.full(rows, 128, np.int32),
            "eff_rank": rng.uniform(1, 128, rows).astype(np.float32),
            **{
                name: rng.standard_normal(rows).astype(np.float32)
                for name in ("l2_norm", "mean", "var", "sv_entropy")
            },
            "sparsity_l0_frac": rng.random(rows).astype(np.float32),
        }
    ).with_columns(run_id=pl.lit(run), sample_set=pl.lit("fixed_v1"))
    return TABLE.validate(frame.sort("layer", "module", "step"))


class ByHand(dy.Schema):
    """`geometry_state` as one would write it for dataframely alone."""

    run_id = dy.String(primary_key=True)
    analysis_id = dy.String(primary_key=True)
    schema_version = dy.String()
    created_at_utc = dy.Datetime(time_unit="us", time_zone="UTC")
    step = dy.Int64(primary_key=True, check=lambda step: step >= 0)
    sample_set = dy.String(primary_key=True)
    sample_id = dy.String(primary_key=True)
    layer = dy.Int16(primary_key=True, check=lambda layer: layer >= -1)
    module = dy.String(primary_key=True, check=lambda module: module.is_in(KEY_MODULES))
    split = dy.String(nullable=True, check=lambda split: split.is_in(SPLITS))
    n_samples = dy.Int32(nullable=True, check=lambda n: n >= 1)
    d = dy.Int32(check=lambda d: d >= 1)
    l2_norm = dy.Float32(allow_inf=True, allow_nan=True)
    mean = dy.Float32(allow_inf=True, allow_nan=True)
    var = dy.Float32(allow_inf=True, allow_nan=True)
    eff_rank = dy.Float32(allow_inf=True, allow_nan=True)
    sv_entropy = dy.Float32(allow_inf=True, allow_nan=True)
    sparsity_l0_frac = dy.Float32(
        nullable=True,
        allow_inf=True,
        allow_nan=True,
        check=lambda part: (part >= 0) & (part <= 1) & part.is_not_nan(),
    )
    kurtosis = dy.Float32(nullable=True, allow_inf=True, allow_nan=True)
    skew = dy.Float32(nullable=True, allow_inf=True, allow_nan=True)
    participation_ratio = dy.Float32(nullable=True, allow_inf=True, allow_nan=True)
    top_sv_frac_1 = dy.Float32(nullable=True, allow_inf=True, allow_nan=True)
    top_sv_frac_4 = dy.Float32(nullable=True, allow_inf=True, allow_nan=True)
    top_sv_frac_16 = dy.Float32(nullable=True, allow_inf=True, allow_nan=True)
    condition_number = dy.Float32(nullable=True, allow_inf=True, allow_nan=True)
    spectrum_bins = dy.List(dy.Float32(allow_inf=True, allow_nan=True), nullable=True)

    @dy.rule()
    def of_this_table(cls) -> pl.Expr:  # noqa: N805 - so dataframely wants it
        """The rows say that they are of this table."""
        return pl.col("schema_version").str.starts_with("geometry_state@2.")

    @dy.rule()
    def rank_within_dimension(cls) -> pl.Expr:  # noqa: N805
        """The effective rank lies in [1, d]."""
        return pl.col("eff_rank").is_between(0.9999, pl.col("d") * 1.0001)


def median_seconds(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the median of some rounds, the contenders taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - start)
    return {name: sorted(each)[len(each) // 2] for name, each in taken.items()}


def benchmark_validation() -> None:
    good = geometry("run-0", 1_000_000)
    bad = good.with_columns(
        eff_rank=pl.when(pl.int_range(pl.len()) % 100 == 0)
        .then(200.0)
        .otherwise("eff_rank")
        .cast(pl.Float32)
    )
    for name, frame in (("all rows good", good), ("1 % of the rows bad", bad)):
        ours, _ = TABLE.filter(frame)
        theirs, _ = ByHand.filter(frame)
        assert ours.equals(pl.DataFrame(theirs))
        seconds = median_seconds(
            {
                "schema.filter": lambda frame=frame: TABLE.filter(frame),
                "dataframely alone": lambda frame=frame: ByHand.filter(frame)[1].counts(),
            }
        )
        print(f"validation of {frame.height:,} rows, {name}")
        for contender, each in seconds.items():
            print(f"  {contender:20} {each:7.3f} s")
        print(
            f"  ratio                {seconds['schema.filter'] / seconds['dataframely alone']:7.2f}"
        )


def write_table(root: Path) -> None:
    """Write ten million rows: a folder a run, row groups of 131,072 rows, sorted as the table says."""
    Store(root).create_dataset("plain", TABLE)
    for run in range(RUNS):
        folder = root / "plain" / f"run_id=run-{run}" / "analysis_id=default"
        folder.mkdir(parents=True)
        table = geometry(f"run-{run}", ROWS_PER_RUN, seed=run).to_arrow()
        schema = pa.schema(TABLE.to_arrow().remove_metadata())
        with (folder / "part.parquet").open("wb") as sink, Encoder(sink, schema) as encoder:
            encoder.write(table.cast(schema))


def write_delta(root: Path) -> None:
    import deltalake

    for run in range(RUNS):
        frame = geometry(f"run-{run}", ROWS_PER_RUN, seed=run)
        deltalake.write_deltalake(
            str(root / "delta"), frame, mode="append", partition_by=["run_id", "analysis_id"]
        )


def table_files(root: Path) -> list[TableFile]:
    plain = root / "plain"
    found = sorted(plain.rglob("*.parquet"))
    return [TableFile.under(str(plain), str(path.relative_to(plain))) for path in found]


def new_rows(name: str) -> pl.DataFrame:
    last = ROWS_PER_RUN // 100 * 10
    if name == "later steps of one run":
        return geometry("run-7", NEW_ROWS, first_step=last)
    if name == "rows of one run again":
        return geometry("run-7", NEW_ROWS, first_step=last // 2)
    parts = [geometry(f"run-{r}", NEW_ROWS // RUNS, first_step=r * 1000) for r in range(RUNS)]
    return pl.concat(parts)


def ours(root: Path, rows: pl.DataFrame) -> dict[str, Any]:
    files = table_files(root)
    found = find_existing_keys(rows, KEY, files)
    return {"found": found.height}


def append(root: Path, rows: pl.DataFrame) -> dict[str, Any]:
    dataset = Dataset(root / "plain")
    try:
        dataset.append(rows)
    except KeyViolationError as error:
        return {"found": int(str(error).split()[0].replace(",", ""))}
    return {"found": 0}


def naive(root: Path, rows: pl.DataFrame) -> dict[str, Any]:
    paths = [file.path for file in table_files(root)]
    there = pl.scan_parquet(paths, hive_partitioning=False).select(KEY)
    found = there.join(rows.lazy().select(KEY), on=KEY, how="semi").collect(engine="streaming")
    return {"found": found.height}


def delta(root: Path, rows: pl.DataFrame) -> dict[str, Any]:
    import deltalake

    table = deltalake.DeltaTable(str(root / "delta"))
    same = " AND ".join(f"target.{name} = source.{name}" for name in KEY)
    if rows["run_id"].n_unique() == 1:  # what its documentation advises for partitions
        same += f" AND target.run_id = '{rows['run_id'][0]}'"
    merge = table.merge(rows.to_arrow(), same, source_alias="source", target_alias="target")
    done = merge.when_not_matched_insert_all().execute()
    return {"found": rows.height - done["num_target_rows_inserted"]}


CONTENDERS = {
    "key search": ours,
    "whole append": append,
    "semi-join over all": naive,
    "delta-rs MERGE": delta,
}
CASES = ("later steps of one run", "rows of one run again", "rows of every run again")


def bytes_read() -> int:
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return int(lines[0].split()[1])


def peak_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def child(contender: str, case: str, root: Path) -> None:
    rows = new_rows(case)
    TABLE.filter(rows[:1])  # nobody's imports are measured
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
    rss = peak_mib()
    before, start = bytes_read(), time.perf_counter()
    told = CONTENDERS[contender](root, rows)
    told["seconds"] = time.perf_counter() - start
    told["bytes"] = bytes_read() - before
    told["peak_mib"] = peak_mib() - rss
    print(json.dumps(told))


def benchmark_keys() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_table(root)
        known = ["key search", "whole append", "semi-join over all"]
        if importlib.util.find_spec("deltalake"):
            write_delta(root)
            known.append("delta-rs MERGE")
        size = sum(Path(file.path).stat().st_size for file in table_files(root))
        print(
            f"key check of {NEW_ROWS:,} rows against {RUNS * ROWS_PER_RUN:,} ({size / 1e6:,.0f} MB)"
        )
        for case in CASES:
            print(f"  {case}")
            search = prepare_key_search(new_rows(case).select(KEY), table_files(root))
            print(f"    plan: {search.describe()}")
            for contender in known:
                print_run(contender, case, root)
        start = time.perf_counter()
        content_hash(table_files(root))
        print(f"content hash of the whole table: {time.perf_counter() - start:.1f} s")


def print_run(contender: str, case: str, root: Path) -> None:
    """Run a contender in processes of its own, undo what it changed, and print its best run."""
    found = []
    for _ in range(3):
        out = subprocess.run(
            [sys.executable, __file__, "child", contender, case, str(root)],
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(out.stdout.splitlines()[-1]))
        if contender == "delta-rs MERGE":
            restore_delta(root)
        if contender == "whole append":
            Dataset(root / "plain").restore(0)
    best = min(found, key=lambda each: each["seconds"])
    size = naive_bytes(root) if contender == "semi-join over all" else best["bytes"]
    print(
        f"    {contender:20} {best['seconds']:7.3f} s  {size / 1e6:8.2f} MB read  "
        f"peak +{best['peak_mib']:6.0f} MiB  {best['found']:,} keys found"
    )


def naive_bytes(root: Path) -> int:
    """Return what the key columns of all files take."""
    total = 0
    for file in table_files(root):
        footer = pq.read_metadata(file.path)
        places = [footer.schema.names.index(name) for name in KEY]
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            total += sum(group.column(place).total_compressed_size for place in places)
    return total


def restore_delta(root: Path) -> None:
    import deltalake

    table = deltalake.DeltaTable(str(root / "delta"))
    table.restore(RUNS - 1)


def append_many(millions: int, root: Path) -> None:
    """Append so many million rows in one call, a hundred thousand at a time, and print the peak."""
    dataset = Store(root).create_dataset("many", TABLE)
    part = 100_000
    TABLE.filter(geometry("run-0", 10))
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before, start = peak_mib(), time.perf_counter()
    dataset.append(
        geometry(f"run-{n % 4}", part, first_step=n // 4 * 10_000, seed=n)
        for n in range(millions * 10)
    )
    seconds = time.perf_counter() - start
    print(
        json.dumps({"peak_mib": peak_mib() - before, "seconds": seconds, "rows": dataset.count()})
    )


def benchmark_memory() -> None:
    for millions in (1, 4):
        with tempfile.TemporaryDirectory() as folder:
            out = subprocess.run(
                [sys.executable, __file__, "many", str(millions), folder],
                capture_output=True,
                text=True,
                check=True,
            )
        told = json.loads(out.stdout.splitlines()[-1])
        print(
            f"append of {told['rows']:,} rows in one call: {told['seconds']:.1f} s with making them, "
            f"peak +{told['peak_mib']:.0f} MiB"
        )


def main() -> None:
    match sys.argv[1:]:
        case ["many", millions, root]:
            append_many(int(millions), Path(root))
        case ["child", contender, case, root]:
            child(contender, case, Path(root))
        case names:
            if not names or "validation" in names:
                benchmark_validation()
            if not names or "keys" in names:
                benchmark_keys()
            if not names or "memory" in names:
                benchmark_memory()


if __name__ == "__main__":
    main()
