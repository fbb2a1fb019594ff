"""Work that two threads share comes back in order, with the first error of that order."""

from __future__ import annotations

import threading

import pytest

from parquetry.commits.many import for_each


@pytest.mark.parametrize("count", [0, 1, 7, 8, 100, 5000])
def test_results_come_in_the_order_of_the_items(count):
    assert for_each(lambda n: n * n, range(count), 8) == [n * n for n in range(count)]


def test_two_threads_work_on_many_items_and_one_on_few():
    both = threading.Barrier(2, timeout=30)
    names = set()

    def meet(number):
        names.add(threading.current_thread().name)
        if number < 0:  # the first of the first two shares
            both.wait()

    for_each(meet, [-1, *range(1, 7), -2, *range(8, 100)], 100)
    assert len(names) == 2
    names.clear()
    for_each(lambda _: names.add(threading.current_thread().name), range(99), 100)
    assert names == {threading.current_thread().name}


def test_the_first_error_is_raised_and_what_waits_is_left_undone():
    done = []

    def work(number):
        if number >= 20:
            raise ValueError(number)
        done.append(number)

    with pytest.raises(ValueError, match=r"^20$"):
        for_each(work, range(10_000), 100)
    assert sorted(done) == list(range(20))
