"""Delete: the rows of which the predicate is true go, and nothing else changes."""

from __future__ import annotations

import datetime as dt
import io
import pickle

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.folders import Folder, level2
from parquetry.errors import (
    ConflictError,
    CorruptionError,
    LayoutError,
    ParameterError,
    SchemaMismatchError,
    UnknownColumnError,
)
from parquetry.files.encoding import encode_table
from parquetry.operations import deleting, rewriting
from parquetry.operations.deleting import run_delete

c = pl.col


@pytest.fixture
def folder(tmp_path) -> Folder:
    made = Folder(tmp_path)
    made.append(level2(), "product_id", "date")
    return made


def test_the_rows_of_a_partition_go_with_their_file_undecoded(folder):
    plan = folder.plan_delete((c("product_id") == "BTC-USD") & (c("date") == "2025-11-26"))
    assert (plan.rows_deleted, len(plan.drop), len(plan.rewrite), plan.rows_scanned) == (
        10,
        1,
        0,
        0,
    )
    result = folder.delete((c("product_id") == "BTC-USD") & (c("date") == "2025-11-26"))
    assert (result.rows_deleted, result.files_before, result.files_after) == (10, 1, 0)
    assert not [path for path in folder.files() if "BTC-USD/date=2025-11-26" in path]
    assert len(folder.frame()) == 30


def test_what_folders_say_settles_a_file_of_several_row_groups(tmp_path):
    folder = Folder(tmp_path)
    for day in (25, 26):
        rows = pl.DataFrame({"v": range(day, day + 50)})
        folder.put(f"date=2025-11-{day}/x.parquet", rows.to_arrow(), row_group_size=20)
    plan = folder.plan_delete((c("date") == "2025-11-26") | c("date").is_null())
    assert (plan.rows_deleted, plan.rows_scanned, len(plan.drop)) == (50, 0, 1)
    assert folder.delete((c("date") == "2025-11-25").not_()).rows_deleted == 50
    assert folder.frame()["v"].to_list() == list(range(25, 75))


@pytest.mark.parametrize("writer", ["parquetry", "polars", "duckdb"])
def test_texts_that_are_the_same_in_all_rows_stay_so_in_those_that_are_left(tmp_path, writer):
    rows = pl.DataFrame({"n": range(1000)}).with_columns(
        pl.lit("ä").alias("same"),
        pl.lit("x" * 400).alias("long"),
        pl.when(c("n") == 7).then(None).otherwise(pl.lit("a")).alias("but for one"),
        pl.lit(None, dtype=pl.String).alias("none"),
        pl.when(c("n") % 2 == 0).then(pl.lit("b")).otherwise(pl.lit("s")).alias("side"),
    )
    folder = Folder(tmp_path)
    path = folder.root / "x.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    match writer:
        case "parquetry":
            path.write_bytes(encode_table(rows.to_arrow(compat_level=pl.CompatLevel.oldest())))
        case "polars":
            rows.write_parquet(path)
        case "duckdb":
            duckdb.sql(f"COPY rows TO '{path}' (FORMAT parquet)")
    assert folder.delete(c("n") % 3 == 1).rows_deleted == 333
    assert folder.frame().sort("n").equals(rows.filter(c("n") % 3 != 1))
    assert folder.delete(c("same") == "ä").rows_deleted == 667


def test_statistics_rule_out_the_files_that_a_condition_cannot_concern(folder):
    plan = folder.plan_delete(c("sequence_num") < 2)
    assert plan.rows_scanned == 20, "two of four files can hold such numbers"
    assert plan.rows_deleted == 2
    folder.delete(c("sequence_num") < 2)
    assert sorted(folder.frame()["sequence_num"]) == list(range(2, 40))


def test_files_without_such_rows_are_not_touched(folder):
    before = folder.snapshot()
    folder.delete(c("sequence_num") == 7)
    after = folder.snapshot()
    assert len(before.keys() & after.keys()) == 3
    assert all(before[path] == after[path] for path in before.keys() & after.keys())


