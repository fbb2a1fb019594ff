"""Whatever call of a delete, an update or an upsert fails, the rows are those before or after."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest

from crashes.scenarios import check_vacuumed
from doubles.faulty import Died, FaultyStorage
from doubles.forgetful import ForgetfulStorage
from parquetry.access.source import Source
from parquetry.commits import staged_files
from parquetry.commits.finishing import recover
from parquetry.commits.home import Home
from parquetry.commits.staging import sweep
from parquetry.errors import ParquetryError
from parquetry.operations import running
from parquetry.operations.deleting import delete
from parquetry.operations.updating import update
from parquetry.operations.upserting import upsert
from parquetry.storage.local import LocalStorage
from parquetry.storage.protocol import Storage

c = pl.col
DISK = LocalStorage()
Parts = tuple[Home, Storage, Source]
NEW = pl.DataFrame({"day": ["b", "z", "a"], "k": [1, 2, 9], "v": [0, 102, 90]})


def as_if_large(change: Callable[[Parts, Path], Any]) -> Callable[[Parts, Path], Any]:
    """Do a change as one of many files: they are written where they will stand, and proved."""

    def changed(parts: Parts, store: Path) -> Any:
        with (
            patch.object(staged_files, "SHARE_BYTES", 1),
            patch.object(running, "MANY_FOLDERS", 2),
        ):
            return change(parts, store)

    return changed


def update_some(parts: Parts, _: Path) -> Any:
    return update(*parts, c("k") == 1, {"v": c("v") + 1})


def upsert_some(parts: Parts, _: Path) -> Any:
    return upsert(*parts, NEW, ["k"], on_duplicate_target="replace")


CHANGES: dict[str, Callable[[Parts, Path], Any]] = {
    "delete rows": lambda parts, _: delete(*parts, c("v") >= 100),
    "delete a partition": lambda parts, _: delete(*parts, c("day") == "b"),
    "delete with a backup": lambda parts, store: delete(
        *parts, c("k") == 1, backup_dir=store / "backups"
    ),
    "update": update_some,
    "large update": as_if_large(update_some),
    "update that moves rows": lambda parts, _: update(*parts, c("k") == 2, {"day": "z", "v": -1}),
    "upsert": upsert_some,
    "large upsert": as_if_large(upsert_some),
    "first upsert": lambda parts, _: upsert(*parts, NEW, ["k"], partition_by=["day"]),
}
each_change = pytest.mark.parametrize("name", CHANGES)


def prepare(store: Path, name: str) -> None:
    """Two partitions, one of two files, and a stranger's note that must survive everything."""
    root = store / "events"
    store.mkdir()
    if name == "first upsert":
        return
    for day, number in (("a", 0), ("a", 100), ("b", 200)):
        folder = root / f"day={day}"
        folder.mkdir(parents=True, exist_ok=True)
        rows = pl.DataFrame({"day": [day] * 3, "k": [1, 2, 3], "v": [number + n for n in range(3)]})
        rows.with_columns(k=c("k") + number % 200).write_parquet(folder / f"{number}.parquet")
    (root / "day=a" / "_note").write_text("kept")


def run(store: Path, name: str, storage: Storage) -> None:
    home = Home.of(store / "events")
    CHANGES[name]((home, storage, Source(home, storage)), store)


def rows(store: Path) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for path in (store / "events").glob("**/*.parquet"):
        found.update(pl.read_parquet(path, hive_partitioning=False).select("day", "k", "v").rows())
    return found


def reopen(store: Path) -> None:
    home = Home.of(store / "events")
    home.prepare(DISK)
    with DISK.lock(home.lock):
        recover(home, DISK)
        sweep(home, DISK)


class Stores:
    """Fresh copies of one store, and the rows before and after a change."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._made = 0
        store = self.fresh()
        self.before = rows(store)
        counting = FaultyStorage()
        run(store, name, counting)
        self.calls = len(counting.calls)
        self.after = rows(store)
        assert self.before != self.after

    def fresh(self) -> Path:
        self._made += 1
        store = self._folder / str(self._made)
        prepare(store, self._name)
        return store

    def check(self, store: Path, outcome: str | None) -> None:
        reopen(store)
        found = rows(store)
        wanted = {"unchanged": [self.before], "changed": [self.after]}
        assert found in wanted.get(outcome or "", [self.before, self.after]), outcome
        if self._name != "first upsert":
            assert (store / "events" / "day=a" / "_note").read_text() == "kept"
        assert not list((store / ".parquetry").glob("datasets/*/staging/*/owner")), "it is swept"
        if found == self.before:
            run(store, self._name, FaultyStorage())  # never fails here, and spares the real syncs
            assert rows(store) == self.after, "it can be done again"
        check_vacuumed(Home.of(store / "events"))
        shutil.rmtree(store)


@each_change
@pytest.mark.parametrize("mode", ["error", "full"])
def test_a_call_that_fails_leaves_what_the_error_says(tmp_path, name, mode):
    stores = Stores(tmp_path, name)
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        outcome = "changed"
        try:
            run(store, name, FaultyStorage(call, mode))
        except ParquetryError as error:
            outcome = error.outcome
        stores.check(store, outcome)


@each_change
def test_a_process_that_dies_at_any_call_leaves_before_or_after(tmp_path, name):
    stores = Stores(tmp_path, name)
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        with suppress(Died):
            run(store, name, FaultyStorage(call, "die"))
        stores.check(store, None)


class _Dying(ForgetfulStorage, FaultyStorage):
    """Loses power at a chosen call."""

    def __init__(self, root: Path, graveyard: Path, call: int) -> None:
        FaultyStorage.__init__(self, call, "die")
        ForgetfulStorage.__init__(self, root, graveyard, strict=True)


@each_change
def test_power_lost_at_any_call_leaves_before_or_after(tmp_path, name):
    stores = Stores(tmp_path, name)
    for call in range(1, stores.calls + 2):
        store = stores.fresh()
        disk = _Dying(store, tmp_path / f"graves-{store.name}", call)
        done = False
        with suppress(Died):
            run(store, name, disk)
            done = True
        disk.lose_power()
        stores.check(store, "changed" if done else None)
