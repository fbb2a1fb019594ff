"""Upsert: rows are found by their keys wherever they stand; the others are inserted."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.folders import Folder, level2
from operations.test_deleting import NASTY, chunk_bytes
from parquetry.errors import (
    ConflictError,
    KeyViolationError,
    LayoutError,
    ParameterError,
    SchemaMismatchError,
    UnknownColumnError,
)
from parquetry.files.encoding import encode_table
from parquetry.files.splicing import Source
from parquetry.files.splicing.extending import MOST_PAGES
from parquetry.files.splicing.fields import OffsetIndex
from parquetry.files.splicing.indexes import read_page_index
from parquetry.files.splicing.thrift import decode_struct
from parquetry.operations import rewriting
from parquetry.operations.upsert_plan import plan_upsert
from parquetry.operations.upserting import run_upsert, upsert

c = pl.col
KEYS = ["product_id", "trade_id"]


@pytest.fixture
def folder(tmp_path) -> Folder:
    made = Folder(tmp_path)
    made.append(level2(), "product_id", "date")
    return made


def put(folder: Folder, rows, keys=KEYS, **options):
    return upsert(*folder.parts, rows, keys, **options)


def test_rows_that_are_there_are_updated_and_the_others_inserted(folder):
    new = level2(44).tail(6).with_columns(best_bid=0.5)
    result = put(folder, new)
    assert (result.rows_updated, result.rows_inserted, result.rows_deleted) == (2, 4, 0)
    assert folder.frame().sort("sequence_num").equals(pl.concat([level2(38), new]))


def test_an_identical_row_is_not_counted_and_rewrites_nothing(folder):
    before = folder.snapshot()
    result = put(folder, level2().reverse())
    assert (result.rows_updated, result.rows_inserted, result.version) == (0, 0, None)
    assert folder.snapshot() == before
    one = put(
        folder,
        level2().with_columns(
            side=pl.when(c("sequence_num") == 5).then(pl.lit("x")).otherwise("side")
        ),
    )
    assert (one.rows_updated, one.files_before, one.files_after) == (1, 1, 1)


def test_an_empty_source_writes_nothing(folder):
    before = folder.snapshot()
    for empty in (level2(0), pl.DataFrame(schema={"product_id": pl.String, "trade_id": pl.String})):
        assert put(folder, empty).version is None
    assert folder.snapshot() == before


def test_only_update_columns_change_in_rows_that_are_there(folder):
    new = level2(42).with_columns(best_bid=0.5, best_ask=0.25, side=pl.lit("new"))
    result = put(folder, new, update_columns=["best_bid"])
    assert (result.rows_updated, result.rows_inserted) == (40, 2)
    wanted = pl.concat([level2().with_columns(best_bid=0.5), new.tail(2)])
    assert folder.frame().sort("sequence_num").equals(wanted)


def test_no_update_columns_insert_only(folder):
    result = put(folder, level2(41).with_columns(best_bid=0.5), update_columns=[])
    assert (result.rows_updated, result.rows_inserted) == (0, 1)


def test_columns_match_by_name(folder):
    columns = level2().columns
    result = put(folder, level2(41).with_columns(best_bid=0.5).select(columns[::-1]))
    assert (result.rows_updated, result.rows_inserted) == (40, 1)
    assert folder.frame()["best_bid"].to_list() == [0.5] * 41


def test_a_missing_column_keeps_its_value_and_is_null_in_inserted_rows(folder):
    new = level2(41).tail(2).drop("side", "spread").with_columns(best_bid=0.5)
    put(folder, new)
    found = folder.frame().sort("sequence_num").tail(2).select("side", "spread", "best_bid")
    assert found.rows() == [("bid", 40.0, 0.5), (None, None, 0.5)]
    assert pl.scan_parquet(folder.root / "**/*.parquet").select("side").collect().height == 41


def test_a_column_that_is_new_is_an_error_unless_the_schema_may_grow(folder):
    new = level2(41).tail(2).with_columns(venue=pl.lit("x"))
    before = folder.snapshot()
    with pytest.raises(SchemaMismatchError, match=r"'venue'.*evolve"):
        put(folder, new)
    assert folder.snapshot() == before
    result = put(folder, new, evolve=True)
    assert (result.rows_updated, result.rows_inserted) == (1, 1)
    assert Counter(folder.frame()["venue"]) == {None: 39, "x": 2}
    assert "venue" in folder.source.schema().names


def test_a_row_whose_partition_changes_moves(folder):
    new = level2().head(3).with_columns(date=pl.lit("2030-01-01"))
    result = put(folder, new, ["trade_id"])
    assert (result.rows_updated, result.rows_inserted, result.rows_deleted) == (3, 0, 0)
    found = folder.frame().sort("sequence_num").select(new.columns)
    assert found.equals(pl.concat([new, level2().tail(37)]))
    put(folder, new.with_columns(date=pl.lit(None, pl.String)), ["trade_id"])
    assert folder.frame()["date"].null_count() == 3
    assert len(folder.frame()) == 40


def test_a_row_stays_where_it_is_if_its_partition_is_not_to_be_updated(folder):
    new = level2().head(3).with_columns(date=pl.lit("2030-01-01"), best_bid=0.5)
    put(folder, new, ["trade_id"], update_columns=["best_bid"])
    assert set(folder.frame()["date"]) == {"2025-11-25", "2025-11-26"}
    assert folder.frame()["best_bid"].to_list().count(0.5) == 3


@pytest.mark.parametrize(
    ("spoil", "keys", "kind", "text"),
    [
        (
            lambda f: f.with_columns(trade_id=pl.when(c("trade_id") == "38").then("trade_id")),
            KEYS,
            KeyViolationError,
            r"'trade_id' is NULL in 3 .* rows 0, 1, 3",
        ),
        (
            lambda f: pl.concat([f, f.tail(1)]),
            KEYS,
            KeyViolationError,
            "trade_id='39' in the rows 3, 4",
        ),
        (
            lambda f: pl.concat(
                [
                    f,
                    f.tail(1).with_columns(trade_id=pl.lit("new")),
                    f.tail(1).with_columns(trade_id=pl.lit("new")),
                ]
            ),
            KEYS,
            KeyViolationError,
            "rows 4, 5",
        ),
        (lambda f: f, ["best_bid"], KeyViolationError, "floats are no keys"),
        (lambda f: f.with_columns(best_bid=float("nan")), ["best_bid"], KeyViolationError, "NaN"),
        (lambda f: f, ["trade_di"], UnknownColumnError, "Did you mean 'trade_id'"),
        (lambda f: f.drop("trade_id"), KEYS, UnknownColumnError, "trade_id"),
        (lambda f: f, [], ParameterError, "needs key columns"),
        (lambda f: f, ["trade_id", "trade_id"], ParameterError, "each once"),
        (lambda f: f.with_columns(sequence_num=1.5), KEYS, SchemaMismatchError, "sequence_num"),
        (
            lambda f: f.with_columns(sequence_num=pl.lit("7")),
            KEYS,
            SchemaMismatchError,
            "sequence_num",
        ),
        (
            lambda f: f.drop("date").with_columns(trade_id="x" + c("trade_id")),
            KEYS,
            SchemaMismatchError,
            "lack 'date'",
        ),
        (lambda f: f.with_columns(date=pl.lit("x" * 300)), KEYS, LayoutError, "shorter"),
    ],
)
def test_rows_that_cannot_be_keyed_or_stored_are_refused_and_nothing_changes(
    folder, spoil, keys, kind, text
):
    before = folder.snapshot()
    with pytest.raises(kind, match=text) as caught:
        put(folder, spoil(level2().tail(4)), keys)
    assert caught.value.outcome == "unchanged"
    assert folder.snapshot() == before


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"update_columns": ["bset_bid"]}, UnknownColumnError),
        ({"update_columns": ["trade_id"]}, ParameterError),
        ({"on_duplicate_target": "ignore"}, ParameterError),
        ({"partition_by": ["date"]}, LayoutError),
    ],
)
def test_options_that_cannot_be_are_refused(folder, options, kind):
    with pytest.raises(kind):
        put(folder, level2(2), **options)


def test_casts_that_lose_nothing_are_made(folder):
    new = (
        level2(41)
        .tail(2)
        .with_columns(
            c("sequence_num").cast(pl.Float64), c("side").cast(pl.Categorical), best_bid=7
        )
    )
    assert put(folder, new).rows_inserted == 1
    assert folder.frame()["sequence_num"].dtype == pl.Int64


def test_a_key_that_stands_twice_in_the_dataset_is_an_error(folder):
    folder.append(level2(4).with_columns(date=pl.lit("2025-12-01")), "product_id", "date")
    before = folder.snapshot()
    with pytest.raises(KeyViolationError, match=r"4 keys .* 'update_all'"):
        put(folder, level2(10).with_columns(best_bid=0.5))
    assert folder.snapshot() == before
    assert put(folder, level2(10).tail(6).with_columns(best_bid=0.5)).rows_updated == 6


def test_all_rows_of_a_key_can_be_updated(folder):
    folder.append(level2(4), "product_id", "date")
    result = put(folder, level2(5).with_columns(best_bid=0.5), on_duplicate_target="update_all")
    assert (result.rows_updated, result.rows_deleted) == (9, 0)
    assert folder.frame()["best_bid"].to_list().count(0.5) == 9


def test_one_row_can_take_the_place_of_all_rows_of_a_key(folder):
    folder.append(level2(4).with_columns(date=pl.lit("2025-12-01")), "product_id", "date")
    folder.append(level2(2), "product_id", "date")
    result = put(folder, level2(5), on_duplicate_target="replace")
    assert (result.rows_updated, result.rows_deleted) == (0, 6), "the rows as wanted are kept"
    assert folder.frame().sort("sequence_num").equals(level2())
    folder.append(level2(4), "product_id", "date")
    new = level2(5).with_columns(best_bid=0.5, date=pl.lit("2031-01-01"))
    result = put(folder, new, on_duplicate_target="replace")
    assert (result.rows_updated, result.rows_deleted) == (5, 4)
    assert (
        folder.frame()
        .sort("sequence_num")
        .select(new.columns)
        .equals(pl.concat([new, level2().tail(35)]))
    )


def test_a_dataset_is_made_by_the_first_upsert(tmp_path):
    folder = Folder(tmp_path)
    result = put(folder, level2(), partition_by=["product_id", "date"])
    assert (result.rows_inserted, result.version) == (40, 1)
    assert list(folder.source.keys()) == ["product_id", "date"]
    assert put(folder, level2(41)).rows_inserted == 1
    alone = Folder(tmp_path / "alone")
    put(alone, [{"k": 1, "v": "a"}], ["k"])
    put(alone, [{"k": 1, "v": "b"}, {"k": 2, "v": "c"}], ["k"])
    assert sorted(alone.frame().rows()) == [(1, "b"), (2, "c")]


def test_folders_whose_names_alone_say_the_key_stay_so(tmp_path):
    folder = Folder(tmp_path)
    for day in (25, 26):
        folder.put(f"date=2025-11-{day}/x.parquet", pl.DataFrame({"k": [day, day + 100], "v": 0}))
    import datetime as dt

    day = dt.date(2025, 11, 26)
    new = pl.DataFrame({"k": [25, 126, 7], "v": [1, 2, 3], "date": [day] * 3})
    result = put(folder, new, ["k"])
    assert (result.rows_updated, result.rows_inserted) == (2, 1)
    assert all("date" not in folder.table(path).column_names for path in folder.files())
    found = {
        path.split("/")[0]: sorted(folder.table(path)["k"].to_pylist())
        for path in folder.files()
        if path.startswith("date=2025-11-25")
    }
    assert found == {"date=2025-11-25": [125]}
    assert sorted(folder.frame()["k"]) == [7, 25, 26, 125, 126]


def test_a_key_of_whole_partitions_needs_no_other_column(tmp_path):
    folder = Folder(tmp_path)
    folder.append(pl.DataFrame({"day": ["a", "b"], "v": [1, 2]}), "day")
    result = put(folder, pl.DataFrame({"day": ["b", "c"], "v": [5, 6]}), ["day"])
    assert (result.rows_updated, result.rows_inserted) == (1, 1)
    assert sorted(folder.frame().rows()) == [("a", 1), ("b", 5), ("c", 6)]


def test_folders_bounds_and_bloom_filters_spare_the_decoding(tmp_path):
    folder = Folder(tmp_path)
    ids = np.random.default_rng(1).permutation(4_000)
    for product in range(2):
        table = pa.table({"product": [product] * 2000, "id": ids[product::2], "v": [0] * 2000})
        path = folder.root / f"product={product}" / "x.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_table(table, row_group_rows=500, bloom_columns=["id"]))
    new = pl.DataFrame({"product": [1], "id": [int(ids[1])], "v": [9]})
    plan = plan_upsert(*folder.parts, new, ["product", "id"])
    assert plan.rows_scanned <= 1000
    assert (
        plan_upsert(*folder.parts, new.with_columns(id=9_999), ["product", "id"]).rows_scanned == 0
    )
    assert put(folder, new, ["product", "id"]).rows_updated == 1
    assert folder.frame().filter(c("v") == 9)["id"].to_list() == [ids[1]]


def test_files_that_came_meanwhile_where_the_key_can_stand_are_a_conflict(folder):
    plan = plan_upsert(*folder.parts, level2(42), KEYS)
    folder.append(level2(2).with_columns(product_id=pl.lit("SOL-USD")), "product_id", "date")
    other = plan_upsert(*folder.parts, level2(43), KEYS)
    assert run_upsert(*folder.parts[:2], plan).rows_inserted == 2, "no key of these stands there"
    with pytest.raises(ConflictError):
        run_upsert(*folder.parts[:2], other)
    assert len(folder.frame()) == 44


def test_a_key_without_the_outer_partition_closes_the_whole_dataset(folder):
    plan = plan_upsert(*folder.parts, level2(42), ["trade_id"])
    folder.append(level2(42).tail(1).with_columns(date=pl.lit("2031-01-01")), "product_id", "date")
    with pytest.raises(ConflictError):
        run_upsert(*folder.parts[:2], plan)
    assert put(folder, level2(42), ["trade_id"]).rows_inserted == 1
    assert folder.frame()["trade_id"].is_unique().all()


def test_a_plan_says_what_the_run_then_does(folder):
    new = level2(44).with_columns(best_bid=0.5, date=pl.lit("2025-11-26"))
    plan = plan_upsert(*folder.parts, new, KEYS)
    predicted = put(folder, new, dry_run=True).to_dict()
    done = run_upsert(*folder.parts[:2], pickle.loads(pickle.dumps(plan))).to_dict()
    told = {"dry_run", "version", "bytes_after"}
    assert {k: v for k, v in predicted.items() if k not in told} == {
        k: v for k, v in done.items() if k not in told
    }
    assert "rows updated" in str(plan)


def test_new_rows_come_to_a_file_that_is_written_anyway(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    schema = pa.schema(
        [pa.field("k", pa.int64(), nullable=False), ("v", pa.int64()), ("t", pa.string())]
    )
    table = pa.table({"k": list(range(20)), "v": [0] * 20, "t": ["x"] * 20}, schema=schema)
    folder.put("x.parquet", table, row_group_size=10)
    for small in (5, 100):
        monkeypatch.setattr(rewriting, "SMALL_GROUP_ROWS", small)
        result = put(folder, [{"k": 15, "v": small}, {"k": 100 + small, "v": 9}], ["k"])
        assert (result.rows_updated, result.rows_inserted, result.files_after) == (1, 1, 1)
    found = {row["k"]: (row["v"], row["t"]) for row in folder.table(folder.files()[0]).to_pylist()}
    assert len(found) == 22
    assert (found[15], found[105], found[200]) == ((100, "x"), (9, None), (9, None))


def test_only_the_columns_that_differ_are_encoded_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(rewriting, "SMALL_GROUP_ROWS", 5)
    folder = Folder(tmp_path)
    folder.put("x.parquet", pa.table({"k": [1, 2] * 5, "n": range(10), "t": ["x"] * 10}))
    before = [chunk_bytes(folder.root / "x.parquet", 0, k) for k in range(3)]
    new = pl.DataFrame({"k": [1], "n": [4], "t": ["other"]})
    assert put(folder, new, ["n"]).rows_updated == 1
    new_path = folder.root / folder.files()[0]
    same = [chunk_bytes(new_path, 0, k) == before[k] for k in range(3)]
    assert same == [True, True, False]


@pytest.mark.parametrize(
    "kind",
    [
        pl.Int8(),
        pl.UInt64(),
        pl.String(),
        pl.Binary(),
        pl.Date(),
        pl.Time(),
        pl.Datetime("ns"),
        pl.Datetime("us", "UTC"),
        pl.Decimal(10, 2),
    ],
    ids=str,
)
@pytest.mark.parametrize("keys", [["key"], ["part", "key"], ["key", "other"], ["other", "key"]])
def test_keys_of_every_type_are_found_in_files_that_are_looked_into_together(tmp_path, kind, keys):
    """Two parts hold the same keys where they are told apart by something else."""
    numbers = pl.Series("key", range(20))
    made = numbers.cast(pl.String).cast(kind) if kind == pl.Binary else numbers.cast(kind)
    parts = [
        pl.DataFrame({"part": part, "other": part, "key": made, "value": 0.0}).filter(
            pl.lit(len(keys) > 1) | (numbers % 3 == place)
        )
        for place, part in enumerate("abc")
    ]
    folder = Folder(tmp_path)
    for part in parts:
        for start in range(0, len(part), 7):
            folder.append(part[start : start + 7], "part")
    rows = pl.concat(parts)
    new = rows.filter(pl.col("key").is_in(made.filter(numbers % 4 == 1).implode()))
    result = put(folder, new.with_columns(value=1.0), keys)
    assert (result.rows_updated, result.rows_inserted) == (len(new), 0)
    wanted = rows.join(new, on=["part", "key"], how="anti")
    order = ["part", "key"]
    assert (
        folder.frame()
        .select(rows.columns)
        .sort(order)
        .equals(pl.concat([wanted, new.with_columns(value=1.0)]).sort(order))
    )


def test_nested_and_other_types_are_compared_and_stored(tmp_path):
    folder = Folder(tmp_path)
    table = NASTY.drop_columns(["wide", "half"])
    folder.put("x.parquet", table)
    assert put(folder, table, ["n"]).version is None
    new = table.slice(1, 2).set_column(3, "nested", pa.array([[{"x": 5}], None]))
    result = put(folder, new, ["n"])
    assert result.rows_updated == 2
    assert folder.table(folder.files()[0])["nested"].to_pylist()[1:3] == [[{"x": 5}], None]


rows_of = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 3))),
    max_size=12,
    unique_by=lambda row: row[0],
)
schema = {"k": pl.Int64, "day": pl.String, "v": pl.Int64}


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows_of, st.lists(rows_of, min_size=1, max_size=3), st.booleans())
def test_the_rows_are_what_a_dictionary_says(tmp_path_factory, old, batches, by_day):
    folder = Folder(tmp_path_factory.mktemp("any"))
    model = {row[0]: row for row in old}
    if old:
        folder.append(pl.DataFrame(old, schema, orient="row"), "day")
    for batch in batches:
        new = {row[0]: row for row in batch}
        result = put(folder, pl.DataFrame(batch, schema, orient="row"), ["k"], partition_by=["day"])
        assert result.rows_inserted == len(new.keys() - model.keys())
        assert result.rows_updated == sum(model[k] != new[k] for k in new.keys() & model.keys())
        model |= new
        assert folder.rows("k", "day", "v") == Counter(model.values()) if model else True


def readings(start: int, rows: int) -> pl.DataFrame:
    """Rows of which a file is large enough for a page index."""
    each = np.arange(start, start + rows)
    return pl.DataFrame(
        {
            "id": each,
            "day": pl.repeat("d", rows, eager=True),
            "kind": pl.Series(each % 3).replace_strict({0: "a", 1: "b", 2: None}),
            "value": each / 7,
            "note": [f"note {n}" for n in each],
        }
    )


def test_rows_that_come_stand_as_pages_behind_those_of_the_row_group(tmp_path):
    folder = Folder(tmp_path)
    folder.append(readings(0, 20_000), "day")
    (old,) = folder.files()
    before = [chunk_bytes(folder.root / old, 0, number) for number in range(5)]
    changed = readings(500, 1).with_columns(value=-1.0)
    put(folder, pl.concat([changed, readings(20_000, 3)]), ["id"])
    (new,) = folder.files()
    assert new != old
    assert pq.read_metadata(folder.root / new).num_row_groups == 1
    after = [chunk_bytes(folder.root / new, 0, number) for number in range(5)]
    kept = [a.startswith(b) and len(a) > len(b) for a, b in zip(after, before, strict=True)]
    assert kept == [True, True, True, False, True], "only `value` was encoded anew"
    expected = readings(0, 20_003).with_columns(
        value=pl.when(c("id") == 500).then(-1.0).otherwise("value")
    )
    assert folder.frame().equals(expected)
    assert folder.frame().filter(id=20_002).equals(readings(20_002, 1))


def test_pages_of_many_upserts_do_not_pile_up(tmp_path):
    folder = Folder(tmp_path)
    folder.append(readings(0, 10_000), "day")
    most = 0
    for turn in range(20):
        changed = readings(turn, 1).with_columns(value=-1.0)
        put(folder, pl.concat([changed, readings(10_000 + turn, 1)]), ["id"])
        (path,) = folder.files()
        with Source.open(folder.root / path) as source:
            (group,) = source.footer.row_groups
            index = read_page_index(source, group.chunks[0], 0, with_bounds=False)
            pages = decode_struct(index.offsets, {OffsetIndex.PAGE_LOCATIONS: {}})
            most = max(most, len(pages.structs(OffsetIndex.PAGE_LOCATIONS)))
    assert most == MOST_PAGES, "then all of them are encoded as one"
    expected = readings(0, 10_020).with_columns(
        value=pl.when(c("id") < 20).then(-1.0).otherwise("value")
    )
    assert folder.frame().sort("id").equals(expected)


def test_a_delete_leaves_nothing_of_a_row_that_came_as_a_page(tmp_path):
    folder = Folder(tmp_path)
    folder.append(readings(0, 10_000), "day")
    secret = readings(10_000, 1).with_columns(kind=pl.lit("secret"))
    put(folder, pl.concat([readings(1, 1).with_columns(value=-1.0), secret]), ["id"])
    folder.delete(c("kind") == "secret")
    (path,) = folder.files()
    assert b"secret" not in (folder.root / path).read_bytes()
    assert folder.frame().get_column("kind").null_count() == 3333
    assert len(folder.frame()) == 10_000
