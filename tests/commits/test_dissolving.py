"""An old tree goes with all that is known; what came to it unseen is carried over."""

from __future__ import annotations

import os

import pytest

from parquetry.commits import dissolving
from parquetry.commits.dissolving import OldTree
from parquetry.storage.local import LocalStorage


@pytest.mark.parametrize("many", [1, 10**9], ids=["by several threads", "by one"])
def test_a_tree_of_many_folders_goes_and_only_stragglers_stay(tmp_path, monkeypatch, many):
    monkeypatch.setattr(dissolving, "_MANY_FOLDERS", many)
    old, live = tmp_path / "old", tmp_path / "live"
    retired = {}
    for number in range(40):
        folder = f"k={number % 10}/d={number}"
        (old / folder).mkdir(parents=True)
        (live / folder).mkdir(parents=True)
        gone, stays = old / folder / "gone.parquet", old / folder / "stays.parquet"
        gone.write_text("gone")
        stays.write_text("stays")
        os.link(stays, live / folder / "stays.parquet")
        retired[f"{folder}/gone.parquet"] = gone.stat().st_ino
    (old / "k=3" / "d=13" / "came.parquet").write_text("came")
    assert OldTree(LocalStorage(), str(old), str(live), retired).dissolve()
    assert not old.exists()
    found = sorted(str(path.relative_to(live)) for path in live.rglob("*.parquet"))
    folders = [f"k={number % 10}/d={number}" for number in range(40)]
    expected = [f"{folder}/stays.parquet" for folder in folders] + ["k=3/d=13/came.parquet"]
    assert found == sorted(expected)


def test_a_file_that_has_taken_the_name_of_a_retired_one_is_carried_over(tmp_path):
    old, live = tmp_path / "old" / "k=1", tmp_path / "live" / "k=1"
    old.mkdir(parents=True)
    live.mkdir(parents=True)
    (old / "one.parquet").write_text("retired")
    inode = (old / "one.parquet").stat().st_ino
    (old / "two.parquet").write_text("put there by somebody else")
    (old / "two.parquet").replace(old / "one.parquet")
    retired = {"k=1/one.parquet": inode, "k=1/gone already.parquet": inode}
    assert OldTree(LocalStorage(), str(old.parent), str(live.parent), retired).dissolve()
    assert not old.exists()
    assert (live / "one.parquet").read_text() == "put there by somebody else"


def test_what_stays_beside_retired_files_goes_from_the_old_tree_as_well(tmp_path):
    old, live = tmp_path / "old", tmp_path / "live"
    (old / "k=1").mkdir(parents=True)
    (live / "k=1").mkdir(parents=True)
    for name in ("top.parquet", "k=1/gone.parquet", "k=1/stays.parquet"):
        (old / name).write_text(name)
    os.link(old / "k=1" / "stays.parquet", live / "k=1" / "stays.parquet")
    retired = {name: (old / name).stat().st_ino for name in ("top.parquet", "k=1/gone.parquet")}
    assert OldTree(LocalStorage(), str(old), str(live), retired).dissolve()
    assert not old.exists()
    assert [path.name for path in live.rglob("*.parquet")] == ["stays.parquet"]
