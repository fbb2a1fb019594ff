"""Work goes on while somebody takes his time with a result; results that may hold rows wait for him."""

from __future__ import annotations

from threading import Event

import pytest

from parquetry.operations.working import in_bundles, in_order

LONG_SECONDS = 30  # that nobody waits for, unless something is wrong


class Counting:
    """Work that says when so many items are done."""

    def __init__(self, wanted: int) -> None:
        self.done = 0
        self.are_done = Event()
        self._wanted = wanted

    def __call__(self, item: int) -> int:
        self.done += 1
        if self.done == self._wanted:
            self.are_done.set()
        return item


def test_bundles_are_worked_on_while_the_first_result_is_looked_at():
    work = Counting(30)
    results = in_bundles(lambda bundle: [work(item) for item in bundle], [[n] for n in range(100)])
    assert next(results) == 0
    assert work.are_done.wait(LONG_SECONDS)
    assert list(results) == list(range(1, 100))


def test_few_results_wait_where_each_may_hold_rows():
    work = Counting(100)
    results = in_order(work, range(100))
    assert next(results) == 0
    assert not work.are_done.wait(0.2)
    assert work.done < 10
    assert list(results) == list(range(1, 100))
    assert work.are_done.is_set()


def test_the_first_error_ends_it_behind_the_results_before_it():
    def work(item: int) -> int:
        if item == 3:
            raise ValueError(item)
        return item

    results = in_order(work, range(100))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)
