"""The past: every commit by name, and the files of a dataset as they were after each."""

from __future__ import annotations

import os

import duckdb
import polars as pl
import pytest

from commits.test_snapshots import ReadOnly, leave_half_done
from parquetry.commits.history import files_at, kept_files_at, read_history
from parquetry.commits.restoring import restore
from parquetry.commits.vacuuming import vacuum
from parquetry.errors import NotFoundError, StorageError


def test_commits_are_listed_newest_first(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    first, second = reversed(read_history(bench.home, bench.disk))
    assert (first.version, second.version) == (1, 2)
    assert [file.path for file in second.retired] == ["x.parquet"]


def test_a_dataset_without_commits_has_no_history_and_one_version(bench):
    bench.drop("x.parquet", [1])
    assert read_history(bench.home, bench.disk) == []
    assert bench.rows_at(0) == [1]
    with pytest.raises(NotFoundError, match="only 0, for nothing was committed yet"):
        files_at(bench.home, bench.disk, 1)


def test_reading_the_past_completes_what_a_crash_left(bench, monkeypatch):
    bench.commit({"day=a/old.parquet": [1]})
    leave_half_done(bench, monkeypatch)
    assert [record.version for record in read_history(bench.home, bench.disk)] == [2, 1]
    assert bench.rows_at(1) == [1]
    assert bench.rows_at(2) == [7]


def test_without_the_permission_to_complete_it_the_past_is_refused(bench, monkeypatch):
    bench.commit({"day=a/old.parquet": [1]})
    leave_half_done(bench, monkeypatch)
    with pytest.raises(StorageError, match="needs the permission to write"):
        files_at(bench.home, ReadOnly(), 1)
    assert [record.version for record in read_history(bench.home, ReadOnly())] == [1]


def test_each_version_has_the_rows_it_had(bench):
    bench.commit({"day=a/1.parquet": [1], "day=b/1.parquet": [2]})
    bench.commit({"day=a/2.parquet": [3]}, ["day=a/1.parquet"])
    bench.commit({"day=c/3.parquet": [4]})
    bench.commit({}, ["day=b/1.parquet", "day=a/2.parquet"])
    assert [bench.rows_at(v) for v in range(5)] == [[], [1, 2], [2, 3], [2, 3, 4], [4]]


def test_a_file_that_came_and_left_is_seen_only_in_between(bench):
    for value in range(1, 6):
        bench.commit({f"{value}.parquet": [value]}, [f"{value - 1}.parquet"] if value > 1 else [])
    assert [bench.rows_at(v) for v in range(6)] == [[], [1], [2], [3], [4], [5]]


def test_a_restored_file_is_seen_before_it_left_and_after_it_came_back(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    restore(bench.home, bench.disk, 1)
    bench.commit({"z.parquet": [3]}, ["x.parquet"])
    assert [bench.rows_at(v) for v in range(5)] == [[], [1], [2], [1], [3]]


def test_files_that_no_commit_knows_are_placed_by_their_time(bench):
    bench.drop("before.parquet", [10])
    bench.commit({"x.parquet": [1]})
    bench.drop("between.parquet", [20])
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    bench.drop("after.parquet", [30])
    assert [bench.rows_at(v) for v in range(3)] == [[10], [1, 10], [2, 10, 20]]


def test_unknown_files_that_were_retired_are_placed_by_the_time_they_had(bench):
    bench.commit({"x.parquet": [1]})
    bench.drop("between.parquet", [20])
    bench.commit({"y.parquet": [2]})
    bench.commit({"z.parquet": [3]}, ["between.parquet", "x.parquet"])
    assert [bench.rows_at(v) for v in range(4)] == [[], [1], [1, 2, 20], [2, 3]]


def test_a_stranger_under_a_freed_name_is_not_taken_for_the_file_that_left(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({}, ["x.parquet"])
    bench.drop("x.parquet", [99])
    bench.commit({"y.parquet": [2]})
    bench.commit({}, ["x.parquet"])
    assert [bench.rows_at(v) for v in range(5)] == [[], [1], [], [2, 99], [2]]


def test_a_stranger_with_an_old_time_cannot_have_come_before_its_name_was_free(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({}, ["x.parquet"])
    bench.drop("x.parquet", [99])
    os.utime(bench.root / "x.parquet", (0, 0))  # copied with its time, from an archive
    assert [bench.rows_at(v) for v in range(3)] == [[], [1], [99]]


def test_a_file_removed_by_hand_is_not_shown(bench):
    bench.commit({"x.parquet": [1], "y.parquet": [2]})
    (bench.root / "x.parquet").unlink()
    assert bench.rows_at(1) == [2]


def test_an_unknown_version_is_refused_with_the_versions_there_are(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]})
    for version in (3, -1):
        with pytest.raises(NotFoundError, match="its versions are 0 to 2"):
            files_at(bench.home, bench.disk, version)


def test_a_vacuumed_version_is_refused_with_the_version_that_still_works(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    bench.commit({"z.parquet": [3]}, ["y.parquet"])
    vacuum(bench.home, bench.disk, keep=1)
    with pytest.raises(NotFoundError, match="Choose version 2 or a later one"):
        bench.rows_at(1)
    assert bench.rows_at(0) == []  # it needs nothing of what was forgotten
    assert bench.rows_at(2) == [2]


def test_engines_read_the_past_with_its_partitions(bench):
    """Explicit lists work whatever the names end in; keys come from the folders below history/N."""
    bench.commit({"day=01/k=%2Fx/1.parquet": [1], "day=b/k=y/1.parquet": [2]})
    bench.commit({"day=b/k=y/2.parquet": [3]}, ["day=01/k=%2Fx/1.parquet"])
    paths = files_at(bench.home, bench.disk, 1)
    assert sorted(path.rpartition(".")[2] for path in paths) == ["parquet", "retired"]
    wanted = [(1, "01", "/x"), (2, "b", "y")]
    types = "hive_types={'day': VARCHAR, 'k': VARCHAR}, hive_types_autocast=false"
    query = f"from read_parquet($paths, hive_partitioning=true, {types}) order by value"
    assert duckdb.execute(query, {"paths": paths}).fetchall() == wanted
    keys = {"day": pl.String, "k": pl.String}
    scan = pl.scan_parquet(paths, hive_partitioning=True, hive_schema=keys, glob=False)
    assert scan.sort("value").collect().rows() == wanted
    assert scan.filter(pl.col("day") == "01").collect().rows() == wanted[:1]


def test_each_file_of_the_past_says_where_it_stood(bench):
    bench.commit({"day=a/1.parquet": [1]})
    bench.commit({"day=a/2.parquet": [2]}, ["day=a/1.parquet"])
    (kept,) = kept_files_at(bench.home, bench.disk, 1)
    assert kept.path == "day=a/1.parquet"
    assert kept.stands_at.endswith("history/00000002/day=a/1.parquet.retired")
