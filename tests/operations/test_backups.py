"""Backups: what an operation changed can be brought back from a folder that needs nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from operations.folders import Folder, level2
from parquetry.crud import ParquetCRUD
from parquetry.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptionError,
    FormatVersionError,
    NotFoundError,
    ParameterError,
    StorageError,
)
from parquetry.operations import running
from parquetry.operations.backups import restore_backup
from parquetry.operations.manifests import read_manifest
from parquetry.storage.local import LocalStorage

c = pl.col


@pytest.fixture
def folder(tmp_path) -> Folder:
    made = Folder(tmp_path)
    made.append(level2(), "product_id", "date")
    return made


@pytest.fixture
def crud(folder) -> ParquetCRUD:
    return ParquetCRUD(folder.root, backup_dir=folder.store / "backups")


def each_change(crud: ParquetCRUD) -> dict[str, dict]:
    new = level2(44).with_columns(best_bid=0.5, date=pl.lit("2026-01-01"))
    return {
        "delete": lambda: crud.delete(c("sequence_num") < 20),
        "drop": lambda: crud.delete(c("product_id") == "BTC-USD"),
        "update": lambda: crud.update(c("side") == "bid", {"side": "buy", "date": "2026-01-01"}),
        "upsert": lambda: crud.upsert(new, ["trade_id"], ["product_id", "date"]),
    }


@pytest.mark.parametrize("change", ["delete", "drop", "update", "upsert"])
def test_the_rows_come_back_and_later_ones_stay(folder, crud, change):
    before = folder.snapshot()
    result = each_change(crud)[change]()
    assert folder.snapshot() != before
    folder.append(level2(2).with_columns(date=pl.lit("1999-01-01")), "product_id", "date")
    crud.restore_backup(result["backup"])
    after = folder.snapshot()
    assert {p: v[1] for p, v in after.items() if "1999" not in p} == {
        p: v[1] for p, v in before.items()
    }
    assert len(folder.frame()) == 42


def test_a_backup_is_a_dataset_that_any_reader_reads(folder, crud):
    wanted = level2().filter((c("product_id") == "BTC-USD") & (c("date") == "2025-11-25"))
    result = crud.delete(c("sequence_num") == 0)
    backup = Path(result["backup"])
    assert pl.read_parquet(backup / "files/**/*.parquet").select(wanted.columns).equals(wanted)
    manifest = read_manifest(backup)
    assert (manifest.operation, manifest.base_version, manifest.root) == (
        "delete",
        1,
        str(folder.root),
    )
    assert len(manifest.files) == len(manifest.replaced_by) == 1


def test_links_are_made_where_the_disk_has_them_and_copies_elsewhere(folder, monkeypatch):
    crud = ParquetCRUD(folder.root, backup_dir=folder.store / "backups")
    linked = Path(crud.delete(c("sequence_num") == 0)["backup"])
    assert all(p.stat().st_nlink > 1 for p in linked.glob("files/**/*.parquet"))

    real = LocalStorage.link

    def link(self, source: str, target: str) -> None:
        if "/backups/" in source + target:
            raise StorageError("Invalid cross-device link", errno=errno.EXDEV)
        real(self, source, target)

    monkeypatch.setattr(LocalStorage, "link", link)
    result = crud.delete(c("sequence_num") == 1)
    copied = Path(result["backup"])
    assert all(p.stat().st_nlink == 1 for p in copied.glob("files/**/*.parquet"))
    crud.restore_backup(copied)
    assert len(folder.frame()) == 39


def test_none_is_made_without_need(folder, crud):
    assert crud.delete(c("sequence_num") < 0)["backup"] is None
    assert crud.delete(c("sequence_num") == 0, create_backup=False)["backup"] is None
    assert crud.delete(c("sequence_num") == 1, dry_run=True)["backup"] is None
    assert ParquetCRUD(folder.root).delete(c("sequence_num") == 2)["backup"] is None
    assert not (folder.store / "backups").exists()


def test_a_change_that_fails_leaves_no_backup(folder, crud, monkeypatch):
    def refuse(*_):
        raise ConflictError("somebody was faster")

    monkeypatch.setattr(running, "commit", refuse)
    with pytest.raises(ConflictError):
        crud.delete(c("sequence_num") == 0)
    assert list((folder.store / "backups").iterdir()) == []


def test_a_backup_inside_the_dataset_is_refused(folder):
    crud = ParquetCRUD(folder.root, backup_dir=folder.root / "backups")
    with pytest.raises(ParameterError, match="inside the dataset"):
        crud.delete(c("sequence_num") == 0)
    assert len(folder.frame()) == 40


def test_what_was_changed_again_is_not_restored_twice(folder, crud):
    first = crud.delete(c("sequence_num") == 0)["backup"]
    second = crud.delete(c("sequence_num") == 4)["backup"]
    with pytest.raises(ConflictError, match="changed since"):
        crud.restore_backup(first)
    assert len(folder.frame()) == 38
    crud.restore_backup(second)
    crud.restore_backup(first)
    assert folder.frame().sort("sequence_num").equals(level2())
    with pytest.raises(AlreadyExistsError, match="restored before"):
        crud.restore_backup(first)
    assert len(folder.frame()) == 40


def test_a_restore_is_a_commit_that_can_be_undone(folder, crud):
    from parquetry.commits.restoring import restore

    result = crud.delete(c("sequence_num") < 20)
    record = crud.restore_backup(result["backup"])
    assert record.operation == "restore_backup"
    restore(folder.home, folder.disk, 2)
    assert len(folder.frame()) == 20


def test_a_backup_outlives_its_dataset(folder, crud, tmp_path):
    backup = crud.delete(c("product_id") == "BTC-USD")["backup"]
    shutil.rmtree(folder.root)
    shutil.rmtree(folder.store / ".parquetry")
    restore_backup(backup, tmp_path / "elsewhere")
    found = pl.read_parquet(tmp_path / "elsewhere/**/*.parquet")
    assert len(found) == 20


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda b: (b / "manifest.json").unlink(), NotFoundError),
        (lambda b: (b / "manifest.json").write_text("{"), CorruptionError),
        (
            lambda b: (b / "manifest.json").write_text(
                json.dumps(json.loads((b / "manifest.json").read_text()) | {"format": 99})
            ),
            FormatVersionError,
        ),
        (lambda b: next(b.glob("files/**/*.parquet")).unlink(), CorruptionError),
    ],
)
def test_a_damaged_backup_is_refused_and_nothing_changes(folder, crud, spoil, kind):
    backup = Path(crud.delete(c("sequence_num") == 0)["backup"])
    before = folder.snapshot()
    spoil(backup)
    with pytest.raises(kind):
        crud.restore_backup(backup)
    assert folder.snapshot() == before


def test_nothing_is_changed_where_a_backup_cannot_be_made(folder):
    if os.geteuid() == 0:
        target = Path("/proc/backups")
    else:
        target = folder.store / "readonly"
        target.mkdir(mode=0o500)
    before = folder.snapshot()
    with pytest.raises((StorageError, NotFoundError)) as caught:
        ParquetCRUD(folder.root, backup_dir=target).delete(c("sequence_num") == 0)
    assert caught.value.outcome == "unchanged"
    assert folder.snapshot() == before
