"""Many tasks on any executor, a bounded number at once, and nothing after the first failure."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from parquetry.executors.in_flight import Failure, run_in_flight


def double(item):
    return item * 2


def fail_on_three(item):
    if item == 3:
        raise ValueError("three")
    return item


class Script(Executor):
    """Finishes tasks in an order of its own, when it is told to."""

    def __init__(self):
        self.submitted = []
        self.futures = []

    def submit(self, fn, /, *args, **kwargs):
        del fn, kwargs
        future = Future()
        self.submitted.append(args[0])
        self.futures.append(future)
        return future


def test_without_an_executor_tasks_run_here_one_by_one():
    assert list(run_in_flight(None, double, [1, 2])) == [(1, 2), (2, 4)]


def test_every_item_comes_back_with_its_result():
    with ThreadPoolExecutor(3) as executor:
        assert sorted(run_in_flight(executor, double, range(50))) == [(n, 2 * n) for n in range(50)]


def test_no_items_are_no_work():
    with ThreadPoolExecutor(1) as executor:
        assert list(run_in_flight(executor, double, [])) == []


def test_items_are_taken_only_as_there_is_room():
    script, taken = Script(), []

    def items():
        for number in range(10):
            taken.append(number)
            yield number

    outcomes = run_in_flight(script, double, items(), limit=3)
    threading.Timer(0.05, lambda: script.futures[1].set_result("b")).start()
    assert next(outcomes) == (1, "b")
    assert taken == [0, 1, 2]
    outcomes.close()


def test_a_cluster_gets_twice_as_many_items_as_it_has_threads():
    class Client:
        asynchronous = False

        def nthreads(self):
            return {"one": 2, "other": 1}

    script = Script()
    script._client = Client()
    outcomes = run_in_flight(script, double, range(100))
    threading.Timer(0.05, lambda: script.futures[0].set_result("a")).start()
    next(outcomes)
    assert script.submitted == list(range(6))
    outcomes.close()


def test_closing_cancels_what_has_not_begun():
    script = Script()
    outcomes = run_in_flight(script, double, range(10), limit=3)
    threading.Timer(0.05, lambda: script.futures[0].set_result("a")).start()
    next(outcomes)
    outcomes.close()
    assert [future.cancelled() for future in script.futures[1:]] == [True, True]


@pytest.mark.parametrize("pooled", [False, True])
def test_the_first_failure_comes_last(pooled):
    with ThreadPoolExecutor(1) as pool:
        outcomes = list(run_in_flight(pool if pooled else None, fail_on_three, range(10), limit=2))
    assert outcomes[:3] == [(0, 0), (1, 1), (2, 2)]
    assert len(outcomes) <= 5  # a result that was in flight may be there as well
    failure = outcomes[-1]
    assert isinstance(failure, Failure)
    assert failure.item == 3
    assert str(failure.error) == "three"


def test_results_that_are_there_with_the_failure_are_given_before_it():
    script = Script()
    outcomes = run_in_flight(script, double, range(10), limit=3)

    def finish():
        script.futures[0].set_exception(ValueError("zero"))
        script.futures[2].set_result("c")

    original = script.submit

    def submit(fn, /, *args, **kwargs):
        future = original(fn, *args, **kwargs)
        if len(script.futures) == 3:
            finish()
        return future

    script.submit = submit
    found = list(outcomes)
    assert found[0] == (2, "c")
    assert found[1].item == 0
    assert found[1].others == (1,)
    assert script.futures[1].cancelled()


def test_a_pool_that_takes_no_more_work_is_a_failure():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    (failure,) = run_in_flight(pool, double, [1])
    assert isinstance(failure.error, RuntimeError)


def test_a_task_that_somebody_cancels_is_a_failure():
    script = Script()
    outcomes = run_in_flight(script, double, [1], limit=1)

    def cancel():
        script.futures[0].cancel()
        script.futures[0].set_running_or_notify_cancel()  # as a pool does when it comes to it

    threading.Timer(0.05, cancel).start()
    (failure,) = outcomes
    assert failure.item == 1
