"""A snapshot holds every data file of one moment, and what a crash left is completed first."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from commits.workbench import Workbench, run_and_die
from parquetry.commits.log import find_pending
from parquetry.commits.settling import settled
from parquetry.commits.snapshots import data_files, take_snapshot
from parquetry.errors import LayoutError, NotFoundError, StorageError
from parquetry.model.partitions import PartitionFilter
from parquetry.storage.local import LocalStorage


class ReadOnly(LocalStorage):
    """The disk, as somebody sees it who may not write."""

    def lock(self, path, *, shared=False, wait=True):
        if not shared:
            raise StorageError(f"Could not lock {path}: permission denied.", errno=errno.EACCES)
        return super().lock(path, shared=shared, wait=wait)


HALF_DONE = """
import os, sys
from pathlib import Path
from commits.workbench import Workbench
from parquetry.commits import committing
committing.finish = lambda *_: os._exit(9)
Workbench(Path(sys.argv[1])).commit({"day=a/new.parquet": [7]}, ["day=a/old.parquet"])
"""


def leave_half_done(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace day=a/old.parquet, and die right after the commit was recorded."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    run_and_die(HALF_DONE, str(bench.root.parent))
    assert find_pending(bench.home, bench.disk) is not None


def test_it_names_every_data_file_with_its_state_and_the_version(bench):
    bench.commit({"day=a/x.parquet": [1], "day=b/y.parquet": [2]})
    bench.drop("day=b/foreign.parquet", [3])
    snapshot = take_snapshot(bench.home, bench.disk)
    assert snapshot.version == 1
    assert [file.path for file in snapshot.files] == [
        "day=a/x.parquet",
        "day=b/foreign.parquet",
        "day=b/y.parquet",
    ]
    assert snapshot.files[0] == bench.state("day=a/x.parquet")


def test_a_filter_on_partitions_leaves_the_others_out(bench):
    bench.commit({"day=a/x.parquet": [1], "day=b/y.parquet": [2]})
    where = PartitionFilter(exact={"day": frozenset({"b"})})
    found = take_snapshot(bench.home, bench.disk, where).files
    assert [file.path for file in found] == ["day=b/y.parquet"]


def test_what_is_no_data_is_not_in_it(bench):
    bench.drop("day=a/x.parquet", [1])
    bench.drop("day=a/_temporary.parquet", [1])
    bench.drop("_old/day=a/x.parquet", [1])
    (bench.root / "day=a" / "_SUCCESS").touch()
    paths = [file.path for file in take_snapshot(bench.home, bench.disk).files]
    assert paths == list(data_files(bench.disk, bench.home.root)) == ["day=a/x.parquet"]


def test_a_commit_that_a_crash_left_half_done_is_completed_first(bench, monkeypatch):
    bench.commit({"day=a/old.parquet": [1]})
    leave_half_done(bench, monkeypatch)
    snapshot = take_snapshot(bench.home, bench.disk)
    assert snapshot.version == 2
    assert [file.path for file in snapshot.files] == ["day=a/new.parquet"]
    assert find_pending(bench.home, bench.disk) is None


def test_whoever_may_not_write_reads_the_folder_as_it_is(bench, monkeypatch):
    bench.commit({"day=a/old.parquet": [1]})
    leave_half_done(bench, monkeypatch)
    read_only = ReadOnly()
    with settled(bench.home, read_only) as rest:
        assert not rest.is_settled
    paths = [file.path for file in take_snapshot(bench.home, read_only).files]
    assert paths == ["day=a/old.parquet"]


def test_whoever_may_not_write_is_refused_a_folder_that_is_half_renamed(bench, monkeypatch):
    bench.commit({"day=a/old.parquet": [1]})
    leave_half_done(bench, monkeypatch)
    (staged,) = bench.root.parent.glob("**/tree*/new.parquet")
    os.link(staged, bench.root / "day=a" / "new.parquet")
    with pytest.raises(StorageError, match="half done by a crash"):
        take_snapshot(bench.home, ReadOnly())
    os.unlink(bench.root / "day=a" / "old.parquet")  # now all of the commit is there
    paths = [file.path for file in take_snapshot(bench.home, ReadOnly()).files]
    assert paths == ["day=a/new.parquet"]


def test_a_dataset_that_does_not_exist_is_an_error_and_an_emptied_one_is_not(bench):
    bench.commit({"x.parquet": [1]})
    (bench.root / "x.parquet").unlink()
    bench.root.rmdir()
    assert take_snapshot(bench.home, bench.disk).files == ()
    elsewhere = type(bench.home)(f"{bench.home.root}-2", f"{bench.home.state}-2")
    with pytest.raises(NotFoundError, match="no dataset at"):
        take_snapshot(elsewhere, bench.disk)


def test_an_ambiguous_layout_is_refused(bench):
    bench.drop("day=a/x.parquet", [1])
    bench.drop("x.parquet", [1])
    with pytest.raises(LayoutError, match="partitioned in two ways"):
        take_snapshot(bench.home, bench.disk)
