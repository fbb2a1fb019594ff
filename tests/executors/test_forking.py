"""A pool that forks a process with threads of Polars is told of; what was not forked may use Polars."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from doubles.polars_threads import start_threads, use_polars
from parquetry.executors.forking import warn_of_forks
from parquetry.executors.in_flight import run_in_flight


def pool(how):
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(how))


def test_a_pool_that_forks_is_told_of_before_it_begins(caplog):
    start_threads()
    executor = pool("fork")
    warn_of_forks(executor)
    assert "mp_context=multiprocessing.get_context('spawn')" in caplog.text


@pytest.mark.parametrize(
    "executor",
    [pool("spawn"), pool("forkserver"), ThreadPoolExecutor(1), Executor()],
    ids=["spawn", "forkserver", "threads", "other"],
)
def test_of_others_there_is_nothing_to_tell(caplog, executor):
    start_threads()
    warn_of_forks(executor)
    assert caplog.text == ""


def test_a_task_may_use_polars_where_nothing_was_forked():
    start_threads()
    with pool("spawn") as executor:
        assert list(run_in_flight(executor, use_polars, [1, 2])) == [(1, 1001), (2, 1002)]
