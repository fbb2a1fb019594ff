"""Whatever call of a compaction or repartition fails, the datasets are the before or the after."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from crashes.scenarios import DISK, check_vacuumed
from doubles.faulty import Died, FaultyStorage
from doubles.forgetful import ForgetfulStorage
from operations.reshaping import partitions, rows, write
from parquetry.commits.finishing import recover
from parquetry.commits.home import Home
from parquetry.commits.staging import sweep
from parquetry.errors import ParquetryError
from parquetry.operations.compacting import compact, plan_compact
from parquetry.operations.compactor import ParquetCompactor
from parquetry.operations.repartition_plan import plan_repartition
from parquetry.operations.repartitioner import Repartitioner
from parquetry.operations.repartitioning import repartition
from parquetry.storage import exchange as exchanging
from parquetry.storage.local import LocalStorage

State = tuple[tuple[Counter[str], set[str], int], ...]


@dataclass(frozen=True)
class Reshaping:
    """A verb, and the datasets that it concerns."""

    name: str
    run: Callable[[Path, LocalStorage], object]
    datasets: tuple[str, ...] = ("events",)

    def state(self, store: Path) -> State:
        return tuple(
            (
                rows(store / name),
                partitions(store / name),
                len(list((store / name).rglob("*.parquet"))),
            )
            for name in self.datasets
        )


def prepare(store: Path) -> None:
    for day in "ab":
        for number in range(2):
            table = pa.table(
                {"day": [day] * 4, "kind": list("xyxy"), "n": np.arange(4) + 4 * number}
            )
            write(store / f"events/day={day}/{number}.parquet", table)
    (store / "events/day=a/_note").write_text("kept")


def compact_in_place(store: Path, storage: LocalStorage) -> None:
    home = Home.of(store / "events")
    compact(home, storage, plan_compact(home, storage))


def compact_aside(store: Path, storage: LocalStorage) -> None:
    ParquetCompactor(store / "events", storage=storage).compact(delete_source_files=False)


def repartition_in_place(store: Path, storage: LocalStorage) -> None:
    home = Home.of(store / "events")
    repartition(home, storage, plan_repartition(home, storage, ["kind"], batch_rows=5))


def repartition_by_renames(store: Path, storage: LocalStorage) -> None:
    with patch.object(exchanging, "_rename_function", lambda: None):
        repartition_in_place(store, storage)


def repartition_aside(store: Path, storage: LocalStorage) -> None:
    Repartitioner(store / "events", store / "new", ["kind"], storage=storage).repartition()


def repartition_and_delete(store: Path, storage: LocalStorage) -> None:
    Repartitioner(store / "events", store / "new", ["kind"], storage=storage).repartition(
        delete_source=True
    )


RESHAPINGS = [
    Reshaping("compact", compact_in_place),
    Reshaping("compact aside", compact_aside, ("events", "events_compacted")),
    Reshaping("repartition", repartition_in_place),
    Reshaping("repartition without an exchange", repartition_by_renames),
    Reshaping("repartition aside", repartition_aside, ("events", "new")),
    Reshaping("repartition and delete", repartition_and_delete, ("events", "new")),
]
each_reshaping = pytest.mark.parametrize("reshaping", RESHAPINGS, ids=lambda one: one.name)


class Stores:
    """Fresh copies of one store, and its states before and after."""

    def __init__(self, folder: Path, reshaping: Reshaping) -> None:
        self._folder, self._reshaping, self._made = folder, reshaping, 0
        store = self.fresh()
        self.before = reshaping.state(store)
        counting = FaultyStorage()
        reshaping.run(store, counting)
        self.calls = len(counting.calls)
        self.after = reshaping.state(store)
        self.all_rows = self.before[0][0]
        shutil.rmtree(store)

    def fresh(self) -> Path:
        self._made += 1
        store = self._folder / str(self._made)
        prepare(store)
        return store

    def check(self, store: Path, outcome: str) -> None:
        self.reopen(store)
        found = self._reshaping.state(store)
        between = (
            self.before[0],
            *self.after[1:],
        )  # the new dataset is whole, the old one still there
        later = [self.after, between] if len(found) > 1 else [self.after]
        allowed = {
            "unchanged": [self.before],
            "changed": later,
            "unknown": [self.before, *later],
        }[outcome]
        assert found in allowed, f"{outcome}: {found}"
        assert any(one[0] == self.all_rows for one in found), "some dataset holds every row"
        assert (store / "events/day=a/_note").read_text() == "kept"
        for name in self._reshaping.datasets:
            check_vacuumed(Home.of(store / name))
        shutil.rmtree(store)

    def reopen(self, store: Path) -> None:
        """What the next one who opens each dataset does."""
        for name in self._reshaping.datasets:
            home = Home.of(store / name)
            home.prepare(DISK)
            with DISK.lock(home.lock):
                recover(home, DISK)
                sweep(home, DISK)


@each_reshaping
@pytest.mark.parametrize("mode", ["error", "full"])
def test_a_call_that_fails_leaves_what_the_error_says(tmp_path, reshaping, mode):
    stores = Stores(tmp_path, reshaping)
    outcomes = set()
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        outcome = "changed"
        try:
            reshaping.run(store, FaultyStorage(call, mode))
        except ParquetryError as error:
            outcome = error.outcome
        outcomes.add(outcome)
        stores.check(store, outcome)
    assert {"unchanged", "changed"} <= outcomes


@each_reshaping
def test_a_process_that_dies_at_any_call_leaves_before_or_after(tmp_path, reshaping):
    stores = Stores(tmp_path, reshaping)
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        with suppress(Died):
            reshaping.run(store, FaultyStorage(call, "die"))
        stores.check(store, "unknown")


@each_reshaping
@pytest.mark.parametrize("strict", [False, True], ids=["ordered", "strict"])
def test_power_lost_at_any_call_leaves_before_or_after(tmp_path, reshaping, strict):
    stores = Stores(tmp_path, reshaping)
    for call in range(1, stores.calls + 2):
        store = stores.fresh()
        disk = _Dying(call, store, tmp_path / f"graves-{store.name}", strict=strict)
        with suppress(Died):
            reshaping.run(store, disk)
        disk.lose_power(keep=0 if strict else disk.unsynced_changes // 2)
        stores.check(store, "unknown")


class _Dying(ForgetfulStorage, FaultyStorage):
    """Loses power at a chosen call."""

    def __init__(self, call: int, root: Path, graveyard: Path, *, strict: bool) -> None:
        FaultyStorage.__init__(self, call, "die")
        ForgetfulStorage.__init__(self, root, graveyard, strict=strict)