def test_a_dry_run_reports_what_the_run_then_does(folder):
    before = folder.snapshot()
    predicted = folder.delete(c("spread_bps") > 500, dry_run=True).to_dict()
    assert folder.snapshot() == before
    done = folder.delete(c("spread_bps") > 500).to_dict()
    told = {"dry_run", "version", "bytes_after"}
    assert {k: v for k, v in predicted.items() if k not in told} == {
        k: v for k, v in done.items() if k not in told
    }
    assert predicted["dry_run"]
    assert not done["dry_run"]
    assert done["rows_deleted"] == 14


def test_a_predicate_that_matches_nothing_writes_nothing(folder):
    before = folder.snapshot()
    result = folder.delete(c("spread_bps") > 1e9)
    assert (result.rows_deleted, result.version, result.files_before) == (0, None, 0)
    assert folder.snapshot() == before
    assert len(list(folder.store.glob(".parquetry/**/log/*"))) == 1


@pytest.mark.parametrize(
    ("predicate", "left"),
    [
        (c("k") != 2, [2, None]),
        (~(c("k") == 2), [2, None]),
        (~c("k").is_in([2]), [2, None]),
        (~c("k").is_in([2, None]), [2, None]),  # what Polars filters, not what SQL says of NOT IN
        (pl.lit(None, dtype=pl.Boolean), [1, 2, 3, None]),
        (c("k").is_null(), [1, 2, 3]),
        (c("k").is_not_null(), [None]),
        (c("k") > 1, [1, None]),
        (True, []),
        (False, [1, 2, 3, None]),
    ],
)
def test_a_row_whose_predicate_is_null_stays(tmp_path, predicate, left):
    folder = Folder(tmp_path)
    folder.append(pl.DataFrame({"k": [1, 2, 3, None], "one": 1}), "one")
    folder.delete(predicate)
    assert (folder.frame()["k"].to_list() if folder.files() else []) == left


@pytest.mark.parametrize(
    ("predicate", "gone"),
    [
        (c("f") > 1, {1}),
        (c("f") != 1, {1, 3}),
        (c("f") == float("nan"), {1}),
        (c("f").is_nan(), {1}),
        (c("f") == 0, {3}),
        (c("f") < 1, {3}),
        (c("f").is_in([0.0, 5.0]), {3}),
    ],
)
@pytest.mark.parametrize("ours", [True, False])
def test_nan_and_negative_zero_are_found_whatever_the_statistics_say(
    tmp_path, predicate, gone, ours
):
    folder = Folder(tmp_path)
    frame = pl.DataFrame({"n": [0, 1, 2, 3], "f": [1.0, float("nan"), None, -0.0]})
    if ours:
        folder.append(frame)
    else:
        folder.put("x.parquet", frame)
    folder.delete(predicate)
    assert set(range(4)) - set(folder.frame()["n"]) == gone


def test_a_predicate_over_other_rows_sees_all_of_them(folder):
    folder.append(level2(6), "product_id", "date")
    first = c("trade_id").is_first_distinct()
    assert folder.delete(~first).rows_deleted == 6
    assert folder.frame()["trade_id"].is_unique().all()
    assert folder.delete(c("sequence_num") == c("sequence_num").max()).rows_deleted == 1
    assert folder.delete(
        c("sequence_num") > c("sequence_num").mean().over("product_id")
    ).rows_deleted


def test_a_predicate_over_other_rows_stands_on_all_of_them(folder):
    plan = folder.plan_delete(c("trade_id").is_duplicated() | (c("sequence_num") == 1))
    folder.append(level2(2), "product_id", "date")
    with pytest.raises(ConflictError):
        run_delete(folder.home, folder.disk, plan)


