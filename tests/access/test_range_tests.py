"""Bounds of row groups leave out only what a condition cannot be true of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.access.condition_tests import UnsuitedError, value_test
from parquetry.access.conditions import Combined, Comparison, Demand, Like, Negated, OneOf
from parquetry.access.range_tests import Ranges, admitted

KINDS = {
    pa.int64(): [-5, -1, 0, 1, 2, 7],
    pa.float64(): [-1.5, -0.0, 0.0, 2.5, float("inf")],
    pa.string(): ["", "a", "ab", "abc", "b", "é", "zz"],
    pa.date32(): [dt.date(2024, 1, 1), dt.date(2024, 2, 29), dt.date(2025, 1, 1)],
    pa.timestamp("s"): [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 12)],
    pa.decimal128(9, 2): [Decimal("-1.00"), Decimal("0.00"), Decimal("3.25")],
    pa.bool_(): [False, True],
}
ASKED = {
    pa.int64(): [*KINDS[pa.int64()], 1.5, Decimal("2.5"), "1", None],
    pa.float64(): [*KINDS[pa.float64()], float("nan"), 1, None],
    pa.string(): [*KINDS[pa.string()], "aa", None],
    pa.date32(): [*KINDS[pa.date32()], "2024-02-01", None],
    pa.timestamp("s"): [*KINDS[pa.timestamp("s")], dt.datetime(2024, 1, 1, 0, 0, 0, 5), None],
    pa.decimal128(9, 2): [*KINDS[pa.decimal128(9, 2)], Decimal("0.001"), 1, None],
    pa.bool_(): [False, True, None],
}
OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "is", "is not"]


def conditions(kind):
    values = st.sampled_from(ASKED[kind])
    leaves = st.one_of(
        st.builds(Comparison, st.just("c"), st.sampled_from(OPERATORS), values),
        st.builds(OneOf, st.just("c"), st.lists(values, max_size=3).map(tuple)),
        st.builds(Like, st.just("c"), st.sampled_from(["a%", "%b", "ab", "a_c", "%", "é%"])),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Negated, st.just("c"), inner),
            st.builds(
                Combined,
                st.just("c"),
                st.sampled_from(["all", "any"]),
                st.lists(inner, min_size=1, max_size=3).map(tuple),
            ),
        ),
        max_leaves=4,
    )


@st.composite
def questions(draw):
    kind = draw(st.sampled_from(list(KINDS)))
    value = st.one_of(st.none(), st.sampled_from(KINDS[kind]))
    groups = draw(st.lists(st.lists(value, min_size=1, max_size=4), min_size=1, max_size=4))
    demands = st.builds(Demand, conditions(kind), st.booleans())
    references = draw(st.lists(st.lists(demands, max_size=2), min_size=1, max_size=2))
    return kind, groups, references


def ranges_of(groups, kind, *, known=True):
    lows, highs = [], []
    for group in groups:
        values = [value for value in group if value is not None]
        lows.append(min(values) if values and known else None)
        highs.append(max(values) if values and known else None)
    return Ranges(
        pa.array(lows, kind),
        pa.array(highs, kind),
        np.array([None in group for group in groups]),
        np.array([all(value is None for value in group) for group in groups]),
    )


def is_met(demand, value, kind):
    """Whether the engine may have use for a row of this value."""
    try:
        test = value_test(demand.condition, kind)
    except UnsuitedError:
        return True
    return test(value) is True or (demand.is_outer and test(None) is True)


@settings(deadline=None, max_examples=400)
@given(questions())
def test_a_row_group_with_a_row_of_use_is_never_left_out(question):
    kind, groups, references = question
    for known in (True, False):
        ranges = ranges_of(groups, kind, known=known)
        found = admitted(references, {"c": ranges}, len(groups))
        for group, is_admitted in zip(groups, found, strict=True):
            of_use = any(
                all(is_met(demand, value, kind) for demand in demands)
                for demands in references
                for value in group
            )
            assert is_admitted or not of_use


def test_what_the_bounds_exclude_is_left_out():
    ranges = ranges_of([[1, 2], [3, 9], [None], [4, None]], pa.int64())

    def left(condition, **how):
        return list(admitted([[Demand(condition, **how)]], {"c": ranges}, 4))

    assert left(Comparison("C", "=", 3)) == [False, True, False, False]
    assert left(Comparison("c", ">", Decimal("3.5"))) == [False, True, False, True]
    assert left(OneOf("c", (2, 4))) == [True, True, False, True]
    assert left(Comparison("c", "is", None)) == [False, False, True, True]
    assert left(Negated("c", Comparison("c", "<", 4))) == [False, True, False, True]
    assert left(Comparison("c", "is", None), is_outer=True) == [True] * 4
    assert left(OneOf("c", tuple(range(1000, 2000)))) == [False] * 4
    texts = ranges_of([["aa", "ac"], ["b", "c"]], pa.string())
    found = admitted([[Demand(Like("c", "ab%"))]], {"c": texts}, 2)
    assert list(found) == [True, False]


def test_nothing_is_left_out_where_a_place_demands_nothing():
    ranges = ranges_of([[1], [2]], pa.int64())
    demands = [Demand(Comparison("c", "=", 1))]
    assert list(admitted([demands, []], {"c": ranges}, 2)) == [True, True]
    assert list(admitted([], {"c": ranges}, 2)) == [True, True]
    assert list(admitted([demands], {}, 2)) == [True, True]
