"""Whatever call fails, a plan is whole or not there, and no unit is lost or held for ever."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from doubles.faulty import Died, FaultyStorage
from doubles.forgetful import ForgetfulStorage
from experiments.sweep_workers import GRID, write
from parquetry.errors import ParquetryError
from parquetry.experiments import grids
from parquetry.experiments.sweeps import Sweep


def declare(store: Path, storage) -> None:
    grids._known.clear()
    Sweep.declare(store, grid=GRID, seeds=range(2), storage=storage)


def extend(store: Path, storage) -> None:
    grids._known.clear()
    Sweep.declare(store, grid={**GRID, "algo": ["c"]}, seeds=range(2), storage=storage)


each_declaration = pytest.mark.parametrize(
    ("prepare", "change", "before", "after"),
    [(None, declare, 0, 8), (declare, extend, 8, 12)],
    ids=["first", "extension"],
)


def calls_of(tmp_path: Path, prepare, change) -> int:
    counting = FaultyStorage()
    store = prepared(tmp_path, prepare, 0)
    change(store, counting)
    return len(counting.calls)


def prepared(tmp_path: Path, prepare, call: int) -> Path:
    store = tmp_path / f"store-{call}"
    store.mkdir()
    if prepare is not None:
        prepare(store, None)
    return store


def total(store: Path) -> int:
    return sum(1 for _ in (Sweep(store)._plans.find_plan() or _Nothing).keys)


class _Nothing:
    keys = ()


@each_declaration
@pytest.mark.parametrize("mode", ["error", "full", "die"])
def test_a_declaration_that_fails_anywhere_is_whole_or_not_there(
    tmp_path, prepare, change, before, after, mode
):
    found = set()
    for call in range(1, calls_of(tmp_path, prepare, change) + 1):
        store = prepared(tmp_path, prepare, call)
        with suppress(Died, ParquetryError):
            change(store, FaultyStorage(call, mode))
        found.add(total(store))
        change(store, None)  # what a user does then
        assert total(store) == after
    assert found == {before, after}


class Dying(ForgetfulStorage, FaultyStorage):
    def __init__(self, root: Path, graveyard: Path, call: int, *, strict: bool) -> None:
        FaultyStorage.__init__(self, call, "die")
        ForgetfulStorage.__init__(self, root, graveyard, strict=strict)


@each_declaration
@pytest.mark.parametrize("strict", [False, True], ids=["ordered", "strict"])
def test_power_lost_anywhere_in_a_declaration_leaves_it_whole_or_not_there(
    tmp_path, prepare, change, before, after, strict
):
    for call in range(1, calls_of(tmp_path, prepare, change) + 2):
        store = prepared(tmp_path, prepare, call)
        disk = Dying(store, tmp_path / f"graves-{call}", call, strict=strict)
        is_declared = False
        with suppress(Died):
            change(store, disk)
            is_declared = True
        disk.lose_power()
        assert total(store) in ({after} if is_declared else {before, after})


def age_claims(store: Path) -> None:
    for path in store.rglob("*.claim"):
        os.utime(path, (1, 1))


def run_all(store: Path, storage=None) -> None:
    for claim in Sweep(store, storage=storage).claims():
        with claim as unit:
            write(store, unit)


def fail_one(store: Path, storage=None) -> None:
    with suppress(ArithmeticError), Sweep(store, storage=storage).claim_next():
        raise ArithmeticError


@pytest.mark.parametrize("work", [run_all, fail_one])
def test_a_worker_that_dies_at_any_call_leaves_units_that_others_finish(tmp_path, work):
    counting = FaultyStorage()
    work(prepared(tmp_path, declare, 0), counting)
    for call in range(1, len(counting.calls) + 1):
        store = prepared(tmp_path, declare, call)
        with suppress(Died):
            work(store, FaultyStorage(call, "die"))
        age_claims(store)
        sweep = Sweep(store)
        sweep.retry()
        run_all(store)
        assert sweep.status().is_complete, counting.calls[call - 1]


def test_a_claim_that_could_not_be_written_is_not_held(tmp_path):
    counting = FaultyStorage()
    Sweep(prepared(tmp_path, declare, 0), storage=counting).claim_next()
    for call in range(1, len(counting.calls) + 1):
        store = prepared(tmp_path, declare, call)
        with suppress(ParquetryError):
            Sweep(store, storage=FaultyStorage(call, "full")).claim_next()
            continue
        assert Sweep(store).status().missing == 8


def test_a_recorded_failure_survives_a_loss_of_power_with_its_reason(tmp_path):
    store = prepared(tmp_path, declare, 0)
    disk = ForgetfulStorage(store, tmp_path / "graves", strict=False)
    fail_one(store, disk)
    disk.lose_power(keep=disk.unsynced_changes)
    assert [failure.error for failure in Sweep(store).failures()] == ["ArithmeticError"]


def test_after_a_loss_of_power_every_unit_can_be_run(tmp_path):
    for keep in range(0, 40, 3):
        store = prepared(tmp_path, declare, keep)
        disk = ForgetfulStorage(store, tmp_path / f"graves-{keep}", strict=False)
        sweep = Sweep(store, storage=disk)
        for claim in [sweep.claim_next() for _ in range(4)]:
            with suppress(ArithmeticError), claim as unit:
                if unit.index % 2:
                    raise ArithmeticError
                write(store, unit)
        disk.lose_power(keep)
        age_claims(store)
        again = Sweep(store)
        again.retry()
        run_all(store)
        assert again.status().is_complete
