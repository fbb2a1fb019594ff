from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import CorruptionError, NotFoundError
from parquetry.tables import squiggle
from parquetry.tables.content import ContentHash, content_hash, hash_frame
from parquetry.tables.table_files import TableFile
from tables.rows import good_rows

KNOWN = "rows1:2:37ee78a928d003d000509880d0bc4fc9"


def sample():
    return pa.table(
        {
            "i": pa.array([1, None], pa.int32()),
            "f": [1.5, float("nan")],
            "s": ["a", "é"],
            "b": [b"\x00", None],
            "t": pa.array(
                [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")
            ),
            "d": [dt.date(2026, 1, 1), None],
            "c": [Decimal("1.25"), Decimal("-3.00")],
            "o": [True, False],
            "l": [[1, 2], None],
            "n": [[], [["x"], None]],
            "r": [{"x": 1, "y": "a"}, None],
        }
    )


def test_the_hash_is_the_one_it_was_when_the_rules_were_written():
    assert str(hash_frame(sample())) == KNOWN


def test_another_process_finds_the_same_hash():
    code = "import sys; sys.path.insert(0, 'tests'); from tables.test_content import *; "
    code += "print(hash_frame(sample()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == KNOWN


values = st.one_of(st.none(), st.integers(-3, 3))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "i": values,
            "f": st.one_of(
                st.none(), st.sampled_from([0.0, -0.0, 1.5, float("inf"), float("nan")])
            ),
            "s": st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab"])),
            "l": st.one_of(st.none(), st.lists(values, max_size=3)),
            "r": st.one_of(st.none(), st.fixed_dictionaries({"x": values, "y": values})),
        }
    ),
    max_size=6,
)
KINDS = pa.schema(
    {
        "i": pa.int64(),
        "f": pa.float64(),
        "s": pa.string(),
        "l": pa.list_(pa.int64()),
        "r": pa.struct({"x": pa.int64(), "y": pa.int64()}),
    }
)


def canonical(row):
    """The same text for the same values: the order of keys, in a struct as well, does not count."""
    inner = row["r"] and sorted(row["r"].items())
    return repr(sorted({**row, "r": inner}.items()))


@given(rows, st.randoms(use_true_random=False), st.integers(0, 6))
def test_order_and_split_do_not_count(found, random, cut):
    shuffled = random.sample(found, len(found))
    whole = hash_frame(pa.Table.from_pylist(found, KINDS))
    parts = [pa.Table.from_pylist(part, KINDS) for part in (shuffled[:cut], shuffled[cut:])]
    assert hash_frame(parts[0]) + hash_frame(parts[1]) == whole


@given(rows, rows)
def test_rows_differ_exactly_if_their_hashes_do(one, other):
    same = sorted(map(canonical, one)) == sorted(map(canonical, other))
    hashes = [hash_frame(pa.Table.from_pylist(found, KINDS)) for found in (one, other)]
    assert (hashes[0] == hashes[1]) == same


def test_the_order_of_columns_their_width_and_empty_columns_do_not_count():
    one = pa.table({"a": pa.array([1, 2], pa.int16()), "b": pa.array([0.5, 2], pa.float32())})
    other = pa.table(
        {"b": pa.array([0.5, 2], pa.float64()), "c": pa.nulls(2, pa.string()), "a": [1, 2]}
    )
    assert hash_frame(one) == hash_frame(other)
    seconds = pa.array([5], pa.timestamp("s"))
    assert hash_frame(pa.table({"t": seconds})) == hash_frame(
        pa.table({"t": seconds.cast(pa.timestamp("ns"))})
    )


def test_values_belong_to_their_columns_and_rows():
    one = pa.table({"a": [1, 2], "b": [3, 4]})
    assert hash_frame(one) != hash_frame(pa.table({"a": [3, 4], "b": [1, 2]}))
    assert hash_frame(one) != hash_frame(pa.table({"a": [1, 2], "b": [4, 3]}))
    assert hash_frame(pa.table({"a": [1]})) != hash_frame(pa.table({"a": [1, 1, 1]}))
    assert hash_frame(pa.table({"a": [""]})) != hash_frame(
        pa.table({"a": pa.nulls(1, pa.string())})
    )
    assert hash_frame(pa.table({"a": [[1], [2]]})) != hash_frame(pa.table({"a": [[1, 2], []]}))
    assert hash_frame(pa.table({"a": [[1, 2]]})) != hash_frame(pa.table({"a": [[2, 1]]}))


def test_encodings_of_text_are_one_text():
    text = pa.array(["a", None, "b", "a"])
    forms = [
        text,
        text.dictionary_encode(),
        text.cast(pa.large_string()),
        text.cast(pa.string_view()),
    ]
    assert len({hash_frame(pa.table({"s": form})) for form in forms}) == 1
    frame = pl.DataFrame({"s": ["a", None, "b", "a"]}, schema={"s": pl.Categorical})
    assert hash_frame(frame) == hash_frame(pa.table({"s": text}))


def test_slices_are_hashed_as_themselves():
    table = sample()
    twice = pa.concat_tables([table, table])
    assert hash_frame(twice.slice(1, 2)) == hash_frame(table)
    assert hash_frame(table.slice(1)) == hash_frame(table.take([1]))


def test_odd_numbers_are_told_apart():
    def one(array):
        return hash_frame(pa.table({"a": array}))

    assert one(pa.array([2**64 - 1], pa.uint64())) != one(pa.array([2**63], pa.uint64()))
    assert one([0.0]) != one([-0.0])
    assert one(pa.array([1.5], pa.float16())) == one([1.5])
    assert one(pa.array([1], pa.time32("s"))) == one(pa.array([1000], pa.time32("ms")))
    assert one(pa.array([Decimal("1.5")])) != one(pa.array([Decimal("-1.5")]))
    assert one(pa.array([b"ab"], pa.binary(2))) == one(pa.array([b"ab"]))
    maps = pa.map_(pa.string(), pa.int64())
    assert one(pa.array([[("a", 1)]], maps)) != one(pa.array([[("a", 2)]], maps))
    lists = pa.array([[1, 2], None], pa.list_(pa.int64(), 2))
    assert one(lists) == one(pa.array([[1, 2], None]))


def test_files_in_any_layout_hold_the_same_content(tmp_path):
    table = squiggle.GEOMETRY_STATE
    frame = good_rows(table, 50).with_columns(run_id=pl.Series([f"r{n % 3}" for n in range(50)]))
    whole = tmp_path / "whole.parquet"
    pq.write_table(frame.to_arrow(), whole, row_group_size=7)
    parts = []
    for (run,), part in frame.group_by("run_id"):
        relative = f"run_id={run}/part.parquet"
        (tmp_path / relative).parent.mkdir()
        part.drop("run_id").write_parquet(tmp_path / relative)
        parts.append(TableFile.under(str(tmp_path), relative))
    assert content_hash(parts, table) == content_hash([whole]) == hash_frame(frame)
    assert content_hash(parts[1:], table) != content_hash([whole])
    assert content_hash([]) == ContentHash()


def test_gone_and_damaged_files_are_told(tmp_path):
    with pytest.raises(NotFoundError):
        content_hash([tmp_path / "absent.parquet"])
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(CorruptionError):
        content_hash([tmp_path / "bad.parquet"])
