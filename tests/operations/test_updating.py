"""Update: the rows of which the predicate is true get new values, all else keeps its bytes."""

from __future__ import annotations

import datetime as dt
import pickle

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.folders import Folder, level2
from operations.test_deleting import NASTY, chunk_bytes, conditions, row
from parquetry.errors import (
    ConflictError,
    ParameterError,
    SchemaMismatchError,
    UnknownColumnError,
)
from parquetry.files.encoding import encode_table
from parquetry.operations import rewriting
from parquetry.operations.update_plan import plan_update
from parquetry.operations.updating import run_update, update

c = pl.col


@pytest.fixture
def folder(tmp_path) -> Folder:
    made = Folder(tmp_path)
    made.append(level2(), "product_id", "date")
    return made


def changed(folder: Folder, *arguments, **options):
    return update(*folder.parts, *arguments, **options)


def test_a_literal_and_expressions_are_set(folder):
    assert changed(folder, c("side") == "offer", {"side": "ask"}).rows_updated == 13
    assert set(folder.frame()["side"]) == {"bid", "ask", None}
    result = changed(
        folder,
        c("spread").is_null(),
        {"spread": c("best_ask") - c("best_bid"), "spread_bps": c("spread_bps") / 2},
    )
    wanted = level2().with_columns(
        side=c("side").replace({"offer": "ask"}),
        spread_bps=pl.when(c("spread").is_null()).then(c("spread_bps") / 2).otherwise("spread_bps"),
        spread=c("spread").fill_null(c("best_ask") - c("best_bid")),
    )
    assert folder.frame().sort("sequence_num").equals(wanted)
    assert result.rows_updated == 10


def test_all_new_values_are_computed_from_the_row_as_it_was(folder):
    changed(folder, True, {"best_bid": c("best_ask"), "best_ask": c("best_bid")})
    old = level2()
    found = folder.frame().sort("sequence_num")
    assert found["best_bid"].to_list() == old["best_ask"].to_list()
    assert found["best_ask"].to_list() == old["best_bid"].to_list()


def test_a_row_that_has_the_values_already_is_not_counted_and_not_written(folder):
    changed(folder, c("side") == "bid", {"spread": None, "spread_bps": float("nan")})
    before = folder.snapshot()
    again = changed(folder, c("side") == "bid", {"spread": None, "spread_bps": float("nan")})
    assert (again.rows_updated, again.version) == (0, None)
    assert folder.snapshot() == before
    one = changed(folder, c("sequence_num") <= 3, {"side": "bid"})
    assert one.rows_updated == 2
    assert one.files_before == 2


def test_a_row_whose_predicate_is_null_keeps_its_values(folder):
    changed(folder, c("side") != "bid", {"spread_bps": -1.0})
    found = folder.frame().filter(c("spread_bps") == -1.0)
    assert set(found["side"]) == {"offer"}


def test_new_values_are_computed_only_for_the_rows_that_get_them(tmp_path):
    folder = Folder(tmp_path)
    folder.append(pl.DataFrame({"text": ["1", "x", "3"], "n": [0, 0, 0]}))
    assert changed(folder, c("text") != "x", {"n": c("text").cast(pl.Int64)}).rows_updated == 2
    assert folder.frame()["n"].to_list() == [1, 0, 3]


def test_a_changed_partition_value_moves_the_row(folder):
    result = changed(folder, c("sequence_num") < 3, {"date": "2025-12-01", "side": "moved"})
    assert (result.rows_updated, result.rows_deleted, result.rows_inserted) == (3, 0, 0)
    there = {path.rsplit("/", 1)[0] for path in folder.files() if "2025-12-01" in path}
    assert there == {f"product_id={p}-USD/date=2025-12-01" for p in ("BTC", "ETH")}
    wanted = level2().with_columns(
        date=pl.when(c("sequence_num") < 3).then(pl.lit("2025-12-01")).otherwise("date"),
        side=pl.when(c("sequence_num") < 3).then(pl.lit("moved")).otherwise("side"),
    )
    assert folder.frame().sort("sequence_num").select(wanted.columns).equals(wanted)
    assert all(
        folder.table(path)["date"].unique().to_pylist() == [path.split("date=")[1][:10]]
        for path in folder.files()
    )


def test_a_partition_can_move_whole_and_to_null(folder):
    result = changed(folder, c("date") == "2025-11-25", {"date": None})
    assert result.rows_updated == 20
    assert len([p for p in folder.files() if "__HIVE_DEFAULT_PARTITION__" in p]) == 2
    assert not [p for p in folder.files() if "2025-11-25" in p]
    assert folder.frame()["date"].null_count() == 20


