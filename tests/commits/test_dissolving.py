"""An old tree goes with all that is known; what came to it unseen is carried over."""

from __future__ import annotations

import os

import pytest

from parquetry.commits import dissolving
from parquetry.commits.dissolving import OldTree
from parquetry.storage.local import LocalStorage


@pytest.mark.parametrize("many", [1, 10**9], ids=["by two threads", "by one"])
def test_a_tree_of_many_folders_goes_and_only_stragglers_stay(tmp_path, monkeypatch, many):
    monkeypatch.setattr(dissolving, "_MANY_FILES", many)
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
