"""The Thrift codec gives back what it was given, and survives what nobody should send."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import CorruptionError
from parquetry.files.splicing.structs import (
    BINARY,
    DOUBLE,
    FALSE,
    I8,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    SET,
    STRUCT,
    TRUE,
    Struct,
    sized,
    unzigzag,
    varint,
    zigzag,
)
from parquetry.files.splicing.thrift import (
    MAX_DEPTH,
    cut_list,
    decode_struct,
    decode_structs,
    encode_struct,
    encode_structs,
)

EVERYTHING: Any = type("Everything", (), {"__contains__": lambda *_: True})()
type(EVERYTHING).__getitem__ = lambda *_: EVERYTHING

integers = st.integers(-(2**63), 2**63 - 1)
scalars = st.one_of(
    st.tuples(st.just(I8), st.binary(min_size=1, max_size=1)),
    st.tuples(st.sampled_from([I16, I32, I64]), integers.map(zigzag)),
    st.tuples(st.just(DOUBLE), st.binary(min_size=8, max_size=8)),
    st.tuples(st.just(BINARY), st.binary(max_size=20).map(sized)),
)


@st.composite
def collections(draw: st.DrawFn) -> tuple[int, bytes]:
    """A list, set or map of scalars, as its bytes."""
    elements = draw(st.lists(scalars, max_size=40))
    kind = elements[0][0] if elements else I32
    values = [value for other, value in elements if other == kind]
    size = len(values)
    if draw(st.booleans()):
        head = bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + varint(size)
        return draw(st.sampled_from([LIST, SET])), head + b"".join(values)
    if not size:
        return MAP, b"\0"
    pairs = b"".join(zigzag(n) + value for n, value in enumerate(values))
    return MAP, varint(size) + bytes([I32 << 4 | kind]) + pairs


def fields(inner: st.SearchStrategy[Struct]) -> st.SearchStrategy[Struct]:
    nested = st.tuples(st.just(STRUCT), inner)
    many = st.tuples(st.just(LIST), st.lists(inner, min_size=1, max_size=20))
    flags = st.tuples(st.sampled_from([TRUE, FALSE]), st.just(b""))
    values: Any = st.one_of(scalars, flags, collections(), nested, many)
    return st.dictionaries(st.integers(1, 400), values, max_size=12).map(in_order)


def in_order(values: dict[int, Any]) -> Struct:
    return Struct(sorted(values.items()))


structs = st.recursive(st.just(Struct()), fields, max_leaves=12)


@given(structs)
def test_a_struct_that_is_opened_everywhere_comes_back(value):
    assert decode_struct(encode_struct(value), EVERYTHING) == value


@given(structs)
def test_bytes_come_back_however_little_of_them_is_opened(value):
    encoded = encode_struct(value)
    assert encode_struct(decode_struct(encoded)) == encoded
    assert encode_struct(decode_struct(encoded, EVERYTHING)) == encoded


@given(st.permutations(range(1, 9)))
def test_the_order_of_fields_comes_back(order):
    value = Struct((field, (I32, zigzag(field))) for field in order)
    assert list(decode_struct(encode_struct(value))) == order


@given(structs, st.binary(max_size=8))
def test_what_follows_a_struct_is_not_looked_at(value, more):
    assert decode_struct(encode_struct(value) + more, EVERYTHING) == value


@given(integers)
def test_integers_come_back(number):
    assert unzigzag(zigzag(number)) == number


def test_an_unusual_way_to_write_a_number_comes_back():
    encoded = bytes([1 << 4 | I32, 0x82, 0x80, 0x00, 0])  # the number one in three bytes
    value = decode_struct(encoded)
    assert value.integer(1) == 1
    assert encode_struct(value) == encoded


def test_a_field_keeps_its_width_and_a_new_one_takes_its_place():
    value = Struct({2: (I16, zigzag(5)), 9: (I32, zigzag(6))})
    value.put_integer(2, 7, I64)
    value.put_integer(4, 8)
    assert value == {2: (I16, zigzag(7)), 4: (I64, zigzag(8)), 9: (I32, zigzag(6))}
    assert list(value) == [2, 4, 9]


def test_fields_are_read_by_type():
    value = Struct()
    value.put_text(1, "time\udcff")
    value.put(2, TRUE, b"")
    value.put(3, STRUCT, Struct())
    assert value.text(1) == "time\udcff"
    assert value.binary(1) == b"time\xff"
    assert (value.flag(2), value.flag(1), value.flag(7)) == (True, None, None)
    assert (value.integer(1), value.integer(7), value.struct(3)) == (None, None, Struct())
    assert (value.structs(3), value.raw(3), value.raw(2)) == ([], None, b"")


@given(st.binary(max_size=200), st.booleans())
def test_hostile_bytes_are_a_struct_or_corrupt(data, everything):
    shape = EVERYTHING if everything else {}
    try:
        value = decode_struct(data, shape)
    except CorruptionError:
        return
    assert decode_struct(encode_struct(value), shape) == value


@given(structs.map(encode_struct), st.data())
def test_a_struct_that_is_cut_off_is_corrupt(encoded, data):
    end = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(CorruptionError):
        decode_struct(encoded[:end], EVERYTHING)


@pytest.mark.parametrize("kind", [BINARY, LIST, SET, MAP])
def test_a_size_beyond_the_end_is_corrupt_before_anything_is_made_of_it(kind):
    huge = varint(2**60)
    value = huge + b"\x88" if kind in {BINARY, MAP} else b"\xf8" + huge
    with pytest.raises(CorruptionError, match="claims 1152921504606846976"):
        decode_struct(bytes([1 << 4 | kind]) + value + b"\0" * 8)


def test_a_list_of_structs_beyond_the_end_is_corrupt_when_opened():
    data = bytes([1 << 4 | LIST, 0xF0 | STRUCT]) + varint(2**40) + b"\0" * 100
    with pytest.raises(CorruptionError, match="claims"):
        decode_struct(data, {1: {}})


@pytest.mark.parametrize("shape", [{}, EVERYTHING])
@pytest.mark.parametrize(
    "opener", [bytes([1 << 4 | STRUCT]), bytes([1 << 4 | LIST, 1 << 4 | STRUCT])]
)
def test_nesting_ends(opener, shape):
    with pytest.raises(CorruptionError, match="nest deeper"):
        decode_struct(opener * 100_000, shape)
    fine = opener * (MAX_DEPTH // 2 - 2)
    depth = fine.count(bytes([STRUCT | 1 << 4])) + 1
    assert decode_struct(fine + b"\0" * depth, shape)


def test_lists_of_lists_end():
    data = bytes([1 << 4 | LIST]) + bytes([1 << 4 | LIST]) * 100_000
    with pytest.raises(CorruptionError, match="nest deeper"):
        decode_struct(data)


def test_a_number_without_end_is_corrupt():
    for field in (bytes([1 << 4 | I64]), bytes([I64]), bytes([1 << 4 | BINARY])):
        with pytest.raises(CorruptionError, match="ten bytes"):
            decode_struct(field + b"\xff" * 50 + b"\1\0\0")


def test_an_unknown_type_is_corrupt():
    with pytest.raises(CorruptionError, match="unknown type 13"):
        decode_struct(bytes([1 << 4 | 13, 0]))


def test_a_list_of_something_else_is_no_list_of_structs():
    with pytest.raises(CorruptionError, match="something else"):
        decode_structs(bytes([1 << 4 | I32, 2]))
    with pytest.raises(CorruptionError, match="end in the middle"):
        decode_structs(b"")


def test_long_lists_come_back():
    many = [Struct({1: (DOUBLE, struct.pack("<d", n))}) for n in range(100)]
    assert decode_structs(encode_structs(many)) == many


def group(number: int, text: bytes = b"") -> Struct:
    return Struct(
        {1: (BINARY, sized(b"all begin so")), 3: (I64, zigzag(number)), 5: (BINARY, sized(text))}
    )


@pytest.mark.parametrize(
    "many",
    [
        [group(n) for n in range(100)],
        [group(1), group(2, encode_struct(group(3))), group(4)],
        [group(1), Struct({2: (I64, zigzag(1))}), group(3)],
        [Struct({2: (I64, zigzag(1))})],
    ],
    ids=["alike", "one holds what they begin with", "one begins otherwise", "short"],
)
def test_structs_of_a_list_are_cut_out_of_what_surrounds_them(many):
    whole = Struct({2: (TRUE, b""), 4: (LIST, many), 260: (BINARY, sized(b"behind"))})
    around, found = cut_list(encode_struct(whole) + b"more", 4)
    assert found == [encode_struct(one) for one in many]
    assert around == Struct({**whole, 4: (LIST, encode_structs([]))})


def test_a_list_that_is_not_there_or_holds_none_is_no_structs():
    for value in (Struct(), Struct({4: (LIST, encode_structs([]))}), Struct({3: (I32, b"\2")})):
        assert cut_list(encode_struct(value), 4) == (value, [])
    with pytest.raises(CorruptionError, match="end in the middle"):
        cut_list(encode_struct(Struct({4: (LIST, [group(1), group(2)])}))[:-20], 4)
