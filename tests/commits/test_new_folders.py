"""New folders come into a dataset whole, or what is below them does."""

from __future__ import annotations

import os

import pytest

from parquetry.commits.home import Home
from parquetry.commits.new_folders import NewFolders
from parquetry.commits.staging import sweep
from parquetry.commits.vacuuming import vacuum
from parquetry.storage.folders import write_file
from parquetry.storage.local import LocalStorage

DISK = LocalStorage()


@pytest.fixture
def home(tmp_path):
    home = Home.of(tmp_path / "events")
    home.prepare(DISK)
    return home


def fill(home: Home, *paths: str) -> NewFolders:
    folders = NewFolders(home, DISK)
    for path in paths:
        source = folders.stage(path)
        assert source is not None
        write_file(DISK, source, path.encode())
    return folders


def test_all_files_of_a_new_folder_come_by_one_rename(home):
    folders = fill(home, "a=1/b=1/x.parquet", "a=1/b=2/x.parquet")
    assert not os.path.exists(home.root)
    dirty = folders.move()
    assert dirty == [os.path.dirname(home.root), home.root]
    assert folders.have_moved("a=1/b=2/x.parquet")
    assert sorted(os.listdir(f"{home.root}/a=1")) == ["b=1", "b=2"]
    assert os.listdir(home.staging) == []


def test_where_others_made_the_folder_what_is_below_comes(home):
    folders = fill(home, "a=1/b=1/x.parquet", "a=1/b=2/x.parquet")
    os.makedirs(f"{home.root}/a=1/b=1")
    assert folders.move() == [f"{home.root}/a=1"]
    assert not folders.have_moved("a=1/b=1/x.parquet")
    assert folders.have_moved("a=1/b=2/x.parquet")
    folders.discard()
    assert os.listdir(home.staging) == []


def test_a_folder_that_is_there_is_not_made_anew(home):
    os.makedirs(f"{home.root}/a=1")
    folders = NewFolders(home, DISK)
    assert folders.stage("a=1/x.parquet") is None
    assert folders.stage("x.parquet") is None
    assert folders.move() == []


def test_everything_that_is_new_is_to_be_synced_inner_folders_first(home):
    folders = fill(home, "a=1/b=1/x.parquet")
    inner, outer = folders.unsynced
    assert inner == f"{outer}/b=1"


def test_a_folder_that_a_crash_left_is_swept_after_a_day_and_not_before(home):
    folders = fill(home, "a=1/b=1/x.parquet")
    sweep(home, DISK)
    assert len(os.listdir(home.staging)) == 1
    os.utime(folders.unsynced[-1], (0, 0))
    sweep(home, DISK)
    assert os.listdir(home.staging) == []


def test_without_an_exclusive_rename_a_folder_in_the_way_is_still_respected(home, monkeypatch):
    from parquetry.storage import local

    def unsupported(*_: str) -> None:
        raise local.ExchangeUnsupportedError("not here")

    monkeypatch.setattr(local, "move_to_free", unsupported)
    folders = fill(home, "a=1/b=1/x.parquet", "a=2/b=1/x.parquet")
    os.makedirs(f"{home.root}/a=1/b=1")
    write_file(DISK, f"{home.root}/a=1/b=1/other.parquet", b"theirs")
    folders.move()
    assert folders.have_moved("a=2/b=1/x.parquet")
    assert not folders.have_moved("a=1/b=1/x.parquet")
    assert os.listdir(f"{home.root}/a=1/b=1") == ["other.parquet"]


def test_a_vacuum_counts_and_removes_such_a_folder_once(home):
    folders = fill(home, "a=1/b=1/x.parquet")
    os.utime(folders.unsynced[-1], (0, 0))
    report = vacuum(home, DISK)
    assert report.files_removed == 1
    assert os.listdir(home.staging) == []
