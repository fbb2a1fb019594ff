"""Every row moves to the folder of its new keys; none is lost, doubled or changed."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.reshaping import (
    DAYS,
    PRODUCTS,
    files,
    level2,
    multiset,
    partitions,
    read,
    rows,
    tree,
    write,
    write_hive,
    write_level2,
)
from parquetry.commits.home import Home
from parquetry.commits.restoring import restore
from parquetry.dataset import Dataset
from parquetry.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptionError,
    ExecutorError,
    LayoutError,
    NotFoundError,
    ParameterError,
    RequestError,
    SchemaMismatchError,
    UnknownColumnError,
)
from parquetry.model.hive import split_path, value_text
from parquetry.operations.compactor import ParquetCompactor
from parquetry.operations.parts import Piece, load_each
from parquetry.operations.repartition_plan import plan_repartition
from parquetry.operations.repartitioner import Repartitioner
from parquetry.operations.repartitioning import repartition
from parquetry.operations.time_parts import time_parts
from parquetry.storage.local import LocalStorage

DISK = LocalStorage()
NIGHT = dt.datetime.fromisoformat("2025-11-26T23:59")
YEAR_TO_HOUR = ["product_id", "year", "month", "day", "hour"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "level2"
    write_level2(folder, files=2)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "level2_new"


def in_place(folder: Path, keys: list[str], **options):
    home = Home.of(folder)
    validate = options.pop("validate", True)
    return repartition(home, DISK, plan_repartition(home, DISK, keys, **options), validate=validate)


def assert_stands_where_it_belongs(folder: Path) -> None:
    """Each row of each file says what the folders of the file say."""
    for path in files(folder):
        segments, _ = split_path(str(path.relative_to(folder)))
        table = pq.ParquetFile(path).read()
        for segment in segments:
            found = {value_text(value) for value in table[segment.key].to_pylist()}
            assert found == {segment.text}, path


# The guide, example by example.


def test_the_basic_example_estimates_and_runs(source, target):
    before = rows(source)
    repartitioner = Repartitioner(
        source_dir=str(source), target_dir=str(target), new_partition_cols=["product_id", "side"]
    )
    estimates = repartitioner.estimate_size()
    assert estimates["num_partitions"] == 6
    stats = repartitioner.repartition(delete_source=False, validate=True, dry_run=False)
    assert stats["errors"] == 0
    assert (stats["num_partitions"], stats["rows"]) == (6, 2880)
    assert (stats["files_before"], stats["files_after"]) == (12, 6)
    assert stats["bytes_after"] == sum(path.stat().st_size for path in files(target))
    assert rows(target) == before == rows(source)
    assert_stands_where_it_belongs(target)


def test_a_transform_adds_a_column(source, target):
    def add_minute_field(df: pl.DataFrame) -> pl.DataFrame:
        return df.with_columns(pl.col("timestamp").dt.minute().alias("minute"))

    stats = Repartitioner(source, target, ["product_id", "minute"]).repartition(
        transform_fn=add_minute_field, delete_source=False, validate=True
    )
    assert stats["num_partitions"] == 3 * 10
    assert rows(target, _columns(source)) == rows(source)
    assert_stands_where_it_belongs(target)


def _columns(folder: Path) -> list[str]:
    return sorted(pq.ParquetFile(files(folder)[0]).schema_arrow.names)


def test_the_production_swap_and_its_way_back(source, tmp_path):
    temp, backup = tmp_path / "level2_temp", tmp_path / "level2_backup"
    before = rows(source)
    stats = Repartitioner(str(source), str(temp), new_partition_cols=["product_id"]).repartition(
        delete_source=False, validate=True
    )
    assert stats["errors"] == 0
    source.rename(backup)
    temp.rename(source)
    df = pl.scan_parquet(str(source / "**/*.parquet"), hive_partitioning=False)
    assert df.select(pl.len()).collect().item() == 2880
    assert rows(source) == before
    assert partitions(source) == {f"product_id={product}" for product in PRODUCTS}
    shutil.rmtree(source)  # the roll back
    backup.rename(source)
    assert rows(source) == before
    assert len(partitions(source)) == 6


def test_a_dataset_that_was_swapped_in_takes_new_rows(source, tmp_path):
    Dataset(source).append(level2("BTC-USD", "2025-11-25", 3, seed=9))
    temp = tmp_path / "level2_temp"
    Repartitioner(source, temp, ["product_id"]).repartition()
    shutil.rmtree(source)
    temp.rename(source)
    Dataset(source).append(level2("BTC-USD", "2025-11-26", 4, seed=9))
    assert sum(rows(source).values()) == 2880 + 3 + 4
    assert partitions(source) == {f"product_id={product}" for product in PRODUCTS}


def test_pattern_1_adds_time_granularity(source, target):
    stats = Repartitioner(source, target, YEAR_TO_HOUR).repartition(
        transform_fn=time_parts("timestamp")
    )
    assert stats["num_partitions"] == len(PRODUCTS) * len(DAYS) * 24
    assert "product_id=BTC-USD/year=2025/month=11/day=25/hour=0" in partitions(target)
    assert rows(target, _columns(source)) == rows(source)
    assert_stands_where_it_belongs(target)


def test_pattern_2_adds_product_partitioning(tmp_path, target):
    source = tmp_path / "by_hour"
    table = pa.concat_tables([level2(product, DAYS[0]) for product in PRODUCTS])
    frame = time_parts("timestamp", ["hour"])(pl.DataFrame(pl.from_arrow(table)))
    for (hour,), part in frame.group_by(["hour"]):
        write(source / f"date={DAYS[0]}/hour={hour}/x.parquet", part.to_arrow())
    stats = Repartitioner(source, target, ["product_id", "date", "hour"]).repartition()
    assert stats["num_partitions"] == 3 * 24
    assert rows(target, _columns(source)) == rows(source)
    assert_stands_where_it_belongs(target)


def test_pattern_3_simplifies_nested_partitions(source, tmp_path, target):
    nested = tmp_path / "nested"
    Repartitioner(source, nested, [*YEAR_TO_HOUR, "minute"]).repartition(
        transform_fn=time_parts("timestamp", ["year", "month", "day", "hour", "minute"])
    )
    assert len(partitions(nested)) == 2880 // 2
    stats = Repartitioner(nested, target, ["product_id", "date"]).repartition()
    assert stats["num_partitions"] == 6
    assert rows(target, _columns(source)) == rows(source)


def test_schema_migration_with_a_transform_and_a_compaction(tmp_path, target):
    source = tmp_path / "level2"
    for path in files(source.parent):
        path.unlink()
    write_level2(source, files=6, rows=48)

    def add_hour_minute(df):
        return time_parts("timestamp", ["year", "month", "day"])(df).with_columns(
            [
                pl.col("timestamp").dt.hour().alias("hour"),
                pl.col("timestamp").dt.minute().alias("minute"),
            ]
        )

    stats = Repartitioner(source, target, YEAR_TO_HOUR, batch_size=10).repartition(
        transform_fn=add_hour_minute, delete_source=False, validate=True
    )
    assert stats["num_partitions"] == 6 * 24
    compactor = ParquetCompactor(dataset_dir=str(target), target_file_size_mb=100)
    compactor.compact(min_file_count=5, delete_source_files=True)
    assert rows(target, _columns(source)) == rows(source)
    assert len(files(target)) == 6 * 24


def test_missing_partition_columns_are_named_with_what_to_do(source, target):
    with pytest.raises(
        UnknownColumnError, match="Partition columns not found in data: 'year'"
    ) as e:
        Repartitioner(source, target, YEAR_TO_HOUR).repartition()
    assert "time_parts" in str(e.value)
    with pytest.raises(UnknownColumnError, match="Partition columns not found in data"):
        Repartitioner(source, target, YEAR_TO_HOUR).estimate_size()
    with pytest.raises(UnknownColumnError, match="Partition columns not found in data: 'hour'"):
        Repartitioner(source, target, ["hour"]).repartition(transform_fn=lambda df: df)
    assert not target.exists()


def test_a_transform_that_drops_rows_is_an_error_with_the_counts(source, target):
    before = tree(source)
    with pytest.raises(
        RequestError, match=r"Row count mismatch after repartition: .* 2,880 rows"
    ) as e:
        Repartitioner(source, target, ["side"]).repartition(
            transform_fn=lambda df: df.filter(pl.col("side") == "bid")
        )
    assert e.value.outcome == "unchanged"
    assert not target.exists()
    assert tree(source) == before
    assert not list(source.parent.glob(".parquetry/datasets/*/staging/*/*"))


def test_rows_may_go_where_that_is_meant(source, target):
    stats = Repartitioner(source, target, ["side"]).repartition(
        transform_fn=lambda df: df.filter(pl.col("side") == "bid"), validate=False
    )
    bids = sum(count for row, count in rows(source, ["side"]).items() if "bid" in row)
    assert stats["rows"] == bids == sum(rows(target).values())
    assert partitions(target) == {"side=bid"}


# What a run promises.


def test_a_dry_run_says_what_the_run_then_does_and_touches_nothing(source, target):
    for keys, transform in (
        (["product_id"], None),
        (["side", "product_id"], None),
        (["side"], None),
        (YEAR_TO_HOUR, time_parts("timestamp")),
    ):
        before = tree(source.parent)
        repartitioner = Repartitioner(source, target, keys)
        foreseen = repartitioner.repartition(dry_run=True, transform_fn=transform)
        assert tree(source.parent) == before
        done = repartitioner.repartition(transform_fn=transform)
        for name in (
            "files_before",
            "files_after",
            "bytes_before",
            "rows",
            "num_partitions",
            "errors",
        ):
            assert foreseen[name] == done[name], name
        assert (foreseen["dry_run"], done["dry_run"]) == (True, False)
        shutil.rmtree(target)


@pytest.mark.parametrize("batch_size", [1, 7, 100, 1_000_000])
def test_no_batch_is_larger_than_asked_for_and_all_rows_are_in_one(source, target, batch_size):
    sizes = []

    def look(df: pl.DataFrame) -> pl.DataFrame:
        sizes.append(df.height)
        return df

    few = pa.concat_tables([level2(product, DAYS[0], 20) for product in PRODUCTS])
    shutil.rmtree(source)
    write(source / "a.parquet", few)
    Repartitioner(source, target, ["side"], batch_size=batch_size).repartition(transform_fn=look)
    assert sum(sizes) == 60
    assert max(sizes) == min(batch_size, 60)
    assert rows(target) == multiset(few)


@pytest.mark.parametrize("batch_size", [3, 50, 1000])
@pytest.mark.parametrize("keys", [["side"], ["side", "date"], []])
def test_rows_that_do_not_fit_into_memory_are_written_aside(source, target, keys, batch_size):
    Repartitioner(source, target, keys, batch_size=batch_size).repartition(validate="content")
    assert rows(target) == rows(source)
    assert_stands_where_it_belongs(target)
    assert not list(source.parent.glob(".parquetry/datasets/*/staging/*"))


def test_rows_of_a_partition_keep_their_order(tmp_path, target):
    source = tmp_path / "flat"
    table = pa.table({"n": np.arange(1000), "k": np.arange(1000) % 3})
    for part in range(4):
        write(source / f"{part}.parquet", table.slice(part * 250, 250))
    Repartitioner(source, target, ["k"], batch_size=100).repartition()
    for path in files(target):
        numbers = pq.ParquetFile(path).read()["n"].to_pylist()
        assert numbers == sorted(numbers)


def test_a_file_that_can_stay_as_it_is_gets_a_second_name(source, target):
    for path in files(source):
        if path.name != "data_0.parquet":
            path.unlink()
    Repartitioner(source, target, ["date", "product_id"], compression=None).repartition()
    assert {path.stat().st_ino for path in files(target)} == {
        p.stat().st_ino for p in files(source)
    }


def test_row_groups_whose_statistics_tell_their_partition_are_copied(tmp_path, target):
    source = tmp_path / "flat"
    table = pa.table({"k": np.repeat(["a", "b", "c"], 10_000), "x": np.arange(30_000) / 7})
    write(source / "all.parquet", table, row_group_size=10_000, compression="zstd")
    content = (source / "all.parquet").read_bytes()
    footer = pq.read_metadata(source / "all.parquet")
    Repartitioner(source, target, ["k"]).repartition()
    for group, path in enumerate(files(target)):
        chunk = footer.row_group(group).column(1)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        assert content[start : start + chunk.total_compressed_size] in path.read_bytes()
    assert rows(target) == multiset(table)


def test_keys_that_stand_in_the_path_alone_are_stored_in_the_new_files(tmp_path, target):
    source = tmp_path / "hive"
    for day in (25, 26):
        for product in ("ä b", "__HIVE_DEFAULT_PARTITION__"):
            for number in range(2):
                folder = source / f"day={day}" / ("product=" + product.replace("ä b", "%C3%A4%20b"))
                write(
                    folder / f"{number}.parquet",
                    pa.table({"v": np.arange(9_000)}),
                    compression="zstd",
                )
    Repartitioner(source, target, ["product"]).repartition(validate="content")
    found = read(target)
    assert found.schema == {"v": pl.Int64, "day": pl.Int64, "product": pl.String}
    assert found.group_by("day", "product").len().sort(
        "day", "product", nulls_last=True
    ).rows() == [
        (25, "ä b", 18_000),
        (25, None, 18_000),
        (26, "ä b", 18_000),
        (26, None, 18_000),
    ]
    assert_stands_where_it_belongs(target)


def test_where_folder_and_file_disagree_the_folder_is_right(tmp_path, target):
    source = tmp_path / "hive"
    wrong = pa.table({"k": pa.array(["file"] * 10_000), "v": np.arange(10_000)})
    write(source / "k=path/a.parquet", wrong, compression="zstd")
    write(source / "k=path/b.parquet", wrong, write_statistics=False)
    Repartitioner(source, target, ["k"]).repartition()
    assert read(target)["k"].unique().to_list() == ["path"]
    shutil.rmtree(target)
    Repartitioner(source, target, []).repartition()
    assert read(target)["k"].unique().to_list() == ["path"]


def test_a_key_that_some_files_lack_is_null_there(tmp_path, target):
    source = tmp_path / "flat"
    write(source / "a.parquet", pa.table({"v": [1, 2], "k": ["x", "y"]}))
    write(source / "b.parquet", pa.table({"v": [3]}))
    Repartitioner(source, target, ["k"]).repartition()
    assert partitions(target) == {"k=x", "k=y", "k=__HIVE_DEFAULT_PARTITION__"}
    assert_stands_where_it_belongs(target)


def test_compatible_schemas_are_united(tmp_path, target):
    source = tmp_path / "flat"
    write(source / "a.parquet", pa.table({"k": [1], "x": pa.array([1], pa.int32())}))
    write(
        source / "b.parquet", pa.table({"k": [1], "x": pa.array([2**40], pa.int64()), "y": ["z"]})
    )
    Repartitioner(source, target, ["k"]).repartition()
    assert read(target).sort("x").rows() == [(1, 1, None), (1, 2**40, "z")]


def test_every_type_comes_through(tmp_path, target):
    source = tmp_path / "flat"
    table = pa.table(
        {
            "k": ["a", "b", "a"],
            "half": pa.array([1.5, None, 2], pa.float16()),
            "nan": [float("nan"), -0.0, None],
            "fixed": pa.array([b"abc", None, b"def"], pa.binary(3)),
            "category": pa.array(["a", "b", "a"]).dictionary_encode(),
            "clock": pa.array([1, 2, None], pa.time64("ns")),
            "span": pa.array([1, None, 3], pa.duration("us")),
            "zone": pa.array([1, 2, 3], pa.timestamp("ns", "Europe/Zurich")),
            "wide": pa.array([Decimal("1.23"), None, Decimal(0)], pa.decimal256(60, 2)),
            "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
            "struct": [{"a": 1, "b": ["x"]}, None, {"a": None, "b": []}],
            "nothing": pa.nulls(3),
        }
    )
    for number in range(3):
        write(source / f"{number}.parquet", table)
    for batch_size in (2, 1_000_000):
        Repartitioner(source, target, ["k"], batch_size=batch_size).repartition(validate="content")
        assert rows(target) == {row: 3 * count for row, count in multiset(table).items()}
        kinds = pq.ParquetFile(files(target)[0]).schema_arrow
        assert kinds.field("map").type.equals(table.schema.field("map").type)
        assert kinds.field("zone").type == table.schema.field("zone").type
        shutil.rmtree(target)


def test_a_large_partition_becomes_several_files(source, target):
    plan = plan_repartition(Home.of(source), DISK, ["product_id"], target_file_size_mb=0.02)
    repartition(Home.of(source), DISK, plan)
    sizes = Counter(path.parent for path in files(source))
    assert set(sizes.values()) == {2}


# In place.


def test_in_place_it_is_one_commit_that_restore_undoes(source):
    before, state = rows(source), tree(source)
    result = in_place(source, ["side"])
    assert (result.version, result.num_partitions, result.files_after) == (1, 2, 2)
    assert rows(source) == before
    assert partitions(source) == {"side=bid", "side=offer"}
    restore(Home.of(source), DISK, 0)
    assert tree(source) == state


def test_a_dataset_of_ours_takes_new_rows_by_its_new_keys_and_by_the_old_after_a_restore(tmp_path):
    dataset = Dataset(tmp_path / "events")
    dataset.append([{"algo": "a", "seed": 1, "v": 1.5}], partition_by=["algo"])
    dataset.append([{"algo": "b", "seed": 1, "v": 2.5}])
    in_place(tmp_path / "events", ["seed"])
    assert list(dataset.partition_by) == ["seed"]
    dataset.append([{"algo": "c", "seed": 2, "v": 3.5}])
    assert partitions(tmp_path / "events") == {"seed=1", "seed=2"}
    dataset.restore(2)
    dataset.append([{"algo": "d", "seed": 3, "v": 4.5}])
    assert partitions(tmp_path / "events") == {"algo=a", "algo=b", "algo=d"}
    assert sorted(dataset.scan().collect()["v"]) == [1.5, 2.5, 4.5]


def test_keys_that_are_there_already_are_nothing_to_do(source):
    state = tree(source.parent)
    result = in_place(source, ["product_id", "date"])
    assert (result.version, result.files_before) == (None, 0)
    assert tree(source.parent) == state


def test_a_file_that_came_since_the_plan_is_a_conflict(source):
    home = Home.of(source)
    plan = plan_repartition(home, DISK, ["side"])
    write(source / "product_id=BTC-USD/date=2025-11-25/late.parquet", level2("BTC-USD", DAYS[0], 5))
    before = tree(source)
    with pytest.raises(ConflictError):
        repartition(home, DISK, plan)
    assert tree(source) == before


def test_plans_can_be_read(source):
    plan = plan_repartition(Home.of(source), DISK, ["side"])
    assert "['product_id', 'date'] -> ['side']" in plan.explain()
    assert "nothing to do" in str(plan_repartition(Home.of(source), DISK, ["product_id", "date"]))
    assert plan_repartition(Home.of(source), DISK, ["date"]).is_implied


# The source of a new dataset.


@pytest.mark.parametrize("validate", [True, "content"])
def test_a_source_is_deleted_after_the_proof_and_can_be_brought_back(source, target, validate):
    before, state = rows(source), tree(source)
    stats = Repartitioner(source, target, ["side"]).repartition(
        delete_source=True, validate=validate
    )
    assert stats["source_deleted"]
    assert rows(target) == before
    assert files(source) == []
    restore(Home.of(source), DISK, 0)
    assert tree(source) == state


def test_without_a_proof_nothing_is_deleted(source, target):
    with pytest.raises(ParameterError, match="proof"):
        Repartitioner(source, target, ["side"]).repartition(delete_source=True, validate=False)
    assert not target.exists()


def test_a_source_that_got_a_file_in_the_meantime_is_not_deleted(source, target, monkeypatch):
    late = source / "product_id=BTC-USD/date=2025-11-25/late.parquet"

    def slip_in(df: pl.DataFrame) -> pl.DataFrame:
        if not late.exists():
            write(late, level2("BTC-USD", DAYS[0], 5))
        return df

    with pytest.raises(ConflictError) as caught:
        Repartitioner(source, target, ["side"]).repartition(
            transform_fn=slip_in, delete_source=True
        )
    assert caught.value.outcome == "changed"
    assert "stays" in str(caught.value)
    assert late.exists()
    assert sum(rows(source).values()) == 2885
    assert sum(rows(target).values()) == 2880


def test_the_proof_finds_a_row_that_was_changed(source, target, monkeypatch):
    from parquetry.operations import joints

    real = joints.gathered

    def gathered(parts, style):
        return real([*parts[:-1], _forged(parts[-1])], style)

    monkeypatch.setattr(joints, "gathered", gathered)
    with pytest.raises(CorruptionError, match="other rows"):
        Repartitioner(source, target, ["date"]).repartition(validate="content")
    assert not target.exists()


def _forged(part):
    from parquetry.operations.parts import Loose

    (table,) = part.load()
    place = table.schema.get_field_index("best_bid")
    changed = table.set_column(place, "best_bid", pa.array(np.zeros(table.num_rows)))
    return Loose(table.num_rows, table.schema, lambda: iter([changed]), ())


# Times.


@pytest.mark.parametrize("rows", [1, 9000], ids=["one", "many"])
def test_times_between_microseconds_name_no_folders(tmp_path, rows):
    ticks = np.arange(rows, dtype=np.int64) % 7 * 1000 + 10**18 + 5
    table = pa.table({"at": pa.array(ticks, pa.timestamp("ns")), "n": range(rows)})
    (tmp_path / "ds").mkdir()
    pq.write_table(table, tmp_path / "ds" / "a.parquet")
    with pytest.raises(LayoutError, match="nanoseconds"):
        Dataset(tmp_path / "ds").repartition(["at"])
    with pytest.raises(LayoutError, match="nanoseconds"):
        Dataset(tmp_path / "new").append(table, partition_by=["at"])
    assert pq.read_table(tmp_path / "ds" / "a.parquet").equals(table)
    assert not list((tmp_path / "new").glob("**/*.parquet"))


def test_times_in_nanoseconds_that_are_whole_microseconds_name_folders(tmp_path):
    ticks = [10**18, 10**18 + 1000, 10**18, None]
    table = pa.table({"at": pa.array(ticks, pa.timestamp("ns")), "n": range(4)})
    (tmp_path / "ds").mkdir()
    pq.write_table(table, tmp_path / "ds" / "a.parquet")
    Dataset(tmp_path / "ds").repartition(["at"])
    names = sorted(path.name for path in (tmp_path / "ds").iterdir())
    assert names == [
        "at=2001-09-09%2001%3A46%3A40",
        "at=2001-09-09%2001%3A46%3A40.000001",
        "at=__HIVE_DEFAULT_PARTITION__",
    ]
    found = (
        pl.scan_parquet(tmp_path / "ds/**/*.parquet", hive_partitioning=False).sort("n").collect()
    )
    assert found.to_arrow()["at"].cast(pa.int64()).to_pylist() == ticks


# What is refused.


def test_a_target_with_data_is_left_alone(source, target):
    write(target / "x.parquet", pa.table({"a": [1]}))
    with pytest.raises(AlreadyExistsError):
        Repartitioner(source, target, ["side"]).repartition()
    assert len(files(target)) == 1


def test_an_empty_target_folder_is_taken(source, target):
    target.mkdir()
    Repartitioner(source, target, ["side"]).repartition()
    assert rows(target) == rows(source)


def test_a_target_inside_the_source_is_refused(source):
    for place in (source / "new", source, source.parent):
        with pytest.raises((LayoutError, AlreadyExistsError)):
            Repartitioner(source, place, ["side"]).repartition()


def test_a_transform_that_fails_is_told_with_the_columns(source, target):
    def broken(df: pl.DataFrame) -> pl.DataFrame:
        return df.with_columns(pl.col("nonsense"))

    with pytest.raises(ExecutorError, match=r"transform_fn failed .*nonsense") as caught:
        Repartitioner(source, target, ["side"]).repartition(transform_fn=broken)
    assert caught.value.task == "transform_fn (broken)"
    with pytest.raises(ExecutorError, match="gave back NoneType"):
        Repartitioner(source, target, ["side"]).repartition(transform_fn=lambda _: None)
    assert not target.exists()


@pytest.mark.parametrize(
    ("keys", "options", "error"),
    [
        (["side", "side"], {}, ParameterError),
        (["side"], {"compression": "zip"}, ParameterError),
        (["side"], {"batch_size": 0}, ParameterError),
        (["prodct_id"], {}, UnknownColumnError),
    ],
)
def test_odd_parameters_are_refused(source, target, keys, options, error):
    with pytest.raises(error):
        Repartitioner(source, target, keys, **options).repartition()
    assert not target.exists()


def test_values_that_cannot_name_a_folder_are_refused(tmp_path, target):
    for column in (pa.array([b"x"]), pa.array([[1]]), pa.array([{"a": 1}]), pa.array(["x" * 300])):
        source = tmp_path / "flat"
        write(source / "a.parquet", pa.table({"k": column}))
        with pytest.raises(LayoutError):
            Repartitioner(source, target, ["k"]).repartition()
        assert not target.exists()


def test_a_source_that_is_not_there_is_an_error(tmp_path, target):
    with pytest.raises(NotFoundError):
        Repartitioner(tmp_path / "nothing", target, ["k"]).repartition()


def test_a_validation_that_cannot_be_had_is_refused(source, target):
    with pytest.raises(ParameterError, match="transform_fn changes"):
        Repartitioner(source, target, ["side"]).repartition(
            transform_fn=lambda df: df, validate="content"
        )
    with pytest.raises(ParameterError, match="validate is"):
        Repartitioner(source, target, ["side"]).repartition(validate="twice")


def test_a_damaged_file_is_named_and_nothing_is_made(source, target):
    victim = files(source)[3]
    content = bytearray(victim.read_bytes())
    content[4:60] = b"\xff" * 56
    victim.write_bytes(content)
    with pytest.raises(CorruptionError, match=victim.name):
        Repartitioner(source, target, ["side"]).repartition()
    assert not target.exists()


def test_time_parts_gives_what_it_is_asked_for():
    frame = pl.DataFrame({"t": [NIGHT], "hour": [99]})
    found = time_parts("t", ["date", "hour", "quarter"])(frame)
    assert found.rows() == [(NIGHT, 99, dt.date(2025, 11, 26), 4)]
    with pytest.raises(ParameterError, match="no part 'eon'"):
        time_parts("t", ["eon"])
    with pytest.raises(UnknownColumnError):
        time_parts("time")(frame)
    with pytest.raises(SchemaMismatchError, match="no parts of a time"):
        time_parts("hour")(frame)


# For any rows and keys.

TEXT = st.text(max_size=3) | st.sampled_from(
    ["01", "1e3", "__HIVE_DEFAULT_PARTITION__", "a/b", "ä"]
)
KEYS: list[tuple[pa.DataType, st.SearchStrategy]] = [
    (pa.string(), TEXT | st.none()),
    (pa.int64(), st.integers(-3, 3) | st.none()),
    (pa.float64(), st.sampled_from([0.0, -0.0, 1.5, 1e300, float("nan"), float("inf"), None])),
    (pa.bool_(), st.booleans() | st.none()),
    (pa.date32(), st.dates() | st.none()),
]


@st.composite
def tables(draw) -> pa.Table:
    count = draw(st.integers(1, 12))
    columns = {"v": pa.array(draw(st.lists(st.floats(), min_size=count, max_size=count)))}
    for name in "abc":
        kind, values = draw(st.sampled_from(KEYS))
        columns[name] = pa.array(draw(st.lists(values, min_size=count, max_size=count)), kind)
    return pa.table(columns)


@settings(max_examples=60, deadline=None)
@given(
    tables(),
    st.permutations("abc"),
    st.integers(0, 2),
    st.permutations("abc"),
    st.integers(0, 3),
    st.sampled_from([1, 4, 1000]),
)
def test_the_rows_are_the_same_multiset_and_stand_where_they_belong(
    tmp_path_factory, table, old, how_many_old, new, how_many_new, batch_size
):
    source = tmp_path_factory.mktemp("ds") / "source"
    write_hive(source, table, tuple(old[:how_many_old]), drop=False)
    target = source.parent / "target"
    keys = list(new[:how_many_new])
    repartitioner = Repartitioner(source, target, keys, batch_size=batch_size)
    foreseen = repartitioner.estimate_size()
    stats = repartitioner.repartition(validate="content")
    assert foreseen["num_partitions"] == stats["num_partitions"]
    assert foreseen["files_after"] == stats["files_after"] == len(files(target))
    positive = [name for name in old[:how_many_old] if pa.types.is_floating(table[name].type)]
    assert rows(target) == multiset(_without_signs(table, positive))
    assert_stands_where_it_belongs(target)


def _without_signs(table: pa.Table, columns: list[str]) -> pa.Table:
    """A folder says 0.0 for -0.0, and what a folder says is right."""
    for name in columns:
        values = [None if v is None else v + 0.0 for v in table[name].to_pylist()]
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.array(values, pa.float64()))
    return table


def _pieces(folder: Path, planned: list[int]) -> list[Piece]:
    pieces = []
    for number, count in enumerate(planned):
        path = folder / f"{number}.parquet"
        pq.write_table(pa.table({"id": range(number * 10, number * 10 + 10)}), path)
        schema = pq.read_schema(path)
        constants = {"number": pa.scalar(number)}
        pieces.append(Piece(str(path), schema, (count,), None, constants))
    return pieces


def test_small_files_that_are_decoded_together_keep_what_each_says(tmp_path):
    tables = load_each(_pieces(tmp_path, [10, 10, 10]))
    assert [table["number"].to_pylist() for table in tables] == [[0] * 10, [1] * 10, [2] * 10]
    assert [table["id"][0].as_py() for table in tables] == [0, 10, 20]


def test_files_with_other_rows_than_were_planned_are_a_conflict(tmp_path):
    with pytest.raises(ConflictError, match="30 rows stand in 3 files"):
        load_each(_pieces(tmp_path, [10, 11, 10]))
