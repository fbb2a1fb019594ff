"""Whatever call of a commit fails, the dataset is the before or the after, row for row."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from crashes import scenarios
from crashes.scenarios import SCENARIOS, Scenario, Undo, reopen, rows
from doubles.faulty import Died, FaultyStorage
from doubles.forgetful import ForgetfulStorage
from parquetry.commits import assembling
from parquetry.errors import ParquetryError
from parquetry.storage import exchange as exchanging
from parquetry.storage.local import LocalStorage

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run with the exchange of one folder, of each partition, and as on a disk that has neither."""
    if request.param == "partitions":
        monkeypatch.setattr(assembling, "_ALWAYS", -assembling._PER_RETIRED)
    if request.param == "renames":
        monkeypatch.setattr(exchanging, "_rename_function", lambda: None)
    return str(request.param)


each_way = pytest.mark.parametrize("way", ["exchange", "partitions", "renames"], indirect=True)


class Stores:
    """Fresh copies of one store, and the rows before and after a scenario."""

    def __init__(self, folder: Path, scenario: Scenario | Undo) -> None:
        self._folder, self._scenario = folder, scenario
        self._made = 0
        store = self.fresh()
        self.before = rows(store)
        counting = FaultyStorage()
        scenario.run(store, counting)
        self.calls = len(counting.calls)
        self.after = rows(store)
        assert self.before != self.after

    def fresh(self) -> Path:
        self._made += 1
        store = self._folder / str(self._made)
        self._scenario.prepare(store)
        return store

    def check(self, store: Path, outcome: str | None) -> None:
        reopen(store)
        found = rows(store)
        wanted = {"unchanged": [self.before], "changed": [self.after]}
        allowed = wanted.get(outcome or "unknown", [self.before, self.after])
        assert found in allowed, f"{outcome}: {_difference(found, self.before, self.after)}"
        assert (store / "events" / "day=a" / "_note").read_text() == "kept"
        assert not [p for p in store.glob("events/**/*") if p.is_dir() and not any(p.iterdir())]
        shutil.rmtree(store)


def _difference(found: Counter, before: Counter, after: Counter) -> str:
    return f"from before: -{before - found} +{found - before}; after: -{after - found} +{found - after}"


@each_scenario
@each_way
@pytest.mark.parametrize("mode", ["error", "full"])
def test_a_call_that_fails_leaves_what_the_error_says(tmp_path, scenario, way, mode):
    stores = Stores(tmp_path, scenario)
    outcomes = set()
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        outcome = "changed"
        try:
            scenario.run(store, FaultyStorage(call, mode))
        except ParquetryError as error:
            outcome = error.outcome
        outcomes.add(outcome)
        stores.check(store, outcome)
    assert {"unchanged", "changed"} <= outcomes


@each_scenario
@each_way
def test_a_process_that_dies_at_any_call_leaves_before_or_after(tmp_path, scenario, way):
    stores = Stores(tmp_path, scenario)
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        with suppress(Died):
            scenario.run(store, FaultyStorage(call, "die"))
        stores.check(store, None)


@each_scenario
@each_way
@pytest.mark.parametrize("strict", [False, True], ids=["ordered", "strict"])
def test_power_lost_at_any_call_leaves_before_or_after(tmp_path, scenario, way, strict):
    stores = Stores(tmp_path, scenario)
    for call in range(1, stores.calls + 2):
        keep, unsynced = 0, 0
        while keep <= unsynced:
            store = stores.fresh()
            disk = _disk(tmp_path, store, call, strict=strict)
            done = False
            with suppress(Died):
                scenario.run(store, disk)
                done = True
            unsynced = 0 if strict else disk.unsynced_changes
            disk.lose_power(keep)
            stores.check(store, "changed" if done else None)
            keep += 1


class _Dying(ForgetfulStorage, FaultyStorage):
    """Loses power at a chosen call."""

    def __init__(self, root: Path, graveyard: Path, call: int, *, strict: bool) -> None:
        FaultyStorage.__init__(self, call, "die")
        ForgetfulStorage.__init__(self, root, graveyard, strict=strict)


def _disk(folder: Path, store: Path, call: int, *, strict: bool) -> _Dying:
    return _Dying(store, folder / f"graves-{store.name}", call, strict=strict)


@each_scenario
@each_way
def test_recovery_itself_may_die_at_any_call(tmp_path, scenario, way):
    stores = Stores(tmp_path, scenario)
    for call in range(1, stores.calls + 1):
        store = stores.fresh()
        with suppress(Died):
            scenario.run(store, FaultyStorage(call, "die"))
        for second in range(1, 100):
            try:
                _recover(store, FaultyStorage(second, "die"))
            except Died:
                continue
            break
        stores.check(store, None)


def _recover(store: Path, storage: LocalStorage) -> None:
    target = scenarios.home(store)
    target.prepare(scenarios.DISK)
    with storage.lock(target.lock):
        scenarios.recover(target, storage)
