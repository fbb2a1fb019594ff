"""Neighbours share a bin, in their order, and no bin is fuller than it may be."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from parquetry.operations.bin_packing import pack

SIZES = st.lists(st.integers(0, 50), max_size=40)


def same(size: int) -> int:
    return size


def test_neighbours_fill_a_bin_before_the_next_is_begun():
    assert pack([40, 40, 40, 90, 5, 5], same, 100) == [(40, 40), (40,), (90, 5, 5)]


def test_what_is_larger_than_a_bin_stands_alone():
    assert pack([10, 500, 10], same, 100) == [(10,), (500,), (10,)]


def test_nothing_needs_no_bin():
    assert pack([], same, 100) == []


@given(SIZES, st.integers(1, 60))
def test_order_is_kept_and_nothing_is_lost(sizes, capacity):
    bins = pack(sizes, same, capacity)
    assert [size for one in bins for size in one] == sizes


@given(SIZES, st.integers(1, 60))
def test_no_bin_is_too_full_and_no_two_neighbours_fit_into_one(sizes, capacity):
    bins = pack(sizes, same, capacity)
    assert all(sum(one) <= capacity or len(one) == 1 for one in bins)
    assert all(sum(one) + sum(other) > capacity for one, other in pairwise(bins))
