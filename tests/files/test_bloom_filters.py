"""Bloom filters, asked as their writer asks them."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.files.bloom_filters import BloomFilter, hash_integers, hash_texts
from parquetry.files.encoding import encode_table


def test_hashes_are_those_of_the_specification():
    texts = [b"", b"a", b"abc", b"Nobody inspects the spammish repetition"]
    wanted = [0xEF46DB3751D8E999, 0xD24EC4F1A98C6E5B, 0x44BC2CF5AD770999, 0xFBCEA83C8A378BF1]
    assert hash_texts(texts).tolist() == wanted


def filter_of(table: pa.Table) -> BloomFilter:
    encoded = encode_table(table, bloom_columns=table.column_names)
    column = pq.read_metadata(io.BytesIO(encoded)).row_group(0).column(0)
    start = column.bloom_filter_offset
    return BloomFilter(encoded[start : start + column.bloom_filter_length])


@pytest.mark.parametrize("width", [4, 8])
def test_whole_numbers_that_are_there_are_found_and_most_others_are_not(width):
    kind = pa.int32() if width == 4 else pa.int64()
    there = np.arange(0, 20_000, 2)
    found = filter_of(pa.table({"k": pa.array(there, kind)}))
    assert found.may_hold(hash_integers(there, width)).all()
    assert found.may_hold(hash_integers(there + 1, width)).mean() < 0.1


def test_texts_of_all_lengths_that_are_there_are_found_and_most_others_are_not():
    there = [f"{n}-{'x' * (n % 70)}" for n in range(5_000)]
    found = filter_of(pa.table({"k": there}))
    assert found.may_hold(hash_texts([text.encode() for text in there])).all()
    assert found.may_hold(hash_texts([f"{text}?".encode() for text in there])).mean() < 0.1


def test_a_broken_filter_admits_everything():
    for raw in (b"", b"\0", b"\xff" * 40, b"\x15\x80\x80\x80\x80\x04" + b"\0" * 64):
        assert BloomFilter(raw).may_hold(hash_integers(np.arange(3), 8)).all()