def test_rows_move_between_folders_whose_names_alone_say_the_key(tmp_path):
    folder = Folder(tmp_path)
    folder.put("date=2025-11-25/x.parquet", pl.DataFrame({"v": [1, 2]}))
    assert changed(folder, c("v") == 2, {"date": "2025-11-26", "v": 3}).rows_updated == 1
    assert changed(folder, c("v") == 3, {"date": dt.date(2025, 11, 26)}).rows_updated == 0
    new = next(path for path in folder.files() if path.startswith("date=2025-11-26/"))
    assert folder.table(new).to_pydict() == {"v": [3]}
    assert len(folder.frame()) == 2


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        ({"sequence_num": 1.5}, SchemaMismatchError, "not every value fits"),
        ({"sequence_num": "7"}, SchemaMismatchError, "not read as the other"),
        ({"sequence_num": 2**70}, (SchemaMismatchError, ParameterError), "sequence_num"),
        ({"sequnce_num": 1}, UnknownColumnError, "Did you mean 'sequence_num'"),
        ({"side": c("sied")}, UnknownColumnError, "Did you mean 'side'"),
        ({"side": c("side").shift(1)}, ParameterError, "depends on other rows"),
        ({"spread": c("spread").mean()}, ParameterError, "depends on other rows"),
        ({"side": pl.col("side", "date")}, ParameterError, "2 columns"),
        ({"side": c("side") - 1}, SchemaMismatchError, "cannot be evaluated"),
        ({}, ParameterError, "nothing to set"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_changes(folder, values, kind, text):
    before = folder.snapshot()
    with pytest.raises(kind, match=text):
        changed(folder, True, values)
    assert folder.snapshot() == before


def test_a_value_is_stored_in_the_type_of_its_column(tmp_path):
    folder = Folder(tmp_path)
    kinds = {"small": pa.int8(), "price": pa.decimal128(10, 2), "at": pa.timestamp("ms", "UTC")}
    folder.put("x.parquet", pa.table({name: pa.nulls(2, kind) for name, kind in kinds.items()}))
    moment = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    changed(folder, True, {"small": 7.0, "price": 3, "at": moment})
    table = folder.table(folder.files()[0])
    assert {f.name: f.type for f in table.schema} == kinds
    assert table["at"].to_pylist() == [moment] * 2
    with pytest.raises(SchemaMismatchError):
        changed(folder, True, {"small": 300})


def test_a_narrower_file_is_widened_where_a_value_needs_it(tmp_path):
    folder = Folder(tmp_path)
    folder.put("a.parquet", pa.table({"k": pa.array([1, 2], pa.int32())}))
    folder.put("b.parquet", pa.table({"k": pa.array([3], pa.int64())}))
    changed(folder, c("k") == 1, {"k": 2**40})
    assert sorted(folder.frame()["k"]) == [2, 3, 2**40]


def test_a_column_that_a_file_lacks_is_added_to_it(tmp_path):
    folder = Folder(tmp_path)
    folder.put("a.parquet", pa.table({"k": [1, 2]}))
    folder.put("b.parquet", pa.table({"k": [3], "extra": ["x"]}))
    changed(folder, c("k") == 2, {"extra": "y"})
    assert sorted(folder.frame().rows(), key=str) == [(1, None), (2, "y"), (3, "x")]


def test_required_columns_can_become_null(tmp_path):
    folder = Folder(tmp_path)
    schema = pa.schema([pa.field("k", pa.int64(), nullable=False)])
    folder.put("a.parquet", pa.table({"k": [1, 2]}, schema=schema))
    changed(folder, c("k") == 2, {"k": None})
    assert folder.frame()["k"].to_list() == [1, None]


GROUPS, ROWS = 4, 10


def grouped() -> pa.Table:
    total = GROUPS * ROWS
    return pa.table(
        {
            "n": list(range(total)),
            "text": [f"row {n}" for n in range(total)],
            "f": [float(n) for n in range(total)],
            "nested": [[{"x": n}] for n in range(total)],
        }
    )


def test_columns_and_row_groups_that_are_not_set_are_copied_as_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(rewriting, "SMALL_GROUP_ROWS", 5)
    folder = Folder(tmp_path)
    folder.root.mkdir()
    old = folder.root / "x.parquet"
    old.write_bytes(encode_table(grouped(), row_group_rows=ROWS, bloom_columns=["n", "text"]))
    before = [[chunk_bytes(old, g, k) for k in range(4)] for g in range(GROUPS)]
    changed(folder, c("n").is_in([12, 35]), {"f": float("nan"), "text": "new"})
    new = folder.root / folder.files()[0]
    after = [[chunk_bytes(new, g, k) for k in range(4)] for g in range(GROUPS)]
    assert [after[g] == before[g] for g in range(GROUPS)] == [True, False, True, False]
    assert [after[g][0] == before[g][0] and after[g][3] == before[g][3] for g in (1, 3)] == [
        True
    ] * 2
    footer = pq.read_metadata(new)
    assert all(footer.row_group(g).column(1).bloom_filter_offset for g in range(GROUPS))
    assert (
        footer.row_group(1).column(2).statistics is None
        or not footer.row_group(1).column(2).statistics.has_min_max
    )
    found = folder.frame()
    assert found["text"].to_list()[12] == "new"
    assert found["nested"].to_list() == grouped()["nested"].to_pylist()
    assert changed(folder, c("f").is_nan(), {"f": 0.0}).rows_updated == 2


def test_all_other_types_keep_their_values(tmp_path):
    folder = Folder(tmp_path)
    folder.put("x.parquet", NASTY)
    changed(folder, c("n") == 1, {"required": 9})
    found = folder.table(folder.files()[0])
    assert found.drop_columns("required").equals(NASTY.drop_columns("required"))
    assert found["required"].to_pylist() == [1, 9, 3, 4]


@pytest.mark.parametrize("name", ["category", "stamp", "time", "duration", "fixed", "decimal"])
def test_columns_of_many_types_can_be_set_to_what_they_hold_elsewhere(tmp_path, name):
    folder = Folder(tmp_path)
    folder.put("x.parquet", NASTY)
    if name == "fixed":
        changed(folder, c("n") == 1, {name: b"zz"})
        assert folder.table(folder.files()[0])[name].to_pylist()[1] == b"zz"
        return
    assert changed(folder, c("n") == 3, {name: None}).rows_updated == 1
    found = folder.table(folder.files()[0])
    assert found[name].to_pylist()[3] is None
    assert found.slice(0, 3).equals(NASTY.slice(0, 3))


def test_a_plan_is_sent_elsewhere_and_carried_out_there(folder):
    plan = plan_update(*folder.parts, c("sequence_num") < 4, {"date": "2026-01-01", "side": "x"})
    assert "4 rows updated" in plan.explain()
    there = pickle.loads(pickle.dumps(plan))
    result = run_update(folder.home, folder.disk, there)
    assert (result.rows_updated, result.files_after) == (4, plan.new_files)
    with pytest.raises(ConflictError):
        run_update(folder.home, folder.disk, there)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(row, min_size=1, max_size=24),
    conditions(),
    st.integers(1, 6),
    st.sampled_from(
        [
            {"i": c("i") + 1},
            {"f": None, "t": "new"},
            {"t": c("t") + "!", "i": 3},
            {"b": ~c("b"), "f": c("i").cast(pl.Float64)},
        ]
    ),
)
def test_the_rows_are_what_polars_says_they_become(tmp_path_factory, rows, predicate, size, values):
    kinds = {"i": pl.Int64, "f": pl.Float64, "t": pl.String, "b": pl.Boolean}
    frame = pl.DataFrame(rows, schema=kinds, orient="row").with_row_index("n")
    folder = Folder(tmp_path_factory.mktemp("any"))
    folder.root.mkdir()
    content = encode_table(pa.table(frame.to_arrow()), row_group_rows=size)
    (folder.root / "x.parquet").write_bytes(content)
    wanted = frame.with_columns(
        pl.when(predicate.fill_null(value=False))
        .then(value if isinstance(value, pl.Expr) else pl.lit(value))
        .otherwise(c(name))
        .alias(name)
        for name, value in values.items()
    )
    rewriting.SMALL_GROUP_ROWS, usual = len(rows) % 8, rewriting.SMALL_GROUP_ROWS
    try:
        result = changed(folder, predicate, values)
    finally:
        rewriting.SMALL_GROUP_ROWS = usual
    assert folder.frame().equals(wanted)
    differs = pl.any_horizontal(c(n).ne_missing(c(f"{n}_2")) for n in values)
    both = frame.join(wanted, on="n", suffix="_2")
    assert result.rows_updated == both.select(differs.sum()).item()
