"""Folder names are escaped so that every value comes back, and none is taken for another."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import LayoutError
from parquetry.model.hive import (
    NULL_NAME,
    decode_segment,
    encode_segment,
    partition_folder,
    split_path,
    value_text,
)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=25))
def test_any_text_comes_back_from_its_folder_name(text):
    name = encode_segment("key", text)
    assert "/" not in name
    assert (decode_segment(name).key, decode_segment(name).text) == ("key", text)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10))
def test_any_key_comes_back_from_its_folder_name(key):
    assert decode_segment(encode_segment(key, "x")).key == key


def test_null_and_the_text_that_reads_like_it_differ():
    assert encode_segment("k", None) == f"k={NULL_NAME}"
    assert encode_segment("k", NULL_NAME) != f"k={NULL_NAME}"
    assert decode_segment(encode_segment("k", NULL_NAME)).text == NULL_NAME
    assert decode_segment(encode_segment("k", None)).text is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1.0"),
        (-0.0, "0.0"),
        (float("nan"), "NaN"),
        (float("inf"), "inf"),
        (True, "true"),
        ("", ""),
        ("BTC-USD", "BTC-USD"),
        (Decimal("1.50"), "1.50"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (dt.datetime(2024, 1, 2, 3), "2024-01-02 03:00:00"),
        (
            dt.datetime(2024, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            "2024-01-02 02:00:00Z",
        ),
    ],
)
def test_values_have_one_text(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize("value", [b"x", [1], {"a": 1}])
def test_what_cannot_name_a_folder_is_refused(value):
    with pytest.raises(LayoutError, match="cannot name a partition folder"):
        value_text(value)


def test_names_longer_than_a_file_system_allows_are_refused():
    assert len(encode_segment("k", "x" * 253)) == 255
    with pytest.raises(LayoutError, match="256 bytes"):
        encode_segment("k", "x" * 254)
    with pytest.raises(LayoutError, match="722 bytes"):
        encode_segment("k", "é" * 120)


@pytest.mark.parametrize("name", ["plain", "=x", ""])
def test_a_name_that_is_no_pair_is_none(name):
    assert decode_segment(name) is None


def test_a_value_may_hold_an_equals_sign():
    assert decode_segment("k=a=b").text == "a=b"
    assert encode_segment("k", "a=b") == "k=a%3Db"


def test_paths_are_split_and_ambiguous_ones_refused():
    segments, name = split_path("a=1/b=x%20y/part.parquet")
    assert [(s.key, s.text) for s in segments] == [("a", "1"), ("b", "x y")]
    assert name == "part.parquet"
    with pytest.raises(LayoutError, match="'c'"):
        split_path("a=1/c/part.parquet")
    with pytest.raises(LayoutError, match="occurs twice"):
        split_path("a=1/a=2/part.parquet")


def test_a_partition_folder_is_the_way_down():
    assert partition_folder({"a": 1, "b": None}) == f"a=1/b={NULL_NAME}"
    assert partition_folder({}) == ""
