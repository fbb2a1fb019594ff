"""Rows written in another layout are the same rows, in order, in the same types."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import Counter
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doubles.elsewhere import ElsewhereRewriter
from doubles.faulty import FaultyStorage
from parquetry.access.polars_scan import scan
from parquetry.commits.home import Home
from parquetry.dataset import Dataset
from parquetry.errors import CorruptionError, UnknownColumnError
from parquetry.files.footers import read_footer, read_schema
from parquetry.model.layouts import Layout, PartitionKey, Quantiles
from parquetry.operations.surveying import take_survey
from parquetry.storage.local import LocalStorage
from parquetry.tuning.rewriting.loading import Loading
from parquetry.tuning.rewriting.local import LocalRewriter
from parquetry.tuning.rewriting.task import WrittenPart
from tuning.replicas import ask, bag, eager_router, make_replica

ROWS = 500


def every_type() -> pa.Table:
    """Columns of every kind that Parquet has, with NULL among them."""
    rng = np.random.default_rng(7)
    moment = dt.datetime(2024, 1, 1)
    moments = [moment + dt.timedelta(minutes=int(m)) for m in rng.integers(0, 100_000, ROWS)]
    numbers = [int(n) for n in rng.integers(-50, 50, ROWS)]
    floats = [[math.nan, None, 0.0, -0.0, 1.5, math.inf][n % 6] for n in numbers]
    columns = {
        "n": pa.array(numbers, pa.int16()),
        "u": pa.array([n + 50 for n in numbers], pa.uint64()),
        "x": pa.array(floats, pa.float64()),
        "y": pa.array(floats, pa.float32()),
        "s": pa.array([None if n % 7 == 0 else f"t{n}" for n in numbers], pa.large_string()),
        "e": pa.array([f"e{n % 3}" for n in numbers]).dictionary_encode(),
        "b": pa.array([bytes([n % 256]) for n in numbers], pa.binary()),
        "d": pa.array([Decimal(n) / 4 for n in numbers], pa.decimal128(12, 2)),
        "big": pa.array([Decimal(n) for n in numbers], pa.decimal256(60, 4)),
        "day": pa.array([m.date() for m in moments], pa.date32()),
        "ms": pa.array(moments, pa.timestamp("ms")),
        "ns": pa.array(moments, pa.timestamp("ns")),
        "zoned": pa.array(moments, pa.timestamp("us", "Europe/Berlin")),
        "clock": pa.array([m.time() for m in moments], pa.time64("us")),
        "flag": pa.array([None if n == 0 else n > 0 for n in numbers]),
        "tags": pa.array([[n, None] if n % 2 else None for n in numbers], pa.list_(pa.int32())),
        "at": pa.array([{"a": n, "b": [str(n)]} for n in numbers]),
        "map": pa.array([[("k", n)] for n in numbers], pa.map_(pa.string(), pa.int64())),
        "pair": pa.array([[n, n] for n in numbers], pa.list_(pa.int8(), 2)),
    }
    return pa.table(columns)


def put(path, table, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **how)


def replica_files(tmp_path):
    return sorted((tmp_path / ".parquetry/datasets/t/layouts").rglob("*.pq"))


@pytest.mark.parametrize("memory_bytes", [1 << 30, 100_000])
@pytest.mark.parametrize(
    "sort_by", [("n",), ("s", "zoned"), ("x", "d"), ("ns",), ("e", "flag"), ("big",)][:5]
)
def test_every_type_survives_as_it_was_declared(tmp_path, sort_by, memory_bytes):
    table = every_type()
    put(tmp_path / "t/one.parquet", table.slice(0, 300))
    put(tmp_path / "t/other.parquet", table.slice(300))
    layout = Layout(sort_by=sort_by, row_group_rows=50)
    made = make_replica(tmp_path / "t", layout, memory_bytes=memory_bytes)
    assert made.rows == ROWS
    files = replica_files(tmp_path)
    held = read_schema(str(tmp_path / "t/one.parquet"))
    for file in files:
        assert read_schema(str(file)).equals(held)
    found = pa.concat_tables([pq.read_table(file) for file in files])
    assert bag(found.unify_dictionaries()) == bag(table)


@pytest.mark.parametrize("memory_bytes", [1 << 30, 20_000])
@pytest.mark.parametrize("curve", [None, "hilbert"])
def test_text_moves_in_codes_where_every_file_has_a_small_dictionary(tmp_path, memory_bytes, curve):
    def text(start):
        return [None if n % 11 == 0 else f"t{(n * n) % 17 + start}" for n in range(ROWS)]

    tables = [
        pa.table({"a": text(start), "b": text(start + 3), "c": text(start), "n": range(ROWS)})
        for start in (0, 9)
    ]
    put(tmp_path / "t/one.parquet", tables[0], row_group_size=90, use_dictionary=["a", "b", "c"])
    put(tmp_path / "t/two.parquet", tables[1], use_dictionary=["a", "b"])
    survey = take_survey(Home.of(tmp_path / "t"), LocalStorage())
    assert Loading.of(survey, survey.columns).codes == ("a", "b")
    bounds = (Quantiles("a", ("t12", "t2", "t8")), Quantiles("n", (100, 250)))
    layout = Layout(
        sort_by=("a", "n"), curve=curve, quantiles=bounds if curve else (), row_group_rows=70
    )
    make_replica(tmp_path / "t", layout, memory_bytes=memory_bytes)
    files = replica_files(tmp_path)
    found = pa.concat_tables([pq.read_table(file) for file in files])
    assert bag(found) == bag(pa.concat_tables(tables))
    assert found.schema.types[:3] == [pa.string()] * 3
    if curve is None:
        last = (1, "")
        rows = zip(found["a"].to_pylist(), found["n"].to_pylist(), strict=True)
        order = [(last if a is None else (0, a), n) for a, n in rows]
        assert order == sorted(order)


def test_an_enum_of_polars_stays_one(tmp_path):
    kind = pl.Enum(["low", "mid", "high"])
    frame = pl.DataFrame({"n": [3, 1, 2], "e": pl.Series(["high", None, "low"], dtype=kind)})
    (tmp_path / "t").mkdir()
    frame.write_parquet(tmp_path / "t/a.parquet")
    make_replica(tmp_path / "t", Layout(sort_by=("n",)))
    source = Dataset(tmp_path / "t").source
    plain, routed = scan(source).collect(), scan(source, router=eager_router()).collect()
    assert routed.schema == plain.schema
    assert routed.sort("n").equals(frame.sort("n").cast(plain.schema))


def test_row_groups_do_not_overlap_and_are_of_the_size_that_was_asked_for(tmp_path):
    rng = np.random.default_rng(1)
    n = rng.integers(0, 1_000, 20_000)
    for number in range(4):
        put(tmp_path / f"t/{number}.parquet", pa.table({"n": n[number::4], "i": n[number::4] * 2}))
    layout = Layout(sort_by=("n",), row_group_rows=1_000, target_file_bytes=10_000)
    made = make_replica(tmp_path / "t", layout, memory_bytes=1_000_000)
    bounds = []
    for file in made.files:
        path = tmp_path / ".parquetry/datasets/t/layouts" / layout.layout_id / file.name
        footer = read_footer(str(path))
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        assert max(group.num_rows for group in groups) <= 1_000
        bounds += [(g.column(0).statistics.min, g.column(0).statistics.max) for g in groups]
    assert len(made.files) > 3
    assert len(bounds) <= 20 + len(made.files)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(bounds))


def test_a_million_equal_keys_are_spread_over_parts_that_fit_into_memory(tmp_path):
    rows = 50_000
    put(tmp_path / "t/a.parquet", pa.table({"k": ["same"] * rows, "i": np.arange(rows)}))
    layout = Layout(sort_by=("k",), row_group_rows=1_000)
    made = make_replica(tmp_path / "t", layout, memory_bytes=500_000)
    assert made.rows == rows
    assert len(made.files) > 3
    assert max(file.rows for file in made.files) < 2 * rows / len(made.files)


def test_partitions_get_files_of_their_own_and_small_ones_share(tmp_path):
    days = [dt.datetime(2024, month, 1) for month in (1, 2, 3) for _ in range(100)]
    days += [dt.datetime(2024, 4, 1)]
    put(tmp_path / "t/a.parquet", pa.table({"at": days[::-1], "i": range(301)}))
    layout = Layout(partition_by=(PartitionKey("at", "month"),), row_group_rows=100)
    made = make_replica(tmp_path / "t", layout)
    assert [file.rows for file in made.files] == [100, 100, 101]
    shared = Layout(partition_by=(PartitionKey("at", "month"),), row_group_rows=500)
    assert [file.rows for file in make_replica(tmp_path / "t", shared).files] == [301]


def test_bloom_filters_and_codec_are_as_asked_and_nan_leaves_no_bounds(tmp_path):
    table = pa.table({"n": [3, 1, 2], "s": ["a", "b", "c"], "x": [1.0, math.nan, 2.0]})
    put(tmp_path / "t/a.parquet", table)
    make_replica(tmp_path / "t", Layout(sort_by=("n",), bloom_columns=("s",), compression="snappy"))
    group = read_footer(str(replica_files(tmp_path)[0])).row_group(0)
    assert group.column(1).bloom_filter_offset
    assert not group.column(0).bloom_filter_offset
    assert group.column(0).compression == "SNAPPY"
    assert group.column(2).statistics is None or not group.column(2).statistics.has_min_max


def test_keys_of_folders_stand_in_the_files_with_their_types(tmp_path):
    for key, text in ((1, "1"), (20, "20"), (None, "__HIVE_DEFAULT_PARTITION__")):
        put(tmp_path / f"t/day={text}/a.parquet", pa.table({"n": [key or 0, 5]}))
    made = make_replica(tmp_path / "t", Layout(sort_by=("day", "n")))
    assert made.columns.field("day").type == pa.int64()
    found = pq.read_table(replica_files(tmp_path)[0])
    assert found["day"].to_pylist() == [1, 1, 20, 20, None, None]
    source = Dataset(tmp_path / "t").source
    for sql in ("FROM t", "FROM t WHERE day = 20", "FROM t WHERE day IS NULL"):
        schema, rows, layouts = ask(source, sql, eager_router())
        assert (schema, rows) == ask(source, sql)[:2]
        assert layouts == [Layout(sort_by=("day", "n")).layout_id]


def test_a_rewriter_elsewhere_does_the_same_work(tmp_path):
    table = every_type()
    put(tmp_path / "t/part=1/a.parquet", table.slice(0, 200))
    put(tmp_path / "t/part=2/a.parquet", table.slice(200))
    layout = Layout(sort_by=("s", "n"), row_group_rows=64)
    there = ElsewhereRewriter()
    made = make_replica(tmp_path / "t", layout, rewriter=there, memory_bytes=200_000)
    assert len(there.tasks) == 1
    here = make_replica(
        tmp_path / "t", Layout(sort_by=("n", "s"), row_group_rows=64), memory_bytes=200_000
    )
    assert made.pieces[0].digest == here.pieces[0].digest
    assert made.rows == ROWS


class Cheat:
    """A rewriter that does something else than it was asked."""

    def __init__(self, storage, how):
        self.storage, self.how = storage, how

    def __call__(self, task):
        for part in LocalRewriter(self.storage)(task):
            for path in part.paths:
                rows = pq.read_table(path)
                pq.write_table(self.how(rows), path, row_group_size=3)
            yield WrittenPart(part.number, part.total, part.paths)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda rows: rows.slice(1), "other rows"),
        (lambda rows: pa.concat_tables([rows.slice(0, 1), rows]).slice(0, len(rows)), "other rows"),
        (lambda rows: rows.set_column(1, "i", pa.array([1] * len(rows))), "other rows"),
        (lambda rows: rows.take(list(range(len(rows)))[::-1]), "order of the layout"),
    ],
)
def test_files_that_are_not_what_they_should_be_are_discarded(tmp_path, how, words):
    put(tmp_path / "t/a.parquet", pa.table({"n": range(9), "i": range(10, 19)}))
    storage = FaultyStorage()
    layout = Layout(sort_by=("n",), row_group_rows=3)
    with pytest.raises(CorruptionError, match=words) as caught:
        make_replica(tmp_path / "t", layout, rewriter=Cheat(storage, how))
    assert caught.value.outcome == "unchanged"
    source = Dataset(tmp_path / "t").source
    assert ask(source, "FROM t", eager_router())[2] == ["initial"]


def test_row_groups_of_another_size_are_discarded(tmp_path):
    put(tmp_path / "t/a.parquet", pa.table({"n": range(90)}))
    with pytest.raises(CorruptionError, match="row groups"):
        make_replica(
            tmp_path / "t",
            Layout(sort_by=("n",), row_group_rows=45),
            rewriter=Cheat(FaultyStorage(), lambda rows: rows),
        )


def test_a_layout_over_a_column_that_vanished_is_refused_by_name(tmp_path):
    put(tmp_path / "t/a.parquet", pa.table({"n": [1]}))
    with pytest.raises(UnknownColumnError, match="gone"):
        make_replica(tmp_path / "t", Layout(sort_by=("gone",)))
    assert Counter(path.name for path in tmp_path.rglob("*.pq")) == Counter()
