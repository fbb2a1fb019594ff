"""Whatever call of a restore or a vacuum fails, the past is told truly or not at all."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from crashes.scenarios import DISK, Scenario, Undo, home, reopen, rows, rows_of
from doubles.faulty import Died, FaultyStorage
from doubles.forgetful import ForgetfulStorage
from parquetry.commits.history import files_at, read_history
from parquetry.commits.restoring import restore
from parquetry.commits.staging import open_staging
from parquetry.commits.vacuuming import vacuum
from parquetry.errors import NotFoundError, ParquetryError
from parquetry.storage.protocol import Storage

COMMITS = (
    Scenario("replace", ("day=a/old-0.parquet",), ("day=a/new.parquet",)),
    Scenario("append", (), ("day=z/new.parquet",)),
    Scenario("move", ("day=b/old-0.parquet", "day=a/new.parquet"), ("day=c/new.parquet",)),
)
UNDO = Undo("undo", 1, COMMITS)
States = dict[int, Counter[tuple[str, int]]]


@pytest.fixture
def fresh(tmp_path: Path):
    """Make a new copy of a store with three commits."""
    made = iter(range(1_000_000))

    def make() -> Path:
        store = tmp_path / str(next(made))
        UNDO.prepare(store)
        return store

    return make


def states(store: Path) -> States:
    """The rows at every version that can still be told."""
    target = home(store)
    found = {}
    for version in range(len(read_history(target, DISK)) + 1):
        with suppress(NotFoundError):
            found[version] = rows_of(files_at(target, DISK, version))
    return found


def calls_of(run, store: Path) -> int:
    counting = FaultyStorage()
    run(store, counting)
    return len(counting.calls)


def run_restore(store: Path, storage: Storage) -> None:
    restore(home(store), storage, 1)


def run_vacuum(store: Path, storage: Storage) -> None:
    vacuum(home(store), storage, keep=0)


def test_the_past_is_the_same_after_a_restore_that_died(fresh):
    known = states(fresh())
    assert len(known) == 4
    for call in range(1, calls_of(run_restore, fresh()) + 1):
        store = fresh()
        with suppress(Died):
            run_restore(store, FaultyStorage(call, "die"))
        reopen(store)
        found = states(store)
        assert {version: found[version] for version in known} == known
        assert set(found) == set(known) or found[4] == known[1]
        shutil.rmtree(store)


@pytest.mark.parametrize("mode", ["error", "full", "die"])
def test_a_vacuum_that_fails_anywhere_has_touched_only_old_history(fresh, mode):
    store = fresh()
    before, known = rows(store), states(store)
    for call in range(1, calls_of(run_vacuum, store) + 1):
        store = fresh()
        with suppress(Died, ParquetryError):
            run_vacuum(store, FaultyStorage(call, mode))
        _check(store, before, known)


@pytest.mark.parametrize("strict", [False, True], ids=["ordered", "strict"])
def test_a_loss_of_power_during_a_vacuum_has_touched_only_old_history(fresh, tmp_path, strict):
    store = fresh()
    before, known = rows(store), states(store)
    for call in range(1, calls_of(run_vacuum, store) + 1):
        store = fresh()
        disk = _Dying(call, store, tmp_path / f"graves-{store.name}", strict=strict)
        with suppress(Died):
            run_vacuum(store, disk)
        disk.lose_power(keep=0 if strict else disk.unsynced_changes // 2)
        _check(store, before, known)


class _Dying(ForgetfulStorage, FaultyStorage):
    def __init__(self, call: int, root: Path, graveyard: Path, *, strict: bool) -> None:
        FaultyStorage.__init__(self, call, "die")
        ForgetfulStorage.__init__(self, root, graveyard, strict=strict)


def _check(store: Path, before: Counter[tuple[str, int]], known: States) -> None:
    reopen(store)
    assert rows(store) == before
    found = states(store)
    assert found == {version: known[version] for version in found}
    assert set(found) in ({0, 1, 2, 3}, {1, 2, 3}, {3}), "the oldest go first"
    run_vacuum(store, DISK)
    assert set(states(store)) == {3}
    with open_staging(home(store), DISK) as staging:
        folders = {path.name for path in (store / ".parquetry").glob("datasets/*/staging/*")}
        assert folders <= {staging.name, *_ownerless(store)}
    shutil.rmtree(store)


def _ownerless(store: Path) -> set[str]:
    """What died before it had an owner waits a day for its vacuum."""
    stagings = (store / ".parquetry").glob("datasets/*/staging/*")
    return {path.name for path in stagings if not (path / "owner").exists()}
