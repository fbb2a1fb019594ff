"""Changes of a dataset of a table: every row they leave is one of the table, or nothing is written."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from parquetry import Dataset, ParquetCRUD, Store
from parquetry.commits.home import Home
from parquetry.errors import (
    KeyViolationError,
    ParquetryError,
    RequestError,
    SchemaMismatchError,
    UnknownColumnError,
)
from parquetry.operations.appending import append
from parquetry.operations.update_plan import plan_update
from parquetry.operations.upsert_plan import plan_upsert
from parquetry.storage.local import LocalStorage
from parquetry.tables import Check, SameLength, TableSchema, column
from parquetry.tables.changing import TableInspection
from parquetry.tables.file_versions import find_file_version

SCORES = TableSchema(
    "scores",
    kind="interpretation",
    version="1.0",
    columns=(
        column("run_id", "string"),
        column("analysis_id", "string", default="default"),
        column("step", "int32", at_least=0, high_cardinality=True),
        column("method", "string", one_of=("cosine", "angle")),
        column("low", "float32"),
        column("high", "float32?"),
        column("names", "list<string>?"),
        column("places", "list<int16>?"),
        column("created_at_utc", "timestamp[us, tz=UTC]", default="now()"),
    ),
    primary_key=("run_id", "analysis_id", "step"),
    rules=(Check("low <= high"), SameLength(("names", "places"))),
    partition_by=("run_id", "analysis_id"),
    sort_by=("step",),
)
KEY = list(SCORES.primary_key)


def score(step: int, run: str = "a", analysis: str = "first") -> dict[str, object]:
    return {
        "run_id": run,
        "analysis_id": analysis,
        "step": step,
        "method": "cosine",
        "low": 0.1,
        "high": 0.5,
        "names": ["x", "y"],
        "places": [1, 2],
    }


def test_rows_of_many_small_files_are_looked_at_together(tmp_path, monkeypatch):
    scores = Store(tmp_path / "store").create_dataset("scores", SCORES)
    for run in "abc":
        scores.append([score(step, run) for step in range(4)])
    seen = []

    def change(self, before, after):
        seen.append((before["low"].to_list(), after["low"].to_list()))

    monkeypatch.setattr(TableInspection, "change", change)
    plan = scores.plan_update((pl.col("step") > 1) & (pl.col("run_id") != "b"), {"low": 0.25})
    assert plan.rows_updated == 4
    tenth = np.float32(0.1)
    assert seen == [([tenth] * 4, [0.25] * 4)]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "lock" not in path.name
    }


@pytest.fixture(params=["one row group", "many files"])
def scores(request, tmp_path):
    dataset = Store(tmp_path / "store").create_dataset("scores", SCORES)
    rows = [score(step, run) for run in ("a", "b") for step in range(4)]
    for part in [rows] if request.param == "one row group" else [rows[0::2], rows[1::2]]:
        dataset.append(part)
    return dataset


BAD_UPDATES = {
    "NULL where it is never NULL": ({"method": None}, SchemaMismatchError, "method: not NULL"),
    "a value that is not listed": ({"method": "guess"}, SchemaMismatchError, "method: one of"),
    "a limit": ({"step": -1}, SchemaMismatchError, "step: >= 0"),
    "a rule": ({"low": 0.75}, SchemaMismatchError, "low <= high"),
    "a rule over two columns that are set": (
        {"low": pl.col("high") * 2, "high": pl.col("low")},
        SchemaMismatchError,
        "low <= high",
    ),
    "lists of one length": (
        {"names": pl.concat_list(pl.lit("x"))},
        SchemaMismatchError,
        "same length: names, places",
    ),
    "a key that is NULL": ({"run_id": None}, KeyViolationError, "run_id: not NULL"),
    "one key for all rows": ({"step": 7}, KeyViolationError, "share keys"),
    "a key that is there": ({"step": pl.col("step") + 1}, KeyViolationError, "has already"),
    "a folder where the key is": ({"run_id": "b"}, KeyViolationError, "has already"),
}


@pytest.mark.parametrize("bad", BAD_UPDATES, ids=str)
def test_an_update_that_would_break_the_table_writes_nothing(scores, bad):
    updates, error, rule = BAD_UPDATES[bad]
    some = (pl.col("run_id") == "a") & (pl.col("step") < 2)
    before = contents(Path(scores.path).parent)
    for change in (scores.update, scores.plan_update, ParquetCRUD(scores.path).update):
        with pytest.raises(error, match=r"Could not update rows of .*scores") as caught:
            change(some, updates)
        assert rule in str(caught.value)
        assert caught.value.outcome == "unchanged"
        assert contents(Path(scores.path).parent) == before


def test_the_message_names_table_rule_count_and_the_first_rows(scores):
    with pytest.raises(SchemaMismatchError) as caught:
        scores.update(pl.col("step") < 3, {"low": 0.75})
    text = str(caught.value)
    assert "6 rows are no rows of scores@1.0" in text
    assert "6 rows break the rule `low <= high`: (run_id='" in text
    assert text.count("low=0.75, high=0.5)") == 3
    assert "Nothing was changed" in text
    assert caught.value.failures.counts() == {"low <= high": 6}
    assert caught.value.failures.count == 6


def test_good_updates_are_made(scores):
    assert scores.update(pl.col("step") == 1, {"low": 0.25, "method": "angle"}).rows_updated == 2
    moved = scores.update(pl.col("step") >= 2, {"step": pl.col("step") + 10})
    assert moved.rows_updated == 4
    assert scores.update(pl.col("run_id") == "b", {"run_id": "c"}).rows_updated == 4
    found = scores.scan().select("run_id", "step", "low").sort("run_id", "step").collect()
    assert found["step"].to_list() == [0, 1, 12, 13] * 2
    assert set(found["run_id"]) == {"a", "c"}
    assert {str(find_file_version(path, "scores")) for path in scores.files()} == {"1.0"}
    tags = {pq.read_schema(path).metadata[b"parquetry.table"] for path in scores.files()}
    assert tags == {b"scores@1.0"}


def test_keys_may_trade_places(scores):
    swapped = pl.when(pl.col("step") == 0).then(1).otherwise(0).cast(pl.Int32)
    assert scores.update(pl.col("step") < 2, {"step": swapped}).rows_updated == 4
    assert scores.count() == 8


def test_rows_that_do_not_change_are_not_judged(scores):
    foreign = Path(scores.path) / "run_id=a" / "analysis_id=first" / "foreign.parquet"
    bad = pl.DataFrame([score(9) | {"method": "guess", "created_at_utc": dt.datetime.now(dt.UTC)}])
    bad.write_parquet(foreign)
    assert scores.update(pl.lit(1) == 1, {"low": 0.25}).rows_updated == 9
    with pytest.raises(SchemaMismatchError, match="1 row is no row"):
        scores.update(pl.col("step") == 9, {"method": "guessed"})


BAD_UPSERTS = {
    "an unknown value in a row that is there": (
        score(1) | {"method": "guess"},
        SchemaMismatchError,
        "method: one of",
    ),
    "an unknown value in a new row": (
        score(9) | {"method": "guess"},
        SchemaMismatchError,
        "method: one of",
    ),
    "a rule in a new row": (score(9) | {"low": 0.75}, SchemaMismatchError, "low <= high"),
    "NULL": (score(1) | {"low": None}, SchemaMismatchError, "low: not NULL"),
    "lists of unequal length": (
        score(1) | {"names": ["x"]},
        SchemaMismatchError,
        "same length",
    ),
    "a limit": (score(9) | {"step": -9}, SchemaMismatchError, "step: >= 0"),
    "a key that is NULL": (score(9) | {"step": None}, KeyViolationError, "step"),
    "a column that the table does not have": (
        score(1) | {"metod": "cosine"},
        UnknownColumnError,
        "method",
    ),
}


@pytest.mark.parametrize("bad", BAD_UPSERTS, ids=str)
def test_an_upsert_that_would_break_the_table_writes_nothing(scores, bad):
    row, error, rule = BAD_UPSERTS[bad]
    before = contents(Path(scores.path).parent)
    for change in (
        lambda rows: scores.upsert(rows, KEY),
        lambda rows: scores.plan_upsert(rows, KEY),
        lambda rows: scores.upsert(rows, KEY, evolve=True),
        lambda rows: ParquetCRUD(scores.path).upsert(rows, KEY, ["run_id", "analysis_id"]),
    ):
        with pytest.raises(error) as caught:
            change([score(0), row])
        assert rule in str(caught.value)
        assert contents(Path(scores.path).parent) == before


def test_a_key_twice_in_the_new_rows_is_refused(scores):
    with pytest.raises(KeyViolationError):
        scores.upsert([score(9), score(9)], KEY)
    assert scores.count() == 8


def test_a_good_upsert_fills_what_new_rows_may_leave_out(scores):
    old = scores.scan().filter(pl.col("step") == 1, pl.col("run_id") == "a").collect()
    rows = [score(1) | {"low": 0.3}, score(9), score(0, "new")]
    done = scores.upsert(rows, KEY)
    assert (done.rows_updated, done.rows_inserted) == (1, 2)
    found = scores.scan().sort(KEY).collect()
    assert found["created_at_utc"].null_count() == 0
    changed = found.filter(pl.col("step") == 1, pl.col("run_id") == "a")
    assert changed["low"].item() == pytest.approx(0.3)
    assert changed["created_at_utc"].item() == old["created_at_utc"].item()
    assert scores.table.validate(found).height == 10
    tags = {pq.read_schema(path).metadata[b"parquetry.table"] for path in scores.files()}
    assert tags == {b"scores@1.0"}


def test_a_key_column_that_is_left_out_gets_its_default(scores):
    row = {name: value for name, value in score(5).items() if name != "analysis_id"}
    assert scores.upsert([row], KEY).rows_inserted == 1
    assert scores.upsert([row | {"low": 0.3}], KEY).rows_updated == 1
    assert set(scores.scan().collect()["analysis_id"]) == {"first", "default"}


def test_a_rule_is_judged_with_values_that_only_the_dataset_has(scores):
    row = {name: score(1)[name] for name in KEY}
    with pytest.raises(SchemaMismatchError, match="low <= high"):
        scores.upsert([row | {"low": 0.75}], KEY)
    with pytest.raises(SchemaMismatchError, match="low <= high"):
        scores.upsert([score(1) | {"low": 0.75, "high": 1.0}], KEY, update_columns=["low"])
    assert scores.upsert([row | {"low": 0.3}], KEY).rows_updated == 1


def test_an_upsert_by_other_columns_does_not_double_a_key(scores):
    before = contents(Path(scores.path).parent)
    with pytest.raises(KeyViolationError, match="Could not upsert"):
        scores.upsert([score(1) | {"method": "angle"}], ["method"])
    with pytest.raises(KeyViolationError, match="share keys"):
        scores.upsert([score(1)], ["method"], on_duplicate_target="update_all", update_columns=KEY)
    assert contents(Path(scores.path).parent) == before


def test_rows_of_a_foreign_file_count_where_a_key_changes(scores):
    folder = Path(scores.path) / "run_id=a" / "analysis_id=first"
    pl.DataFrame([score(77)]).write_parquet(folder / "foreign.parquet")
    with pytest.raises(KeyViolationError, match="step=77"):
        scores.update((pl.col("run_id") == "a") & (pl.col("step") == 1), {"step": 77})


def test_of_writers_who_change_rows_to_one_key_one_wins(scores):
    start = Barrier(2)
    outcomes: list[str] = []

    def work(step: int) -> None:
        handle = Dataset(scores.path)
        start.wait()
        try:
            handle.update((pl.col("run_id") == "a") & (pl.col("step") == step), {"step": 50})
            outcomes.append("done")
        except KeyViolationError:
            outcomes.append("refused")

    threads = [Thread(target=work, args=(step,)) for step in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]
    keys = scores.scan().select(KEY).collect()
    assert not keys.is_duplicated().any()


def test_deleting_interpretations_and_writing_them_again_works(scores):
    assert scores.delete(pl.col("step") == 1).rows_deleted == 2
    scores.append([score(1)])
    assert scores.count() == 7


def test_the_verbs_themselves_refuse_rows_that_nothing_holds(scores):
    home, storage = Home.of(scores.path), LocalStorage()
    before = contents(Path(scores.path).parent)
    with pytest.raises(RequestError, match=r"scores@1\.0, and nothing would hold"):
        plan_update(home, storage, scores.source, pl.lit(1) == 1, {"low": 0.2})
    with pytest.raises(RequestError, match="nothing would hold"):
        plan_upsert(home, storage, scores.source, [score(1)], KEY)
    with pytest.raises(RequestError, match="nothing would hold"):
        append(home, storage, [score(99)], None)
    assert contents(Path(scores.path).parent) == before


def test_a_dry_run_finds_what_would_be_bad(scores):
    with pytest.raises(ParquetryError, match="low <= high"):
        scores.update(pl.lit(1) == 1, {"low": 0.9}, dry_run=True)
    assert scores.update(pl.lit(1) == 1, {"low": 0.2}, dry_run=True).rows_updated == 8


def test_a_table_without_a_key_is_held_to_its_rules_all_the_same(tmp_path):
    notes = replace(SCORES, name="notes", primary_key=(), kind="fact", partition_by=())
    dataset = Store(tmp_path).create_dataset("notes", notes)
    dataset.append([score(1), score(1)])
    with pytest.raises(SchemaMismatchError, match="low <= high"):
        dataset.append([score(1) | {"low": 3.0}])
    assert dataset.count() == 2


def test_plain_numbers_get_the_width_of_their_column(scores):
    scores.update(pl.col("step") == 0, {"low": 0.3})
    assert set(scores.scan().filter(pl.col("step") == 0).collect()["low"]) == {
        pl.Series([0.3], dtype=pl.Float32).item()
    }
    with pytest.raises(SchemaMismatchError):
        scores.update(pl.col("step") == 0, {"low": 1e300})
