"""Types unite only where no value is lost."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import SchemaMismatchError
from parquetry.model.schema import normal_schema, normal_type, unite, unite_types

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
NUMBERS = [*INTEGERS, *UNSIGNED, pa.float32(), pa.float64()]


@pytest.mark.parametrize(
    ("one", "other", "united"),
    [
        (pa.int8(), pa.int64(), pa.int64()),
        (pa.uint8(), pa.int8(), pa.int16()),
        (pa.uint32(), pa.int32(), pa.int64()),
        (pa.uint64(), pa.int64(), None),
        (pa.int32(), pa.float64(), pa.float64()),
        (pa.int16(), pa.float32(), pa.float32()),
        (pa.int64(), pa.float64(), None),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.null(), pa.string(), pa.string()),
        (pa.int64(), pa.string(), None),
        (pa.decimal128(10, 2), pa.decimal128(12, 4), pa.decimal128(12, 4)),
        (pa.decimal128(38, 0), pa.decimal128(38, 10), None),
        (pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("ns")),
        (pa.timestamp("us"), pa.timestamp("us", "UTC"), None),
        (pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Zurich"), None),
        (pa.date32(), pa.timestamp("us"), None),
        (pa.time32("ms"), pa.time64("us"), pa.time64("us")),
        (pa.duration("s"), pa.duration("us"), pa.duration("us")),
        (pa.list_(pa.int32()), pa.list_(pa.int64()), pa.list_(pa.int64())),
        (pa.bool_(), pa.int8(), None),
    ],
)
def test_two_types_unite_in_either_order(one, other, united):
    assert unite_types(one, other) == united
    assert unite_types(other, one) == united


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.data())
def test_a_united_type_holds_every_value_of_both(one, other, data):
    united = unite_types(one, other)
    if united is None:
        return
    for kind in (one, other):
        value = pa.scalar(data.draw(_values(kind)), kind)
        assert value.cast(united).cast(kind).equals(value)


def _values(kind: pa.DataType) -> st.SearchStrategy:
    if pa.types.is_floating(kind):
        return st.floats(width=kind.bit_width, allow_nan=False)
    if kind in UNSIGNED:
        return st.integers(0, 2**kind.bit_width - 1)
    return st.integers(-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)


def test_structs_unite_field_by_field():
    one = pa.struct([("a", pa.int32()), ("b", pa.string())])
    other = pa.struct([("b", pa.string()), ("a", pa.int64()), ("c", pa.bool_())])
    united = unite_types(one, other)
    assert {field.name: field.type for field in united} == {
        "a": pa.int64(),
        "b": pa.string(),
        "c": pa.bool_(),
    }


def test_schemas_unite_by_name_in_order_of_appearance():
    one = pa.schema([("b", pa.int32()), ("a", pa.string())])
    other = pa.schema([("a", pa.string()), ("c", pa.bool_()), ("b", pa.int64())])
    assert unite([one, other]) == pa.schema(
        [("b", pa.int64()), ("a", pa.string()), ("c", pa.bool_())]
    )


def test_a_clash_names_the_column_and_the_types():
    with pytest.raises(SchemaMismatchError, match=r"'x' is int64 and string in here"):
        unite([pa.schema([("x", pa.int64())]), pa.schema([("x", pa.string())])], "here")


@pytest.mark.parametrize(
    ("kind", "normal"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.large_binary(), pa.binary()),
        (pa.large_list(pa.large_string()), pa.list_(pa.field("element", pa.string()))),
        (pa.int64(), pa.int64()),
    ],
)
def test_variants_of_a_type_are_one_type(kind, normal):
    assert normal_type(kind) == normal


def test_a_normal_schema_has_no_metadata_and_allows_null():
    given_schema = pa.schema([pa.field("a", pa.int64(), nullable=False)], {"pandas": "x"})
    schema = normal_schema(given_schema)
    assert schema.metadata is None
    assert schema.field("a").nullable
