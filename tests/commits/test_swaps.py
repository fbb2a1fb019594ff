"""Which folders a commit exchanges: one that covers all, each partition by itself, or none."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from doubles.faulty import FaultyStorage
from parquetry.commits import assembling
from parquetry.commits.home import Home
from parquetry.dataset import Dataset
from parquetry.model.records import CommitRecord, Swap
from parquetry.operations.repartition_plan import plan_repartition
from parquetry.operations.repartitioning import repartition


def dataset(folder, partitions):
    found = Dataset(folder / "ds")
    frame = pl.DataFrame({"day": [f"{n:03}" for n in range(partitions) for _ in range(2)]})
    found.append(frame.with_row_index("n"), partition_by=["day"])
    return found


def inodes(found):
    return {path.name: path.stat().st_ino for path in Path(found.path).iterdir()}


def test_a_small_dataset_is_exchanged_as_a_whole(tmp_path):
    found = dataset(tmp_path, 5)
    found.delete(pl.col("n").is_in([0, 2]))
    assert [swap.folder for swap in found.history()[0].swaps] == [""]


def test_a_single_file_goes_without_an_exchange(tmp_path):
    found = dataset(tmp_path, 2)
    before = inodes(found)
    found.delete(pl.col("day") == "001")
    assert found.history()[0].swaps == ()
    assert inodes(found) == {"day=000": before["day=000"]}
    assert found.count() == 2
    found.restore(1)
    assert found.count() == 4
    assert found.check().is_sound


def test_of_many_partitions_only_the_touched_ones_are_exchanged(tmp_path):
    found = dataset(tmp_path, 150)
    before = inodes(found)
    found.delete(pl.col("n").is_in([0, 2, 4, 5]))
    folders = ["day=000", "day=001", "day=002"]
    assert [swap.folder for swap in found.history()[0].swaps] == folders
    after = inodes(found)
    assert before.keys() - after.keys() == {"day=002"}
    assert {name for name in after if after[name] != before[name]} == {"day=000", "day=001"}
    assert sorted(found.scan().collect()["n"]) == [n for n in range(300) if n not in {0, 2, 4, 5}]
    assert found.check().is_sound
    found.restore(1)
    assert found.count() == 300


def test_files_that_only_come_to_many_partitions_are_linked(tmp_path):
    found = dataset(tmp_path, 150)
    before = inodes(found)
    found.append(pl.DataFrame({"day": ["000", "777"], "n": [1000, 1001]}))
    assert found.history()[0].swaps == ()
    assert inodes(found).items() > before.items()
    assert found.count() == 302


@pytest.mark.parametrize("counts_folders", [True, False])
@pytest.mark.parametrize("outer", [2, 12])
def test_the_same_is_exchanged_where_folders_are_not_counted(
    tmp_path, monkeypatch, outer, counts_folders
):
    if not counts_folders:
        monkeypatch.setattr(assembling, "_hold_more", lambda *_: False)
    found = Dataset(tmp_path / "ds")
    days = [{"year": year, "day": day, "n": 0} for year in range(outer) for day in range(12)]
    found.append(days, partition_by=["year", "day"])
    found.append([{"year": 0, "day": 3, "n": 1}, {"year": 1, "day": 3, "n": 1}])
    folders = [swap.folder for swap in found.history()[0].swaps]
    assert folders == ([""] if outer == 2 else [])
    assert found.count() == outer * 12 + 2


@pytest.mark.parametrize(
    ("approach", "swaps"),
    [("exchange", (Swap("day=1", "tree", 7, 8),)), ("renames", ())],
)
def test_records_of_the_first_format_are_understood(approach, swaps):
    document = {
        "format": 1,
        "version": 3,
        "operation": "delete",
        "parameters": {},
        "time": "2026-01-01T00:00:00.000000+00:00",
        "author": "me@here",
        "base_version": 2,
        "approach": approach,
        "cover": "day=1",
        "before_inode": 7,
        "after_inode": 8,
        "staging": "abc",
        "added": [{"path": "day=1/b", "staged": "new-1", "rows": 1, "bytes": 9, "checksum": None}],
        "retired": [{"path": "day=1/a", "bytes": 10, "mtime_ns": 5, "inode": 6}],
    }
    record = CommitRecord.from_json(json.dumps(document).encode(), "00000003.json")
    assert record.swaps == swaps
    assert CommitRecord.from_json(record.to_json(), "00000003.json") == record


def test_a_partition_whose_files_are_all_replaced_keeps_its_mode(tmp_path):
    found = dataset(tmp_path, 3)
    folder = Path(found.path) / "day=001"
    folder.chmod(0o2750)
    found.update(pl.lit(value=True), {"n": pl.col("n") + 10})
    assert folder.stat().st_mode & 0o7777 == 0o2750


def test_what_a_repartition_writes_is_written_where_it_will_stand(tmp_path):
    found = dataset(tmp_path, 3)
    Path(found.path, "day=001").chmod(0o2750)
    home, storage = Home.of(found.path), FaultyStorage()
    repartition(home, storage, plan_repartition(home, storage, ["day", "n"]))
    steps = [step for step in storage.calls if step.endswith(".parquet")]
    assert {step.split()[0] for step in steps} == {"create", "write", "sync", "unlink"}
    created = {step.rpartition("/tree1/")[2] for step in steps if step.startswith("create ")}
    assert created == {file.path for file in found.snapshot().files}
    assert Path(found.path, "day=001").stat().st_mode & 0o7777 == 0o2750
    assert found.check().is_sound
