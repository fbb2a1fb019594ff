"""Layouts are values: they survive JSON, have one name, and cannot contradict themselves."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import CorruptionError, FormatVersionError, LayoutError
from parquetry.model.layouts import Cut, Layout, PartitionKey, Quantiles

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.times(),
    st.decimals(allow_nan=False, allow_infinity=False),
)
TREE = (
    Cut("a", "<", 10, 1, ~2),
    Cut("b", "in", ("x", "y"), ~0, ~1),
)


@st.composite
def layouts(draw):
    curve = draw(st.sampled_from([None, "hilbert", "z-order"]))
    boundaries = st.lists(VALUES, min_size=1, max_size=5).map(tuple)
    quantiles = (Quantiles("a", draw(boundaries)), Quantiles("b", draw(boundaries)))
    return Layout(
        partition_by=draw(st.sampled_from([(), (PartitionKey("t", "day"),), (PartitionKey("k"),)])),
        sort_by=("a", "b"),
        curve=curve,
        quantiles=quantiles if curve else (),
        cuts=draw(st.sampled_from([(), TREE, (Cut("c", "=", draw(VALUES), ~1, ~0),)])),
        row_group_rows=draw(st.integers(1, 10**6)),
        bloom_columns=draw(st.sampled_from([(), ("a",)])),
        compression=draw(st.sampled_from(["zstd", "snappy"])),
    )


@given(layouts())
def test_a_layout_comes_back_from_json_with_the_same_name(layout):
    again = Layout.from_json(layout.to_json())
    assert again == layout
    assert again.layout_id == layout.layout_id
    assert [type(v) for one in again.quantiles for v in one.values] == [
        type(v) for one in layout.quantiles for v in one.values
    ]


def test_the_name_is_that_of_the_content():
    assert Layout().layout_id == Layout().layout_id
    assert Layout().layout_id != Layout(sort_by=("a",)).layout_id
    assert Layout(sort_by=("a",)).layout_id.startswith("layout_")
    assert len(Layout().layout_id) == len("layout_") + 8


def test_the_name_stays_the_same_from_version_to_version():
    layout = Layout(partition_by=(PartitionKey("t", "month"),), sort_by=("a", "t"))
    assert layout.layout_id == "layout_a1d00ab3"


def test_a_layout_describes_itself_in_one_line():
    layout = Layout(
        (PartitionKey("t", "month"),),
        ("a", "b"),
        "hilbert",
        (Quantiles("a", (1,)), Quantiles("b", (Decimal(2),))),
        bloom_columns=("c",),
        compression="snappy",
    )
    assert layout.describe() == (
        "partition by month(t); hilbert of a, b; 61,440 rows a row group; Bloom filters on c; snappy"
    )
    assert Layout(cuts=TREE).describe() == "2 cuts by a, b; 61,440 rows a row group"
    assert Layout(cuts=TREE, sort_by=("t",)).columns == ("a", "b", "t")


@pytest.mark.parametrize(
    "fields",
    [
        {"sort_by": ("a",), "curve": "hilbert", "quantiles": (Quantiles("a", (1,)),)},
        {"sort_by": ("a", "b"), "curve": "hilbert"},
        {"sort_by": ("a", "b"), "quantiles": (Quantiles("a", (1,)), Quantiles("b", (1,)))},
        {
            "sort_by": ("a", "b"),
            "curve": "peano",
            "quantiles": (Quantiles("a", (1,)), Quantiles("b", (1,))),
        },
        {
            "sort_by": ("a", "b"),
            "curve": "hilbert",
            "quantiles": (Quantiles("a", tuple(range(256))), Quantiles("b", (1,))),
        },
        {"cuts": (Cut("a", "<", 1, 0, ~0),)},
        {"cuts": (Cut("a", "<", 1, ~0, ~0),)},
        {"cuts": (Cut("a", "<", 1, 1, ~0),)},
        {"cuts": (Cut("a", "~", 1, ~0, ~1),)},
        {"row_group_rows": 0},
    ],
)
def test_a_layout_that_contradicts_itself_is_refused(fields):
    with pytest.raises(LayoutError):
        Layout(**fields)


def test_a_value_that_is_no_boundary_is_refused_by_name():
    with pytest.raises(LayoutError, match="complex"):
        Layout(cuts=(Cut("a", "=", 1j, ~0, ~1),)).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": "x"}'])
def test_a_text_that_is_no_layout_is_refused(text):
    with pytest.raises(CorruptionError, match="no layout"):
        Layout.from_json(text)


def test_a_layout_of_a_newer_parquetry_is_refused():
    document = json.loads(Layout().to_json()) | {"format": 2}
    with pytest.raises(FormatVersionError, match="Update parquetry"):
        Layout.from_json(json.dumps(document))
