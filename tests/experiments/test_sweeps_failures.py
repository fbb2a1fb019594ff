"""What fails is known, kept, and run again when asked for."""

from __future__ import annotations

import errno

import pytest

from experiments.sweep_workers import write
from parquetry.errors import StorageError
from parquetry.experiments.sweeps import Sweep
from parquetry.storage.local import LocalStorage


def declared(store, **options) -> Sweep:
    return Sweep.declare(store, params=[{"x": 1}], seeds=range(4), **options)


def diverge(causes: int) -> None:
    if causes:
        try:
            diverge(causes - 1)
        except ArithmeticError as error:
            raise ArithmeticError("step 3 diverged\nbadly") from error
    raise ArithmeticError("step 3 diverged\nbadly")


def fail(sweep: Sweep, index: int, *, after_writing=None, causes: int = 0) -> None:
    claim = sweep.claim(index, "node7")
    if after_writing:
        write(after_writing, claim.unit)
    with pytest.raises(ArithmeticError), claim:
        diverge(causes)
    assert claim.has_failed
    assert claim.is_lost


def test_an_error_is_recorded_with_the_end_of_its_traceback_and_goes_on(tmp_path):
    sweep = declared(tmp_path)
    fail(sweep, 2)
    (failure,) = Sweep(tmp_path).failures()
    assert failure.unit == sweep.unit(2)
    assert failure.error == "ArithmeticError: step 3 diverged"
    assert 'raise ArithmeticError("step 3 diverged\\nbadly")' in failure.traceback[-3]
    assert (failure.worker, failure.attempt) == ("node7", 1)
    assert failure.claimed <= failure.ended
    assert str(failure) == f"seed 2 of grid {failure.unit.grid_id}: {failure.error}"


def test_of_a_long_traceback_the_last_lines_are_kept(tmp_path):
    sweep = declared(tmp_path)
    fail(sweep, 0, causes=20)
    (failure,) = sweep.failures()
    assert len(failure.traceback) == 30
    assert failure.traceback[-1] == "badly"


def test_a_failed_unit_is_not_claimed_before_it_is_retried(tmp_path):
    sweep = declared(tmp_path)
    fail(sweep, 0)
    assert sweep.claim(0) is None
    assert [unit.index for unit in sweep.missing()] == [1, 2, 3]
    assert [unit.index for unit in sweep.retry()] == [0]
    assert [unit.index for unit in sweep.missing()] == [0, 1, 2, 3]
    assert sweep.failures() == []
    with sweep.claim(0) as unit:
        write(tmp_path, unit)
    assert (sweep.status().done, sweep.status().failed) == (1, 0)


def test_chosen_failures_are_retried_and_the_others_stay(tmp_path):
    sweep = declared(tmp_path)
    for index in (0, 1, 3):
        fail(sweep, index)
    assert sweep.retry(failed=False) == []
    chosen = [failure.unit for failure in sweep.failures() if failure.unit.seed > 0]
    assert [unit.index for unit in sweep.retry(chosen)] == [1, 3]
    assert [failure.unit.index for failure in sweep.failures()] == [0]


def test_a_unit_is_retried_for_one_of_two_who_ask(tmp_path, monkeypatch):
    sweep, other = declared(tmp_path), Sweep(tmp_path)
    fail(sweep, 0)
    survey = sweep._surveyor.survey()
    assert len(other.retry()) == 1
    monkeypatch.setattr(sweep._surveyor, "survey", lambda: survey)
    assert sweep.retry() == []


def test_a_second_failure_is_another_attempt(tmp_path):
    sweep = declared(tmp_path)
    fail(sweep, 0)
    sweep.retry()
    fail(sweep, 0)
    assert [failure.attempt for failure in sweep.failures()] == [2]


def test_rows_that_a_failed_attempt_left_do_not_make_the_unit_done(tmp_path):
    sweep = declared(tmp_path)
    fail(sweep, 0, after_writing=tmp_path)
    assert (sweep.status().done, sweep.status().failed) == (0, 1)
    sweep.retry()
    assert 0 in [unit.index for unit in sweep.missing()]
    sweep.claim(0).release()  # given back: still to be run
    assert (sweep.status().done, sweep.status().missing) == (0, 4)
    with sweep.claim(0):
        pass
    assert sweep.status().done == 1


def test_a_run_that_wrote_no_rows_has_failed_and_is_not_run_for_ever(tmp_path):
    sweep = declared(tmp_path)
    for claim in sweep.claims():
        with claim:
            pass
        assert claim.has_failed
    assert [failure.unit.index for failure in sweep.failures()] == [0, 1, 2, 3]
    assert "no rows" in sweep.failures()[0].error


def test_a_record_that_cannot_be_read_is_still_a_failure(tmp_path):
    sweep = declared(tmp_path)
    fail(sweep, 0)
    with open(sweep._attempts.path(sweep.unit(0).key, 1, "failed"), "w") as file:
        file.write("{")
    assert [failure.error for failure in sweep.failures()] == ["its record cannot be read"]


def test_a_full_disk_does_not_hide_the_users_error(tmp_path):
    class Full(LocalStorage):
        def create(self, path):
            if "drafts" in path:
                raise StorageError("no space left", errno=errno.ENOSPC)
            return super().create(path)

    declared(tmp_path)
    claim = Sweep(tmp_path, storage=Full()).claim_next()
    with pytest.raises(ArithmeticError) as caught, claim:
        diverge(0)
    assert "could not be recorded: no space left" in caught.value.__notes__[0]
    assert not claim.has_failed


def test_errors_with_any_text_are_kept(tmp_path):
    sweep = declared(tmp_path)
    with pytest.raises(ValueError, match="x"), sweep.claim(0):
        raise ValueError("\ud800 x " + "y" * 10_000)
    (failure,) = sweep.failures()
    assert "x yyy" in failure.error
    assert len(failure.error) == 500
