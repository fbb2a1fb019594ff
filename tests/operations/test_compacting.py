"""Small files become few large ones; every row stays, and what need not be decoded is not."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.reshaping import files, level2, multiset, rows, tree, write, write_level2
from parquetry.commits.home import Home
from parquetry.commits.restoring import restore
from parquetry.dataset import Dataset
from parquetry.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptionError,
    NotFoundError,
    ParameterError,
    ParquetryError,
    SchemaMismatchError,
)
from parquetry.operations.compacting import compact, plan_compact
from parquetry.operations.compactor import ParquetCompactor
from parquetry.storage.local import LocalStorage
from readings import ENGINES, UNREADABLE

DISK = LocalStorage()
KILOBYTE = 1 / 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six partitions of eight small files each."""
    target = tmp_path / "market_trades"
    write_level2(target, files=8, rows=30)
    return target


def numbers(start: int, count: int) -> pa.Table:
    return pa.table({"n": pa.array(range(start, start + count)), "x": np.arange(count) / 7})


def groups_of(path: Path) -> list[int]:
    footer = pq.read_metadata(path)
    return [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]


@pytest.mark.parametrize(
    "held",
    [["a", "a"], ["b", "b"], ["a", "b"], ["a", None], [None, None]],
    ids=["as the folder says", "another", "two", "one and NULL", "NULL"],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_what_files_hold_of_a_key_stays_whatever_their_folder_says(tmp_path, held, kind):
    place = tmp_path / "ds" / "day=a"
    place.mkdir(parents=True)
    tables = [
        pa.table({"n": [number, number + 1], "day": pa.array(values, pa.string()).cast(kind)})
        for number, values in enumerate((["a", "a"], held, ["a", "a"]))
    ]
    for number, table in enumerate(tables):
        pq.write_table(table, place / f"{number}.parquet")
    assert Dataset(tmp_path / "ds").compact().files_after == 1
    (path,) = place.glob("*.parquet")
    found = pq.ParquetFile(path).read()
    assert found.to_pylist() == pa.concat_tables(tables).to_pylist()
    assert found.schema.field("day").type == kind


def test_the_example_of_the_guide(folder, capsys):
    before = rows(folder)
    compactor = ParquetCompactor(dataset_dir=str(folder), target_file_size_mb=100)
    stats = compactor.compact(
        min_file_count=5, max_file_size_mb=20, delete_source_files=True, dry_run=False
    )
    assert (stats["files_before"], stats["files_after"], stats["errors"]) == (48, 6, 0)
    assert stats["bytes_after"] == sum(path.stat().st_size for path in files(folder))
    assert stats["bytes_before"] > stats["bytes_after"]
    assert (stats["rows"], stats["partitions_compacted"], stats["num_partitions"]) == (1440, 6, 6)
    assert rows(folder) == before
    assert len(files(folder)) == 6


def test_three_engines_read_the_same_rows_afterwards(folder):
    before = {
        name: sorted(r for p in files(folder) for r in read(p)) for name, read in ENGINES.items()
    }
    ParquetCompactor(folder).compact()
    after = {
        name: sorted(r for p in files(folder) for r in read(p)) for name, read in ENGINES.items()
    }
    assert before == after
    glob = str(folder / "**/*.parquet")
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{glob}')").fetchall() == [(1440,)]


def test_a_dry_run_says_what_the_run_then_does_and_touches_nothing(folder):
    before = tree(folder.parent)
    compactor = ParquetCompactor(folder)
    foreseen = compactor.compact(dry_run=True)
    assert tree(folder.parent) == before
    done = compactor.compact()
    changed = {"bytes_after", "dry_run", "version"}
    assert {k: v for k, v in foreseen.items() if k not in changed} == {
        k: v for k, v in done.items() if k not in changed
    }
    assert (foreseen["dry_run"], done["dry_run"]) == (True, False)


def test_a_second_run_finds_nothing_to_do(folder):
    ParquetCompactor(folder).compact()
    state = tree(folder.parent)
    stats = ParquetCompactor(folder).compact()
    assert (stats["files_before"], stats["files_after"], stats["version"]) == (0, 0, None)
    assert tree(folder.parent) == state


def test_a_partition_with_too_few_small_files_stays(folder):
    shutil.rmtree(folder / "product_id=ETH-USD")
    write(
        folder / "product_id=ETH-USD/date=2025-11-25/one.parquet", level2("ETH-USD", "2025-11-25")
    )
    stats = ParquetCompactor(folder).compact(min_file_count=8)
    assert stats["partitions_compacted"] == 4
    assert (folder / "product_id=ETH-USD/date=2025-11-25/one.parquet").exists()


def test_files_that_are_large_enough_stay_as_they_are(tmp_path):
    folder = tmp_path / "ds"
    write(folder / "a-large.parquet", numbers(0, 20_000))
    for number in range(3):
        write(folder / f"b-{number}.parquet", numbers(number, 50))
    large = (folder / "a-large.parquet").stat()
    ParquetCompactor(folder).compact(max_file_size_mb=100 * KILOBYTE)
    assert len(files(folder)) == 2
    assert (folder / "a-large.parquet").stat().st_ino == large.st_ino


def test_no_file_grows_beyond_the_target(tmp_path):
    folder = tmp_path / "ds"
    for number in range(12):
        write(folder / f"{number:02}.parquet", numbers(number * 1000, 1000))
    size = files(folder)[0].stat().st_size
    target = 5.5 * size / 1024 / 1024
    stats = ParquetCompactor(folder, target_file_size_mb=target).compact()
    assert stats["files_after"] == 3
    assert all(path.stat().st_size <= target * 1024 * 1024 for path in files(folder))


def test_rows_keep_the_order_of_the_files(tmp_path):
    folder = tmp_path / "ds"
    for number in range(30):
        write(folder / f"{number:02}.parquet", numbers(number * 10, 10))
    ParquetCompactor(folder).compact()
    (only,) = files(folder)
    assert pq.ParquetFile(only).read()["n"].to_pylist() == list(range(300))


def test_large_row_groups_are_the_same_bytes(tmp_path):
    folder = tmp_path / "ds"
    for number in range(2):
        write(
            folder / f"{number}.parquet",
            numbers(number * 40_000, 40_000),
            use_dictionary=False,
            compression="zstd",
        )
    pages = [_chunk(path) for path in files(folder)]
    ParquetCompactor(folder).compact()
    (only,) = files(folder)
    content = only.read_bytes()
    assert all(page in content for page in pages)
    assert groups_of(only) == [40_000, 40_000]


def _chunk(path: Path) -> bytes:
    chunk = pq.read_metadata(path).row_group(0).column(1)
    start = chunk.data_page_offset
    return path.read_bytes()[start : start + chunk.total_compressed_size]


def test_small_row_groups_become_one(tmp_path):
    folder = tmp_path / "ds"
    for number in range(4):
        write(folder / f"{number}.parquet", numbers(number * 900, 900), row_group_size=100)
    ParquetCompactor(folder).compact()
    (only,) = files(folder)
    assert groups_of(only) == [3600]


def test_a_few_rows_before_a_large_row_group_are_taken_into_it(tmp_path):
    folder = tmp_path / "ds"
    for name, start, count in (
        ("a", 0, 10),
        ("b", 10, 50_000),
        ("c", 50_010, 60_000),
        ("d", 110_010, 5),
    ):
        write(folder / f"{name}.parquet", numbers(start, count), compression="zstd")
    ParquetCompactor(folder).compact()
    (only,) = files(folder)
    assert groups_of(only) == [50_010, 60_000, 5]
    assert pq.ParquetFile(only).read()["n"].to_pylist() == list(range(110_015))


def test_bytes_of_another_codec_are_encoded_in_the_one_that_is_asked_for(tmp_path):
    folder = tmp_path / "ds"
    for number in range(2):
        write(folder / f"{number}.parquet", numbers(0, 40_000), compression="snappy")
    shutil.copytree(folder, tmp_path / "other")
    ParquetCompactor(folder, compression="zstd").compact()
    assert _codecs(files(folder)[0]) == {"ZSTD"}
    ParquetCompactor(tmp_path / "other", compression=None).compact()
    assert _codecs(files(tmp_path / "other")[0]) == {"SNAPPY"}


def _codecs(path: Path) -> set[str]:
    footer = pq.read_metadata(path)
    return {
        footer.row_group(g).column(c).compression
        for g in range(footer.num_row_groups)
        for c in range(footer.num_columns)
    }


@pytest.mark.parametrize("target_mb", [100, 0.002], ids=["merged", "copied"])
def test_sorted_files_become_sorted_files(tmp_path, target_mb):
    folder = tmp_path / "ds"
    rng = np.random.default_rng(1)
    for number in range(6):
        values = np.sort(rng.integers(0, 1000, 200))
        table = pa.table({"v": values, "n": np.arange(200) + number * 200})
        write(folder / f"{number}.parquet", table, sorting_columns=[pq.SortingColumn(0)])
    before = rows(folder)
    ParquetCompactor(folder, target_file_size_mb=target_mb * 10).compact()
    for path in files(folder):
        file = pq.ParquetFile(path)
        values = file.read()["v"].to_pylist()
        assert values == sorted(values)
        assert file.metadata.row_group(0).sorting_columns == (pq.SortingColumn(0),)
    assert rows(folder) == before


def test_sorted_files_that_do_not_overlap_are_put_in_order(tmp_path):
    folder = tmp_path / "ds"
    for number in range(5):
        table = numbers((4 - number) * 40_000, 40_000)
        write(
            folder / f"{number}.parquet",
            table,
            sorting_columns=[pq.SortingColumn(0)],
            compression="zstd",
        )
    ParquetCompactor(folder).compact()
    (only,) = files(folder)
    assert pq.ParquetFile(only).read()["n"].to_pylist() == list(range(200_000))
    assert groups_of(only) == [40_000] * 5


def test_a_descending_order_with_null_first_is_kept(tmp_path):
    folder = tmp_path / "ds"
    order = [pq.SortingColumn(0, descending=True, nulls_first=True)]
    for number in range(3):
        values = [None, 30 - number, 20 - number, 10 - number]
        write(folder / f"{number}.parquet", pa.table({"v": values}), sorting_columns=order)
    ParquetCompactor(folder).compact()
    found = pq.ParquetFile(files(folder)[0]).read()["v"].to_pylist()
    assert found == [None] * 3 + sorted(found[3:], reverse=True)


def test_compatible_schemas_are_united(tmp_path):
    folder = tmp_path / "ds"
    write(folder / "a.parquet", pa.table({"k": pa.array([1], pa.int32()), "s": ["x"]}))
    write(folder / "b.parquet", pa.table({"k": pa.array([2], pa.int64()), "new": [0.5]}))
    write(folder / "c.parquet", pa.table({"s": pa.array(["y"]).dictionary_encode(), "k": [3]}))
    ParquetCompactor(folder).compact()
    found = pq.ParquetFile(files(folder)[0]).read()
    assert found.to_pylist() == [
        {"k": 1, "s": "x", "new": None},
        {"k": 2, "s": None, "new": 0.5},
        {"k": 3, "s": "y", "new": None},
    ]


def test_schemas_that_nothing_unites_are_refused_with_nothing_changed(tmp_path):
    folder = tmp_path / "ds"
    write(folder / "a.parquet", pa.table({"k": [1]}))
    write(folder / "b.parquet", pa.table({"k": ["1"]}))
    before = tree(tmp_path)
    with pytest.raises(SchemaMismatchError, match="'k' is int64 and string"):
        ParquetCompactor(folder).compact()
    assert tree(tmp_path) == before


def test_a_key_that_only_some_files_hold_is_taken_from_the_folder(tmp_path):
    folder = tmp_path / "ds"
    write(folder / "day=7/a.parquet", pa.table({"day": [7], "v": [1]}))
    write(folder / "day=7/b.parquet", pa.table({"v": [2]}))
    ParquetCompactor(folder).compact()
    found = pq.ParquetFile(files(folder)[0]).read().select(["day", "v"])
    assert found.to_pylist() == [{"day": 7, "v": 1}, {"day": 7, "v": 2}]


def test_keys_that_stand_in_the_path_alone_stay_there(tmp_path):
    folder = tmp_path / "ds"
    for number in range(3):
        write(folder / f"day=7/{number}.parquet", pa.table({"v": [number]}))
    ParquetCompactor(folder).compact()
    assert pq.ParquetFile(files(folder)[0]).schema_arrow.names == ["v"]
    assert Dataset(folder).scan().collect().sort("v").rows() == [(0, 7), (1, 7), (2, 7)]


def test_every_type_comes_through(tmp_path):
    folder = tmp_path / "ds"
    table = pa.table(
        {
            "flag": [True, None],
            "small": pa.array([1, 2], pa.int8()),
            "huge": pa.array([2**64 - 1, None], pa.uint64()),
            "half": pa.array([1.5, None], pa.float16()),
            "nan": [float("nan"), -0.0],
            "text": ["ä\0b", None],
            "blob": [b"\xff", None],
            "fixed": pa.array([b"abc", None], pa.binary(3)),
            "category": pa.array(["a", "b"]).dictionary_encode(),
            "day": [dt.date(1600, 1, 1), None],
            "clock": pa.array([1, 2], pa.time64("ns")),
            "span": pa.array([1, None], pa.duration("us")),
            "zone": pa.array([1, 2], pa.timestamp("ns", "Europe/Zurich")),
            "money": pa.array([Decimal("1.23"), None], pa.decimal128(20, 2)),
            "wide": pa.array([Decimal("1.23"), None], pa.decimal256(60, 2)),
            "list": [[1, None], None],
            "vector": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
            "struct": [{"a": 1, "b": ["x"]}, None],
            "nothing": pa.nulls(2),
        }
    )
    for number in range(3):
        write(folder / f"{number}.parquet", table)
    ParquetCompactor(folder).compact()
    found = pq.ParquetFile(files(folder)[0]).read()
    assert found.schema.equals(table.schema)
    assert multiset(found) == {row: 3 * count for row, count in multiset(table).items()}


def test_times_in_the_old_form_that_cannot_be_decoded_are_refused(tmp_path):
    folder = tmp_path / "ds"
    far = pa.table({"t": pa.array([250_000_000_000_000_000], pa.timestamp("us"))})
    for number in range(2):
        write(folder / f"{number}.parquet", far, use_deprecated_int96_timestamps=True)
    before = tree(folder)
    with pytest.raises(SchemaMismatchError, match="INT96"):
        ParquetCompactor(folder).compact()
    assert tree(folder) == before


def test_a_damaged_file_is_named_and_nothing_is_changed(folder):
    victim = files(folder)[3]
    content = bytearray(victim.read_bytes())
    content[4:60] = b"\xff" * 56
    victim.write_bytes(content)
    before = tree(folder)
    with pytest.raises(CorruptionError, match=victim.name) as caught:
        ParquetCompactor(folder).compact()
    assert caught.value.outcome == "unchanged"
    assert tree(folder) == before


def test_a_file_that_is_no_parquet_is_named(folder):
    (folder / "product_id=BTC-USD/date=2025-11-25/odd.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(CorruptionError, match=r"odd\.parquet"):
        ParquetCompactor(folder).compact()


def test_a_file_that_changed_since_the_plan_is_a_conflict(folder):
    home = Home.of(folder)
    plan = plan_compact(home, DISK)
    write(files(folder)[0], level2("BTC-USD", "2025-11-25", 7))
    with pytest.raises(ConflictError):
        compact(home, DISK, plan)
    assert len(files(folder)) == 48


def test_a_file_that_came_since_the_plan_stays(folder):
    home = Home.of(folder)
    plan = plan_compact(home, DISK)
    late = folder / "product_id=BTC-USD/date=2025-11-25/late.parquet"
    write(late, level2("BTC-USD", "2025-11-25", 7, seed=9))
    before = rows(folder)
    compact(home, DISK, plan)
    assert late.exists()
    assert rows(folder) == before


def test_a_restore_brings_the_old_files_back(folder):
    before = tree(folder)
    ParquetCompactor(folder).compact()
    restore(Home.of(folder), DISK, 0)
    assert tree(folder) == before


def test_a_plan_says_in_words_what_it_would_do(folder):
    plan = plan_compact(Home.of(folder), DISK)
    assert "48 become 6" in plan.explain()
    assert "1,440 move" in str(plan)


def test_a_copy_is_made_aside_when_the_source_files_are_to_stay(folder):
    write(folder / "product_id=BTC-USD/date=2025-11-27/x.parquet", level2("BTC-USD", "2025-11-25"))
    before, state = rows(folder), tree(folder)
    stats = ParquetCompactor(folder).compact(delete_source_files=False)
    copy = Path(stats["target_dir"])
    assert copy == folder.parent / "market_trades_compacted"
    assert tree(folder) == state
    assert rows(copy) == before
    assert len(files(copy)) == 7
    with pytest.raises(AlreadyExistsError):
        ParquetCompactor(folder).compact(delete_source_files=False)


@pytest.mark.parametrize(
    ("constructor", "call"),
    [
        ({"target_file_size_mb": 0}, {}),
        ({}, {"min_file_count": 0}),
        ({}, {"max_file_size_mb": -1}),
        ({"compression": "zip"}, {}),
    ],
)
def test_odd_parameters_are_refused(folder, constructor, call):
    with pytest.raises(ParameterError):
        ParquetCompactor(folder, **constructor).compact(**call)


def test_a_dataset_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(NotFoundError):
        ParquetCompactor(tmp_path / "nothing").compact()
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError):
        ParquetCompactor(tmp_path / "empty").compact()


CONFORMANCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "parquet-testing" / "data"
NAMES = sorted(path.name for path in CONFORMANCE.glob("*.parquet")) or ["(absent)"]
UNFIT = {
    ("Polars", "repeated_no_annotation.parquet"): "its footer says 0 rows, and Polars believes it",
    (
        "DuckDB",
        "nested_structs.rust.parquet",
    ): "its times, of the old spelling, have no zone to DuckDB",
}


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_files_of_the_conformance_set_are_compacted_with_themselves_or_refused_by_name(
    name, tmp_path, real_data
):
    if name == "large_string_map.brotli.parquet":
        pytest.skip("it holds strings of a gigabyte")
    folder = tmp_path / "ds"
    folder.mkdir()
    for copy in "ab":
        shutil.copy(CONFORMANCE / name, folder / f"{copy}.parquet")
    before, found = tree(folder), _readings(files(folder)[0])
    try:
        stats = ParquetCompactor(folder, compression=None).compact()
    except ParquetryError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert "parquet" in str(refused)
        assert refused.outcome == "unchanged"
        assert tree(folder) == before
        return
    assert stats["files_after"] == 1
    after = _readings(files(folder)[0])
    for engine, expected in found.items():
        if (engine, name) in UNFIT:
            continue
        assert sorted(after[engine]) == sorted(expected * 2), engine


def _readings(path: Path) -> dict[str, list[str]]:
    found = {}
    for engine, read in ENGINES.items():
        try:
            found[engine] = read(path)
        except UNREADABLE:
            continue
    return found


TEXT = st.text(max_size=4)
ROW = st.tuples(
    st.integers().filter(lambda n: -(2**63) <= n < 2**63) | st.none(),
    st.floats() | st.none(),
    TEXT | st.none(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(ROW, max_size=5), min_size=1, max_size=6), st.booleans())
def test_the_rows_are_the_same_multiset(tmp_path_factory, tables, dictionary):
    folder = tmp_path_factory.mktemp("ds") / "ds"
    for number, found in enumerate(tables):
        n, f, s = zip(*found, strict=True) if found else ((), (), ())
        table = pa.table(
            {
                "n": pa.array(n, pa.int64()),
                "f": pa.array(f, pa.float64()),
                "s": pa.array(s, pa.string()),
            }
        )
        write(folder / f"{number}.parquet", table, use_dictionary=dictionary)
    before = rows(folder)
    ParquetCompactor(folder).compact()
    assert rows(folder) == before
    assert len(files(folder)) == 1


def test_memory_is_let_go_of_and_no_file_stays_open(folder):
    before = len(os.listdir("/proc/self/fd"))
    ParquetCompactor(folder).compact()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert pl.scan_parquet(folder).select(pl.len()).collect().item() == 1440