def test_a_partition_filter_keeps_every_other_partition_out(folder):
    result = folder.delete(c("side").is_null(), {"product_id": "BTC-USD", "date": ["2025-11-25"]})
    left = folder.frame().filter(c("side").is_null())
    assert result.rows_deleted == 13 - len(left)
    assert set(left.select("product_id", "date").unique().rows()) == {
        ("BTC-USD", "2025-11-26"),
        ("ETH-USD", "2025-11-25"),
        ("ETH-USD", "2025-11-26"),
    }


def test_a_partition_filter_takes_null_and_typed_values(tmp_path):
    folder = Folder(tmp_path)
    frame = pl.DataFrame({"month": [1, 2, None], "v": [1, 2, 3]})
    folder.append(frame, "month")
    assert folder.delete(True, {"month": [None, "2"]}).rows_deleted == 2
    assert folder.frame()["v"].to_list() == [1]


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda f: f.delete(c("sied") == "bid"), UnknownColumnError, "Did you mean 'side'"),
        (lambda f: f.delete(c("side") > 3), SchemaMismatchError, "cannot be evaluated"),
        (lambda f: f.delete(c("spread") + 1), ParameterError, "one truth value a row"),
        (lambda f: f.delete("side = 'bid'"), ParameterError, "Polars expression"),
        (lambda f: f.delete(True, {"side": "bid"}), UnknownColumnError, "partition_filter"),
        (lambda f: f.delete(True, {"date": b"x"}), LayoutError, "partition_filter asks"),
        (
            lambda f: f.delete(c("side").map_elements(lambda _: 1 / 0, return_dtype=pl.Boolean)),
            ParameterError,
            "could not be evaluated",
        ),
    ],
)
def test_what_cannot_be_asked_is_said_and_nothing_changes(folder, call, kind, text):
    before = folder.snapshot()
    with pytest.raises(kind, match=text) as caught:
        call(folder)
    assert caught.value.outcome == "unchanged"
    assert folder.snapshot() == before


def test_partition_columns_may_stand_in_the_path_only(tmp_path):
    folder = Folder(tmp_path)
    for day in (25, 26):
        folder.put(f"date=2025-11-{day}/x.parquet", pl.DataFrame({"v": [day, day + 100]}))
    assert folder.delete((c("date") == dt.date(2025, 11, 25)) & (c("v") > 100)).rows_deleted == 1
    assert folder.delete(c("date") == "2025-11-26").rows_deleted == 2
    assert folder.frame().to_dict(as_series=False) == {"v": [25]}


def test_where_path_and_file_disagree_the_path_counts(tmp_path):
    folder = Folder(tmp_path)
    folder.put("k=1/x.parquet", pl.DataFrame({"k": [9, 9], "v": [1, 2]}))
    assert folder.delete(c("k") == 9).rows_deleted == 0
    assert folder.delete((c("k") == 1) & (c("v") == 1)).rows_deleted == 1


def test_files_with_other_columns_and_narrower_types_are_taken_together(tmp_path):
    folder = Folder(tmp_path)
    folder.put("a.parquet", pa.table({"k": pa.array([1, 2], pa.int32())}))
    folder.put("b.parquet", pa.table({"k": pa.array([2, 2**40]), "extra": ["x", "y"]}))
    assert folder.delete((c("k") == 2) & c("extra").is_null()).rows_deleted == 1
    assert folder.delete(c("k") == 2**40).rows_deleted == 1
    assert sorted(folder.frame()["k"].to_list()) == [1, 2]
    kept = next(path for path in folder.files() if len(folder.table(path).column_names) == 1)
    assert folder.table(kept).schema.field("k").type == pa.int32()


