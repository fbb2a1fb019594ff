"""One walk through many footers reads in each what is there, whatever the others hold."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.errors import CorruptionError
from parquetry.files import footer_table
from parquetry.files.encoding import encode_table
from parquetry.files.footer_table import read_together
from parquetry.files.footers import parse_footer
from parquetry.files.splicing.fields import ColumnMetaData, Statistics
from parquetry.files.splicing.footer import parse_footer as parse_alone
from parquetry.files.splicing.thrift import decode_struct


@pytest.fixture(autouse=True, scope="module")
def few_are_many():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(footer_table, "WORTH_A_WALK", 2)
        yield


def footer_of(content: bytes) -> bytes:
    length = int.from_bytes(content[-8:-4], "little")
    return content[-8 - length : -8]


def footer(numbers, texts=("x", "y"), name="a", **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({name: numbers, "b": list(texts)}), sink, **options)
    return footer_of(sink.getvalue())


def test_footers_of_one_shape_make_one_table():
    footers = [footer([number, 10**number]) for number in range(10)]
    (table,), alone = read_together(footers)
    assert (table.members.tolist(), alone) == (list(range(10)), [])
    facts = table.chunks[0, 0]
    assert table.rows.tolist() == [[2]] * 10
    assert facts.nulls.tolist() == [0] * 10
    assert table.numbers(facts.high, "<i8").tolist() == [max(n, 10**n) for n in range(10)]
    assert table.texts(table.chunks[0, 1].low) == [b"x"] * 10


def test_texts_of_any_length_are_found():
    texts = ["", "a", "b" * 127, "c" * 128, "é" * 70]
    footers = [footer([1, 2], (text, text)) for text in texts]
    (table,), _ = read_together(footers)
    spans = table.chunks[0, 1].high
    bounds = [parse_footer(one, "x").row_group(0).column(1).statistics.max for one in footers]
    assert [text.decode() for text in table.texts(spans)] == bounds


def test_each_shape_makes_a_table_and_what_is_alone_stays_alone():
    plain = [footer([n, n]) for n in range(3)]
    without = [footer([n, n], write_statistics=False) for n in range(2)]
    two_groups = footer([1, 2], row_group_size=1)
    other_name = footer([1, 2], name="z")
    mixed = [plain[0], without[0], two_groups, plain[1], other_name, without[1], plain[2]]
    tables, alone = read_together(mixed)
    assert [table.members.tolist() for table in tables] == [[0, 3, 6], [1, 5]]
    assert alone == [2, 4]


def test_other_writers_are_another_shape():
    one = footer([1, 2])
    other = one.replace(b"parquet-cpp-arrow", b"parquet-cpp-ARROW")
    assert one != other
    tables, alone = read_together([one, other, one, other])
    assert [table.members.tolist() for table in tables] == [[0, 2], [1, 3]]
    assert alone == []


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_spoiled_footers_disturb_no_other(data):
    """Each footer says what it says when it is parsed alone, or stays out, or cannot be parsed.

    PyArrow is not asked here: it ends the process where the bounds of a column are spoiled.
    """
    good = [
        footer_of(encode_table(pa.table({"a": [n, None], "b": ["x", "y" * n], "c": [1.5, n / 2]})))
        for n in range(6)
    ]
    spoiled = list(good)
    for _ in range(data.draw(st.integers(1, 3))):
        which = data.draw(st.integers(0, 5))
        content = bytearray(spoiled[which])
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.sampled_from([None, None, None, -1, -20]))
        spoiled[which] = bytes(content[:cut])
    tables, alone = read_together(spoiled)
    assert sorted(n for table in tables for n in table.members.tolist()) == sorted(
        set(range(6)) - set(alone)
    )
    for table in tables:
        for row, member in enumerate(table.members.tolist()):
            try:
                (expected,) = parse_alone(spoiled[member], 0, "x").row_groups
            except CorruptionError:
                continue
            assert table.rows[row].tolist() == [expected.rows]
            for leaf, chunk in enumerate(expected.chunks[:2]):
                facts = table.chunks[0, leaf]
                assert facts.values[row] == chunk.metadata.integer(ColumnMetaData.NUM_VALUES)
                found = decode_struct(chunk.metadata.raw(ColumnMetaData.STATISTICS) or b"\0")
                nulls = None if facts.nulls is None else facts.nulls[row]
                assert nulls == found.integer(Statistics.NULL_COUNT)
                highest = None if facts.high is None else table.texts(facts.high)[row]
                assert highest == found.binary(Statistics.MAX_VALUE)
