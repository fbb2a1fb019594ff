"""A change that this user may not make is refused before it is recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from commits.workbench import Workbench
from parquetry.errors import StorageError
from parquetry.storage.local import LocalStorage

NOBODY = 65534


class Guarded(LocalStorage):
    """A disk on which some folders must not be changed."""

    def __init__(self, *folders: Path) -> None:
        self.folders = {str(folder) for folder in folders}

    def may_change(self, folder: str) -> bool:
        return super().may_change(folder) and folder not in self.folders

    def remove_folder(self, path: str) -> None:
        if os.path.dirname(path) in self.folders:
            raise StorageError(f"Could not remove the folder {path}: Permission denied.")
        super().remove_folder(path)


@pytest.fixture
def bench(tmp_path):
    found = Workbench(tmp_path / "store")
    found.commit({"day=1/a.parquet": [1], "day=1/b.parquet": [2], "day=2/c.parquet": [3]})
    return found


CHANGES = {
    "one comes": ({"day=1/d.parquet": [4]}, []),
    "one goes": ({}, ["day=1/a.parquet"]),
    "one is replaced": ({"day=1/d.parquet": [4]}, ["day=1/a.parquet"]),
    "some come": ({"day=1/d.parquet": [4], "day=2/d.parquet": [4]}, []),
    "all are replaced": (
        {"d.parquet": [1, 2, 3]},
        ["day=1/a.parquet", "day=1/b.parquet", "day=2/c.parquet"],
    ),
}


@pytest.mark.parametrize(("add", "retire"), CHANGES.values(), ids=CHANGES)
def test_a_change_in_a_folder_that_must_not_be_changed_leaves_nothing(bench, add, retire):
    def found():
        return sorted(path for path in bench.root.parent.rglob("*"))

    before = found()
    bench.disk = Guarded(bench.root / "day=1")
    with pytest.raises(StorageError, match=r"may not write in .*day=1\. Nothing") as caught:
        bench.commit(add, retire)
    assert caught.value.outcome == "unchanged"
    assert found() == before


@pytest.mark.parametrize("guarded", ["", "day=3", ".."])
def test_the_folder_above_what_is_made_or_exchanged_counts(bench, guarded):
    bench.disk = Guarded((bench.root / guarded).resolve())
    add = {"day=3/x=1/d.parquet": [4]}
    if guarded == "day=3":
        (bench.root / guarded).mkdir()
    if guarded == "..":
        add["day=4/d.parquet"] = [5]
    with pytest.raises(StorageError, match="may not write in"):
        bench.commit(add)
    bench.disk = LocalStorage()
    assert bench.commit(add).version == 2


def test_what_another_folder_allows_is_not_asked(bench):
    bench.disk = Guarded(bench.root / "day=2", bench.root, bench.root.parent)
    bench.commit({"day=1/d.parquet": [4]})
    bench.commit(retire=["day=1/a.parquet"])
    assert bench.rows() == [2, 3, 4]


def test_an_empty_folder_that_must_not_be_removed_is_left_and_the_commit_is_whole(bench):
    bench.disk = Guarded(bench.root)
    bench.commit(retire=["day=2/c.parquet"])
    assert bench.rows() == [1, 2]
    assert not list((bench.root / "day=2").iterdir())
    bench.commit({"day=2/d.parquet": [4]})
    assert bench.rows() == [1, 2, 4]


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="a system without users")
def test_the_disk_knows_what_a_user_may_change(tmp_path):
    assert LocalStorage().may_change(str(tmp_path))
    before = os.geteuid()
    if before == 0:  # who may write everywhere
        os.seteuid(NOBODY)
    try:
        assert not LocalStorage().may_change("/")
    finally:
        os.seteuid(before)