NASTY = pa.table(
    {
        "n": pa.array(range(4)),
        "decimal": pa.array([None, 1, 2, 3], pa.decimal128(30, 5)),
        "wide": pa.array([None, 1, 2, 3], pa.decimal256(50, 5)),
        "map": pa.array([[("a", 1)], None, [], [("b", 2)]], pa.map_(pa.string(), pa.int64())),
        "nested": pa.array([[{"x": 1}], None, [], [{"x": None}]]),
        "category": pa.array(["a", "b", None, "a"]).dictionary_encode(),
        "stamp": pa.array([1, 2, None, 4], pa.timestamp("ns", "Europe/Zurich")),
        "half": pa.array([1.5, None, 2.5, 3.5], pa.float16()),
        "time": pa.array([1, 2, None, 4], pa.time64("ns")),
        "duration": pa.array([1, 2, None, 4], pa.duration("us")),
        "fixed": pa.array([b"ab", None, b"cd", b"ef"], pa.binary(2)),
        "list": pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int8(), 2)),
        "unsigned": pa.array([2**64 - 1, None, 0, 1], pa.uint64()),
        "nothing": pa.nulls(4),
        "required": pa.array([1, 2, 3, 4], pa.int8()),
    }
)


def test_the_columns_that_a_predicate_does_not_read_keep_their_types_and_values(tmp_path):
    folder = Folder(tmp_path)
    schema = NASTY.schema.set(14, pa.field("required", pa.int8(), nullable=False))
    table = NASTY.cast(schema).replace_schema_metadata({"mine": "kept"})
    folder.put("x.parquet", table)
    folder.delete(c("n") == 1)
    found = folder.table(folder.files()[0])
    assert found.equals(table.take([0, 2, 3]))
    assert found.schema.equals(table.schema)
    assert found.schema.metadata == {b"mine": b"kept"}


def test_a_predicate_on_a_type_that_polars_lacks_is_refused_by_name(tmp_path):
    folder = Folder(tmp_path)
    folder.put("x.parquet", NASTY)
    before = folder.snapshot()
    with pytest.raises((UnknownColumnError, SchemaMismatchError), match="wide"):
        folder.delete(c("wide") == 1)
    assert folder.snapshot() == before


def test_what_is_no_parquet_file_is_refused_by_name(folder):
    (folder.root / "product_id=BTC-USD" / "date=2025-11-25" / "z-bad.parquet").write_bytes(b"no")
    with pytest.raises(CorruptionError, match=r"z-bad\.parquet"):
        folder.delete(c("sequence_num") == 1)
    assert len(folder.plan_delete(True, {"product_id": "ETH-USD"}).drop) == 2


def test_a_file_whose_pages_are_damaged_is_refused_by_name(tmp_path):
    folder = Folder(tmp_path)
    path = folder.put("x.parquet", pa.table({"v": np.random.default_rng(0).random(5000)}))
    content = bytearray(path.read_bytes())
    content[4:3000] = b"\xff" * 2996
    path.write_bytes(content)
    before = folder.snapshot()
    with pytest.raises((CorruptionError, SchemaMismatchError), match=r"x\.parquet"):
        folder.delete(c("v") > 0.5)
    assert folder.snapshot() == before


def grouped(groups: int = 6, rows: int = 10) -> pa.Table:
    total = groups * rows
    return pa.table(
        {
            "n": np.arange(total),
            "text": [f"row {n}" for n in range(total)],
            "f": np.arange(total, dtype=float),
        }
    )


@pytest.fixture
def tiny_groups(monkeypatch):
    """Let row groups of ten rows count as large, so that they are copied."""
    monkeypatch.setattr(rewriting, "SMALL_GROUP_ROWS", 5)


def put_grouped(folder: Folder, rows: int = 10, **options: object) -> None:
    folder.root.mkdir(exist_ok=True)
    content = encode_table(grouped(rows=rows), row_group_rows=rows, **options)
    (folder.root / "x.parquet").write_bytes(content)


def chunk_bytes(path, group: int, column: int) -> bytes:
    chunk = pq.read_metadata(path).row_group(group).column(column)
    start = min(o for o in (chunk.dictionary_page_offset, chunk.data_page_offset) if o)
    return path.read_bytes()[start : start + chunk.total_compressed_size]


