"""Ray behaves like any other executor."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import BrokenExecutor, Executor

import pytest

from parquetry.errors import MissingDependencyError
from parquetry.executors.ray import RayExecutor

pytestmark = [pytest.mark.slow]


def add(one, other=0):
    return one + other


def fail():
    raise KeyError("lost")


def die():
    os._exit(1)


def sleep(seconds):
    time.sleep(seconds)


@pytest.fixture
def executor(ray_executor):
    return ray_executor


def test_a_call_gives_a_future_with_its_result(executor):
    assert isinstance(executor, Executor)
    assert executor.submit(add, 1, other=2).result(timeout=60) == 3
    assert list(executor.map(add, range(5))) == list(range(5))


def test_what_a_task_raises_is_raised_as_it_was(executor):
    error = executor.submit(fail).exception(timeout=60)
    assert type(error) is KeyError
    assert error.args == ("lost",)


def test_a_worker_that_dies_is_a_broken_executor(executor):
    error = executor.submit(die).exception(timeout=60)
    assert isinstance(error, BrokenExecutor)
    assert executor.submit(add, 1).result(timeout=60) == 1


def test_a_task_that_has_not_begun_can_be_cancelled(executor):
    futures = [executor.submit(sleep, 0.3) for _ in range(12)]
    assert futures[-1].cancel()
    assert futures[-1].cancelled()
    for future in futures[:-1]:
        future.result(timeout=60)


def test_a_ray_that_runs_already_is_left_running(executor):
    import ray

    second = RayExecutor()
    assert second.submit(add, 2).result(timeout=60) == 2
    second.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        second.submit(add, 1)
    assert ray.is_initialized()
    assert executor.submit(add, 3).result(timeout=60) == 3


def test_without_ray_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"parquetry\[ray\]"):
        RayExecutor()
