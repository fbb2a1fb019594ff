"""Appends of many rows in one call: batch by batch, and still one call with one key."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from parquetry import Store
from parquetry.errors import KeyViolationError, ParameterError, SchemaMismatchError
from parquetry.tables import TableSchema, arriving_keys, batches, column
from parquetry.tables.batches import row_batches
from parquetry.tables.content import content_hash, hash_frame

SCORES = TableSchema(
    "scores",
    columns=(
        column("run_id", "string"),
        column("step", "int64", at_least=0),
        column("value", "float32"),
    ),
    primary_key=("run_id", "step"),
    partition_by=("run_id",),
    sort_by=("step",),
)


def scores(start: int, stop: int, run: str = "a") -> pl.DataFrame:
    steps = pl.int_range(start, stop, eager=True)
    return pl.DataFrame({"run_id": [run] * len(steps), "step": steps}).with_columns(
        value=pl.lit(0.5, dtype=pl.Float32)
    )


@pytest.fixture(params=["keys in memory", "keys in the staged files"])
def dataset(request, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ROWS", 100)
    if request.param == "keys in the staged files":
        monkeypatch.setattr(arriving_keys, "_KEPT_ROWS", 150)
    return Store(tmp_path).create_dataset("scores", SCORES)


def contents(dataset) -> set[str]:
    return {str(path) for path in Path(dataset.path).parent.rglob("*.parquet")}


def test_many_batches_are_one_commit_with_all_rows(dataset):
    rows = scores(0, 950)
    record = dataset.append(rows)
    assert record.rows_added == 950
    assert len(dataset.history()) == 1
    assert content_hash(dataset.files()) == hash_frame(rows)


@pytest.mark.parametrize("where", [(0, 900), (99, 100), (450, 949)], ids=str)
def test_a_key_twice_in_different_batches_is_refused(dataset, where):
    one, other = where
    rows = scores(0, 950).with_columns(
        step=pl.when(pl.col("step") == other).then(one).otherwise("step")
    )
    dataset.append(scores(2000, 2001))
    before = contents(dataset)
    with pytest.raises(KeyViolationError, match="2 of these 950 rows share 1 keys") as caught:
        dataset.append(rows)
    assert f"step={one})" in str(caught.value)
    assert contents(dataset) == before


def test_a_key_that_the_dataset_has_is_found_in_any_batch(dataset):
    dataset.append(pl.concat([scores(5, 6), scores(440, 450), scores(0, 900, "b")]))
    before = contents(dataset)
    with pytest.raises(KeyViolationError, match="11 of these rows have a key that scores@1"):
        dataset.append(scores(0, 950))
    assert contents(dataset) == before
    dataset.append(scores(0, 950, "c"))
    assert dataset.count() == 11 + 900 + 950


def test_a_bad_row_in_a_later_batch_is_named_by_its_number(dataset):
    rows = scores(0, 950).with_columns(
        step=pl.when(pl.col("step") == 777).then(-1).otherwise("step")
    )
    with pytest.raises(SchemaMismatchError, match=r"row 777 \(run_id='a', step=-1\)"):
        dataset.append(rows)
    assert contents(dataset) == set()


FORMS = {
    "dicts": lambda rows: rows.to_dicts(),
    "an iterator of dicts": lambda rows: iter(rows.to_dicts()),
    "a lazy frame": lambda rows: rows.lazy(),
    "an Arrow table": lambda rows: rows.to_arrow(),
    "Arrow batches": lambda rows: pa.RecordBatchReader.from_batches(
        rows.to_arrow().schema, rows.to_arrow().to_batches(max_chunksize=37)
    ),
    "frames": lambda rows: rows.iter_slices(7),
    "lists of dicts": lambda rows: (part.to_dicts() for part in rows.iter_slices(70)),
    "frames of different columns": lambda rows: (
        part.with_columns(step=pl.col("step").cast(pl.Int32)) if number % 3 else part
        for number, part in enumerate(rows.iter_slices(31))
    ),
    "pandas": lambda rows: rows.to_pandas(),
}


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_rows_come_in_any_form(dataset, form):
    rows = scores(0, 450)
    dataset.append(FORMS[form](rows))
    assert content_hash(dataset.files()) == hash_frame(rows)


def test_batches_are_neither_large_nor_many(monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ROWS", 100)
    small = (scores(n, n + 10) for n in range(0, 1000, 10))
    assert [len(batch) for batch in row_batches(small)] == [100] * 10
    assert [len(batch) for batch in row_batches(scores(0, 250))] == [100, 100, 50]
    wide = pl.DataFrame({"text": ["x" * 10_000] * 40})
    monkeypatch.setattr(batches, "_BATCH_BYTES", 100_000)
    assert max(len(batch) for batch in row_batches(wide)) < 11
    assert list(row_batches([])) == []


def test_what_is_no_rows_is_refused(dataset):
    for nothing in (5, "text", [1, 2]):
        with pytest.raises((ParameterError, SchemaMismatchError)):
            dataset.append(nothing)
    broken = pl.LazyFrame({"run_id": ["a"], "step": ["x"], "value": [0.5]}).with_columns(
        pl.col("step").cast(pl.Int64)
    )
    with pytest.raises(SchemaMismatchError, match="could not be computed"):
        dataset.append(broken)
    assert contents(dataset) == set()


def test_files_are_few_where_batches_are_small(dataset):
    dataset.append(scores(n, n + 1) for n in range(90))
    assert len(dataset.files()) == 1


def test_of_rows_that_share_a_key_none_is_good_wherever_they_stand(dataset):
    rows = scores(0, 950).with_columns(
        step=pl.when(pl.col("step").is_in([10, 900])).then(5).otherwise("step")
    )
    record = dataset.append(rows, on_invalid="quarantine")
    assert record.rows_added == 950 - 3
    store = Store(Path(dataset.path).parent)
    told = store.sql("select step, rule from scores_quarantine")
    assert told.fetchall() == [(5, "primary key")] * 3


def test_a_quarantine_sorts_out_any_number_of_rows(dataset):
    dataset.append(scores(400, 420))
    rows = scores(0, 950).with_columns(
        step=pl.when(pl.col("step") == 777)
        .then(-1)
        .when(pl.col("step") == 900)
        .then(5)
        .when(pl.col("step") == 901)
        .then(410)
        .otherwise("step")
    )
    record = dataset.append(rows.iter_slices(30), on_invalid="quarantine")
    assert record.rows_added == 950 - 1 - 2 - 21
    keys = dataset.scan().select(SCORES.primary_key).collect()
    assert not keys.is_duplicated().any()
    assert keys.height == 950 - 1 - 2 - 21 + 20
    store = Store(Path(dataset.path).parent)
    told = store.sql("select rule, count(*) from scores_quarantine group by rule order by rule")
    assert told.fetchall() == [
        ("primary key", 4),
        ("primary key: not there already", 19),
        ("step: >= 0", 1),
    ]
