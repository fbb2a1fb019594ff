"""Whatever call of writing a unit fails, each unit is the before or the after."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from crashes.scenarios import DISK
from doubles.faulty import Died, FaultyStorage
from doubles.forgetful import ForgetfulStorage
from parquetry.commits.finishing import recover
from parquetry.commits.home import Home
from parquetry.errors import ParquetryError
from parquetry.experiments import grids
from parquetry.experiments.writing import write_event_rows

PARAMS = {"algo": "a", "gamma": 0.5}


def unit(seed: int, value: float) -> list[dict[str, object]]:
    return [{"seed": seed, "event_id": i, "value": value} for i in range(3)]


def first(store: Path, storage: FaultyStorage) -> None:
    write_event_rows(unit(1, 1.0), store, PARAMS, storage=storage)


def replaced(store: Path, storage: FaultyStorage) -> None:
    write_event_rows(unit(0, 9.0), store, PARAMS, storage=storage)


def with_a_new_column(store: Path, storage: FaultyStorage) -> None:
    rows = [{**row, "extra": "x"} for row in unit(2, 1.0)]
    write_event_rows(rows, store, PARAMS, storage=storage)


each_write = pytest.mark.parametrize("write", [first, replaced, with_a_new_column])


class Stores:
    def __init__(self, folder: Path, write) -> None:
        self._folder, self._made = folder, 0
        store = self.fresh()
        self.before = rows(store)
        counting = FaultyStorage()
        write(store, counting)
        self.calls = len(counting.calls)
        self.after = rows(store)
        assert self.before != self.after

    def fresh(self) -> Path:
        self._made += 1
        store = self._folder / str(self._made)
        write_event_rows(unit(0, 0.0), store, PARAMS)
        grids._known.clear()
        return store

    def check(self, store: Path, outcome: str | None) -> None:
        target = Home.of(store / "events")
        with DISK.lock(target.lock):
            recover(target, DISK)
        found = rows(store)
        wanted = {"unchanged": [self.before], "changed": [self.after]}
        assert found in wanted.get(outcome or "", [self.before, self.after]), outcome
        shutil.rmtree(store)


def rows(store: Path) -> list[tuple[object, ...]]:
    tables = [pl.read_parquet(path) for path in store.glob("events/**/*.parquet")]
    return sorted(pl.concat(tables, how="diagonal").select("seed", "event_id", "value").rows())


@each_write
@pytest.mark.parametrize("mode", ["error", "full"])
def test_a_call_that_fails_leaves_what_the_error_says(tmp_path, write, mode):
    stores = Stores(tmp_path, write)
    outcomes = set()
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        outcome = "changed"
        try:
            write(store, FaultyStorage(call, mode))
        except ParquetryError as error:
            outcome = error.outcome
        outcomes.add(outcome)
        stores.check(store, outcome)
    assert "unchanged" in outcomes
    assert outcomes & {"changed", "unknown"}


@each_write
def test_a_process_that_dies_at_any_call_leaves_before_or_after(tmp_path, write):
    stores = Stores(tmp_path, write)
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        with suppress(Died):
            write(store, FaultyStorage(call, "die"))
        stores.check(store, None)


class Dying(ForgetfulStorage, FaultyStorage):
    def __init__(self, root: Path, graveyard: Path, call: int, *, strict: bool) -> None:
        FaultyStorage.__init__(self, call, "die")
        ForgetfulStorage.__init__(self, root, graveyard, strict=strict)


@each_write
@pytest.mark.parametrize("strict", [False, True], ids=["ordered", "strict"])
def test_power_lost_at_any_call_leaves_before_or_after(tmp_path, write, strict):
    stores = Stores(tmp_path, write)
    for call in range(1, stores.calls + 2):
        store = stores.fresh()
        disk = Dying(store, tmp_path / f"graves-{store.name}", call, strict=strict)
        done = False
        with suppress(Died):
            write(store, disk)
            done = True
        disk.lose_power()
        stores.check(store, "changed" if done else None)