@pytest.mark.usefixtures("tiny_groups")
def test_row_groups_without_such_rows_are_copied_as_bytes_and_full_ones_dropped(tmp_path):
    folder = Folder(tmp_path)
    put_grouped(folder)
    old = folder.root / "x.parquet"
    before = {g: [chunk_bytes(old, g, k) for k in range(3)] for g in range(6)}
    plan = folder.plan_delete(c("n").is_between(15, 34))
    assert plan.rows_scanned == 20, "group 2 is covered, groups 1 and 3 are looked into"
    folder.delete(c("n").is_between(15, 34))
    new = folder.root / folder.files()[0]
    footer = pq.read_metadata(new)
    assert [footer.row_group(i).num_rows for i in range(footer.num_row_groups)] == [10, 10, 10, 10]
    for new_group, old_group in ((0, 0), (2, 4), (3, 5)):
        assert [chunk_bytes(new, new_group, k) for k in range(3)] == before[old_group]
    assert folder.frame()["n"].to_list() == [*range(15), *range(35, 60)]


def test_small_row_groups_are_joined(tmp_path):
    folder = Folder(tmp_path)
    put_grouped(folder)
    folder.delete(c("n") == 15)
    footer = pq.read_metadata(folder.root / folder.files()[0])
    assert [footer.row_group(i).num_rows for i in range(footer.num_row_groups)] == [59]


def test_bloom_filters_spare_the_decoding_and_come_along(tmp_path):
    folder = Folder(tmp_path)
    random = np.random.default_rng(1).permutation(2_000)
    table = pa.table({"id": random, "text": [str(n) for n in random]})
    folder.root.mkdir()
    content = encode_table(table, row_group_rows=500, bloom_columns=["id", "text"])
    (folder.root / "x.parquet").write_bytes(content)
    assert folder.plan_delete(c("text") == "no such").rows_scanned == 0
    plan = folder.plan_delete(c("id").is_in([3]))
    assert plan.rows_scanned == 500
    folder.delete(c("id") == 3)
    group = pq.read_metadata(folder.root / folder.files()[0]).row_group(0)
    assert all(group.column(k).bloom_filter_offset for k in range(2))


def test_a_plan_can_be_printed_and_sent_elsewhere(folder):
    plan = folder.plan_delete(c("sequence_num") < 3)
    text = plan.explain()
    assert text == str(plan)
    for words in ("3 rows deleted", "3 rewritten", "date=2025-11-25", "version 1"):
        assert words in text
    there = pickle.loads(pickle.dumps(plan))
    assert there == plan
    assert run_delete(folder.home, folder.disk, there).rows_deleted == 3


def test_a_plan_whose_files_have_changed_is_refused(folder):
    plan = folder.plan_delete(c("sequence_num") < 3)
    folder.delete(c("sequence_num") == 0)
    with pytest.raises(ConflictError):
        run_delete(folder.home, folder.disk, plan)
    assert 1 in folder.frame()["sequence_num"].to_list()


@pytest.mark.parametrize(("times", "retries"), [(1, 1), (2, 3), (2, 1)])
def test_a_conflict_is_planned_anew_as_often_as_is_allowed(folder, monkeypatch, times, retries):
    real = deleting.plan_delete
    interfered = []

    def plan_and_be_overtaken(*arguments):
        plan = real(*arguments)
        if len(interfered) < times:
            interfered.append(True)
            run_delete(*folder.parts[:2], real(*folder.parts, c("sequence_num") == len(interfered)))
        return plan

    monkeypatch.setattr(deleting, "plan_delete", plan_and_be_overtaken)
    if retries < times:
        with pytest.raises(ConflictError):
            folder.delete(c("sequence_num") < 5, retries=retries)
        assert len(folder.frame()) == 40 - times
    else:
        assert folder.delete(c("sequence_num") < 5, retries=retries).rows_deleted == 5 - times
        assert sorted(folder.frame()["sequence_num"]) == list(range(5, 40))


def test_all_rows_may_go(folder):
    assert folder.delete(True).rows_deleted == 40
    assert folder.files() == []
    folder.append(level2(4), "product_id", "date")
    assert len(folder.frame()) == 4


