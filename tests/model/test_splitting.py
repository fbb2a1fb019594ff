"""A table is cut by its keys, whatever order its rows stand in."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import LayoutError, UnknownColumnError
from parquetry.model.splitting import split


def cut(values: list[object], kind: pa.DataType) -> list[tuple[object, list[int]]]:
    table = pa.table({"key": pa.array(values, kind), "row": list(range(len(values)))})
    return [(found["key"], rows["row"].to_pylist()) for found, rows in split(table, ["key"])]


@given(st.lists(st.sampled_from([1, 2, 3, None]), max_size=12))
@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.float64()], ids=str)
def test_every_value_gets_its_rows_in_order_of_appearance(kind, values):
    given_values = [str(v) if v and kind == pa.string() else v for v in values]
    wanted: dict[object, list[int]] = {}
    for row, value in enumerate(given_values):
        wanted.setdefault(value, []).append(row)
    assert cut(given_values, kind) == list(wanted.items())


def test_rows_that_stand_together_in_several_chunks_are_one_part():
    chunks = pa.chunked_array([[1, 1], [1, 2], [2, 2]])
    parts = list(split(pa.table({"key": chunks}), ["key"]))
    assert [(found, rows.num_rows) for found, rows in parts] == [({"key": 1}, 3), ({"key": 2}, 3)]


def test_without_keys_there_is_one_part():
    assert [found for found, _ in split(pa.table({"a": [1, 2]}), [])] == [{}]


def test_a_key_that_is_no_column_is_named():
    with pytest.raises(UnknownColumnError, match="'seeds'"):
        list(split(pa.table({"seed": [1]}), ["seeds"]))


def test_a_key_that_is_a_list_or_a_struct_is_refused():
    for value in ([1], {"a": 1}):
        with pytest.raises(LayoutError, match=r"'key' is .* cannot name a partition folder"):
            list(split(pa.table({"key": [value]}), ["key"]))
