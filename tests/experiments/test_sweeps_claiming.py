"""One live worker at a time holds a unit, and no unit is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from experiments.sweep_workers import GRID, hold, rows, run_logged, write, write_or_fail
from parquetry.errors import ConflictError, ParameterError, StorageError
from parquetry.experiments.sweeps import Sweep, Unit
from parquetry.experiments.writing import write_event_rows
from parquetry.storage.local import LocalStorage

SPAWN = multiprocessing.get_context("spawn")


def declared(store, seeds: int = 1, **options) -> Sweep:
    return Sweep.declare(store, params=[{"x": 1}], seeds=range(seeds), **options)


def claim_path(sweep: Sweep, unit: Unit, number: int = 1) -> str:
    return sweep._attempts.path(unit.key, number, "claim")


def age(sweep: Sweep, unit: Unit, number: int = 1) -> None:
    path = claim_path(sweep, unit, number)
    then = os.stat(path).st_mtime - 3600
    os.utime(path, (then, then))


def wait_for(condition) -> None:
    """Wait for what must happen in the end; only a failing test gets to the limit."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


def test_processes_that_claim_at_once_share_the_units_none_twice_none_lost(tmp_path):
    store, log, start = tmp_path / "store", tmp_path / "log", tmp_path / "start"
    log.mkdir()
    sweep = Sweep.declare(store, grid=GRID, seeds=range(50))
    workers = [SPAWN.Process(target=run_logged, args=(store, log, start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    start.touch()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sweep.status().is_complete
    ran = {path.name: path.read_text() for path in log.iterdir() if not path.suffix}
    assert sorted(map(int, ran)) == list(range(200))
    assert sweep.failures() == []


def test_a_killed_workers_unit_is_taken_over_after_its_lease(tmp_path):
    store, held = tmp_path / "store", tmp_path / "held"
    sweep = declared(store, seeds=2)
    worker = SPAWN.Process(target=hold, args=(store, 2.0, held))
    worker.start()
    wait_for(held.exists)
    index = int(held.read_text())
    assert sweep.claim(index) is None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    wait_for(lambda: sweep.status().stale == 1)
    with sweep.claim(index, "heir") as unit:
        assert sweep.status().running == 1
        write(store, unit)
    assert (sweep.status().done, sweep.status().missing) == (1, 1)


def test_a_worker_at_work_shows_signs_of_life(tmp_path):
    sweep = declared(tmp_path)
    with sweep.claim_next(lease_seconds=0.5) as unit:
        path = claim_path(sweep, unit)
        for _ in range(2):
            os.utime(path, (1, 1))
            wait_for(lambda: os.stat(path).st_mtime > 1)
        write(tmp_path, unit)
    assert threading.active_count() == len(threading.enumerate())
    assert not [thread for thread in threading.enumerate() if "heartbeat" in thread.name]


def test_a_disk_that_refuses_one_beat_does_not_stop_the_others(tmp_path):
    class Hiccup(LocalStorage):
        beats = 0

        def touch(self, path):
            self.beats += 1
            if self.beats == 2:
                raise StorageError("input/output error", path=path)
            super().touch(path)

    storage = Hiccup()
    declared(tmp_path)
    with Sweep(tmp_path, storage=storage).claim_next(lease_seconds=0.2) as unit:
        wait_for(lambda: storage.beats > 3)
        write(tmp_path, unit)


def test_of_many_takers_of_one_stale_unit_exactly_one_wins(tmp_path):
    for round_ in range(20):
        store = tmp_path / str(round_)
        sweep = declared(store)
        age(sweep, sweep.claim_next().unit)
        takers = [Sweep(store) for _ in range(6)]
        for taker in takers:
            taker._claimer._look()
        ready = threading.Barrier(len(takers))

        def take(taker, ready=ready):
            ready.wait()
            return taker.claim_next()

        with ThreadPoolExecutor(len(takers)) as pool:
            won = [claim for claim in pool.map(take, takers) if claim is not None]
        assert [claim.attempt for claim in won] == [2]
        assert not won[0].is_lost


def test_a_taker_that_is_late_does_not_take_the_fresh_claim_of_another(tmp_path):
    sweep, slow, quick = declared(tmp_path), Sweep(tmp_path), Sweep(tmp_path)
    age(sweep, sweep.claim_next().unit)
    slow._claimer._look()
    taken = quick.claim_next()
    assert slow.claim_next() is None
    assert not taken.is_lost


def test_a_taker_that_slept_through_a_whole_takeover_does_not_run_beside_the_next(tmp_path):
    sweep, slow, quick = declared(tmp_path), Sweep(tmp_path), Sweep(tmp_path)
    age(sweep, sweep.claim_next().unit)
    slow._claimer._look()
    (seen,) = slow._claimer._open
    slow._claimer._is_as_seen = lambda _: True  # it has looked, and is about to take the unit over
    with suppress(ArithmeticError), quick.claim_next():
        raise ArithmeticError
    assert quick.retry()
    held = quick.claim_next()
    assert slow._claimer._try(seen, {"worker": "slow", "lease_seconds": 1}) is None
    assert not held.is_lost


def test_a_number_is_used_once_even_by_who_has_seen_none(tmp_path):
    sweep, slow = declared(tmp_path), Sweep(tmp_path)
    slow._claimer._look()
    sweep.claim_next().release()
    held = sweep.claim_next()
    assert held.attempt == 2
    assert slow.claim_next() is None
    assert not held.is_lost


def test_a_number_that_begins_and_ends_between_look_and_creation_is_given_back(tmp_path):
    sweep = declared(tmp_path)
    key = sweep.unit(0).key

    class Late(LocalStorage):
        def create(self, path):
            if path.endswith(".1.claim") and not hasattr(self, "was_here"):
                self.was_here = True
                sweep.claim_next().release()
            return super().create(path)

    attempts = Sweep(tmp_path, storage=Late())._attempts
    assert not attempts.begin(key, 1, {})
    assert sweep.claim_next().attempt == 2


def test_a_stale_worker_that_wakes_up_keeps_its_unit_if_nobody_took_it(tmp_path):
    sweep, other = declared(tmp_path), Sweep(tmp_path)
    claim = sweep.claim_next()
    age(sweep, claim.unit)
    other._claimer._look()
    with claim as unit:  # the first beat is a sign of life again
        assert other.claim_next() is None
        write(tmp_path, unit)
    assert sweep.status().is_complete


def test_a_stale_worker_that_was_overtaken_is_told_so(tmp_path):
    sweep = declared(tmp_path)
    late, inside = sweep.claim_next(), None
    with late as unit:
        age(sweep, unit)
        inside = Sweep(tmp_path).claim_next()
        assert late.is_lost
        assert inside.attempt == 2
        write(tmp_path, unit)
    assert not inside.is_lost
    assert sweep.status().running == 1
    inside.release()
    assert sweep.status().is_complete


def test_a_claim_that_was_lost_before_it_was_entered_runs_nothing(tmp_path):
    sweep = declared(tmp_path)
    late = sweep.claim_next()
    age(sweep, late.unit)
    sweep.claim_next()
    with pytest.raises(ConflictError, match="Nothing was run"), late:
        raise AssertionError("it ran")


def test_a_claim_is_good_for_one_run(tmp_path):
    claim = declared(tmp_path).claim_next()
    with claim as unit:
        write(tmp_path, unit)
    with pytest.raises(ConflictError), claim:
        pass


def test_a_claim_that_is_given_back_is_missing_again(tmp_path):
    sweep = declared(tmp_path)
    sweep.claim_next().release()
    assert sweep.status().missing == 1
    assert sweep.claim_next().attempt == 2


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_unit_is_missing_and_not_failed(tmp_path, interrupt):
    sweep = declared(tmp_path)
    with suppress(interrupt), sweep.claim_next():
        raise interrupt
    assert (sweep.status().missing, sweep.status().failed) == (1, 0)


def test_leaving_the_loop_in_the_middle_leaves_no_claim(tmp_path):
    sweep = declared(tmp_path, seeds=3)
    for claim in sweep.claims():
        with claim as unit:
            write(tmp_path, unit)
            break
    assert (sweep.status().done, sweep.status().missing) == (1, 2)


def test_a_lone_worker_goes_in_the_order_of_the_plan(tmp_path):
    sweep = declared(tmp_path, seeds=5)
    ran = []
    for claim in sweep.claims():
        with claim as unit:
            ran.append(unit.index)
            write(tmp_path, unit)
    assert ran == [0, 1, 2, 3, 4]


def test_units_that_are_declared_while_others_run_are_run_as_well(tmp_path):
    sweep = declared(tmp_path)
    ran = []
    for claim in sweep.claims():
        with claim as unit:
            ran.append(unit.seed)
            write(tmp_path, unit)
        if len(ran) == 1:
            declared(tmp_path, seeds=3)
    assert ran == [0, 1, 2]


def test_the_clock_of_this_machine_has_no_say(tmp_path, monkeypatch):
    sweep = declared(tmp_path, seeds=2)
    held, dead = sweep.claim_next(), sweep.claim_next()
    age(sweep, dead.unit)
    for ahead in (-7200e9, 7200e9):
        monkeypatch.setattr("time.time_ns", lambda ahead=ahead: int(1.8e18 + ahead))
        monkeypatch.setattr("time.time", lambda ahead=ahead: 1.8e9 + ahead / 1e9)
        assert (sweep.status().running, sweep.status().stale) == (1, 1)
    assert not held.is_lost


class LateServer(LocalStorage):
    """A disk whose server's clock is an hour late."""

    def create(self, path):
        file = super().create(path)
        self.touch(path)
        return file

    def stat(self, path):
        facts = super().stat(path)
        return facts._replace(mtime_ns=facts.mtime_ns - 3_600_000_000_000)


def test_the_clock_of_a_file_server_may_be_wrong(tmp_path):
    sweep = declared(tmp_path, seeds=2, storage=LateServer())
    sweep.claim_next()
    assert (sweep.status().running, sweep.status().stale) == (1, 0)


@pytest.mark.parametrize("lease_seconds", [0, -1, float("nan"), float("inf")])
def test_a_lease_that_never_or_always_ends_is_refused(tmp_path, lease_seconds):
    with pytest.raises(ParameterError, match="lease_seconds"):
        declared(tmp_path).claim_next(lease_seconds=lease_seconds)


def test_a_claim_without_content_has_the_usual_lease(tmp_path):
    sweep = declared(tmp_path)
    unit = sweep.claim_next().unit
    with open(claim_path(sweep, unit), "w"):
        pass  # a loss of power left the name alone
    assert sweep.status().running == 1
    age(sweep, unit)
    assert sweep.status().stale == 1


def test_who_holds_a_unit_is_written_down(tmp_path):
    sweep = declared(tmp_path)
    claim = sweep.claim_next("node7")
    content = sweep._attempts.read(claim.unit.key, 1, "claim")
    assert content["worker"] == claim.worker == "node7"
    assert content["pid"] == os.getpid()
    assert "node7" in repr(claim)


def test_removing_all_state_while_a_unit_runs_harms_nothing(tmp_path):
    sweep = declared(tmp_path)
    with sweep.claim_next() as unit:
        write_event_rows(rows(unit), tmp_path, unit.params)
        folder = tmp_path / ".parquetry" / "sweeps"
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    assert Sweep(tmp_path).status().done == 1


def test_grids_with_any_id_can_be_claimed(tmp_path):
    sets = [{"x": i, "grid_id": name} for i, name in enumerate(["a.b", "-", "1e5", "x" * 128])]
    sweep = Sweep.declare(tmp_path, params=sets, seeds=[-3, 0])
    for claim in sweep.claims():
        with claim as unit:
            write(tmp_path, unit)
    assert sweep.status().is_complete


@pytest.mark.parametrize("workers", [1, 2])
def test_run_works_a_sweep_off_and_goes_on_after_failures(tmp_path, monkeypatch, workers):
    monkeypatch.setenv("SWEEP_STORE", str(tmp_path))
    status = declared(tmp_path, seeds=6).run(write_or_fail, workers)
    assert (status.done, status.failed) == (3, 3)


def test_run_without_workers_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="workers=0"):
        declared(tmp_path).run(write_or_fail, 0)