values = st.one_of(st.none(), st.integers(-3, 3))
floats = st.one_of(st.none(), st.sampled_from([float("nan"), -0.0, 0.0, 1.0, -1.5, float("inf")]))
texts = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "ä" * 20]))
row = st.tuples(values, floats, texts, st.one_of(st.none(), st.booleans()))
literals = {
    "i": st.integers(-4, 4),
    "f": st.sampled_from([float("nan"), 0.0, -1.0, 1.0, 2.0]),
    "t": st.sampled_from(["", "a", "aa", "b", "ä" * 20]),
}


@st.composite
def conditions(draw, depth: int = 2) -> pl.Expr:
    if depth and draw(st.booleans()):
        one, other = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        return draw(st.sampled_from([one & other, one | other, ~one]))
    if draw(st.integers(0, 5)) == 0:
        return c("b")
    name = draw(st.sampled_from("ift"))
    value, other = draw(literals[name]), draw(literals[name])
    column = c(name)
    return draw(
        st.sampled_from(
            [
                column == value,
                column != value,
                column < value,
                column <= value,
                value < column,
                column >= value,
                column.is_in([value, other]),
                column.is_between(pl.lit(value), pl.lit(other)),
                column.is_null(),
                column.is_not_null(),
                column.eq_missing(value),
            ]
        )
    )


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(row, min_size=1, max_size=24), conditions(), st.integers(1, 6), st.booleans())
def test_what_is_left_is_what_polars_says_is_left(tmp_path_factory, rows, predicate, size, blooms):
    kinds = {"i": pl.Int32, "f": pl.Float64, "t": pl.String, "b": pl.Boolean}
    frame = pl.DataFrame(rows, schema=kinds, orient="row").with_row_index("n")
    folder = Folder(tmp_path_factory.mktemp("any"))
    folder.root.mkdir()
    arrow = pa.table(
        frame.to_arrow().cast(
            pa.schema(
                {
                    "n": pa.int32(),
                    "i": pa.int32(),
                    "f": pa.float64(),
                    "t": pa.string(),
                    "b": pa.bool_(),
                }
            )
        )
    )
    columns = ["i", "t"] if blooms else []
    for number, start in enumerate(range(0, len(frame), 12)):
        content = encode_table(arrow.slice(start, 12), row_group_rows=size, bloom_columns=columns)
        (folder.root / f"{number}.parquet").write_bytes(content)
    wanted = frame.filter(~predicate.fill_null(value=False))["n"].to_list()
    result = folder.delete(predicate)
    found = folder.frame()["n"].to_list() if folder.files() else []
    assert sorted(found) == wanted
    assert result.rows_deleted == len(frame) - len(wanted)


def test_a_large_file_streams_in_row_groups_and_reads_alike_everywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(rewriting, "_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(rewriting, "SMALL_GROUP_ROWS", 5)
    folder = Folder(tmp_path)
    put_grouped(folder)
    folder.delete(c("n").is_in([3, 44]))
    wanted = [n for n in range(60) if n not in {3, 44}]
    path = folder.root / folder.files()[0]
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute("select n from read_parquet(?)", [str(path)]).fetchall()
    assert [n for (n,) in found] == wanted
    assert pl.read_parquet(path)["n"].to_list() == wanted
    assert pq.ParquetFile(io.BytesIO(path.read_bytes())).read()["n"].to_pylist() == wanted


def test_a_file_behind_a_link_is_left_where_it_is(folder, tmp_path):
    """The link leaves the dataset as a file would; what it points to belongs to somebody else."""
    elsewhere = tmp_path / "elsewhere.parquet"
    level2().head(3).write_parquet(elsewhere)
    place = folder.root / folder.files()[0]
    (place.parent / "linked.parquet").symlink_to(elsewhere)
    before = len(folder.frame())
    assert folder.delete(c("sequence_num") == level2()["sequence_num"][1]).rows_deleted == 2
    assert len(folder.frame()) == before - 2
    assert len(pl.read_parquet(elsewhere)) == 3
