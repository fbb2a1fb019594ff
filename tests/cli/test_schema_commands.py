"""The commands about tables: what they print, what they refuse, and with which exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from parquetry import Store
from parquetry.tables import TableSchema, column, squiggle
from parquetry.tables.documentation import pack_markdown
from tables.rows import good_row, good_rows

METERS = TableSchema("meters", (column("meter", "string"),), ("meter",), title="Which meters")


@pytest.fixture
def own(tmp_path):
    """A store with a table of its own, two versions of it."""
    store = Store(tmp_path / "own")
    store.create_dataset("meters", METERS)
    newer = replace(METERS, version="1.1", columns=(*METERS.columns, column("place", "string?")))
    store.create_dataset("newer_meters", newer)
    return tmp_path / "own"


def write_schema(schema: TableSchema, path: Path) -> Path:
    path.write_text(schema.to_json())
    return path


def test_create_makes_an_empty_dataset_of_a_table(run, tmp_path):
    store = tmp_path / "new"
    found = run("create", store, "my_runs", "--table", "runs")
    assert (found.code, found.err) == (0, "")
    assert "my_runs is a dataset of runs@2.0" in found.out
    dataset = Store(store).dataset("my_runs")
    assert dataset.table == squiggle.RUNS
    assert dataset.count() == 0
    assert run("info", store).table[1][:3] == ["my_runs", "0", "0"]
    assert run("query", store, "my_runs").code == 0


def test_create_takes_keys_and_json_files(run, tmp_path):
    metrics = ("create", tmp_path, "metrics", "--table", "metrics_scalar")
    assert "run_id, split" in run(*metrics, "--partition-by", "run_id,split").out
    schema = write_schema(METERS, tmp_path / "meters.json")
    assert run("create", tmp_path / "s", "meters", "--table", schema).code == 0
    assert Store(tmp_path / "s").dataset("meters").table == METERS


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--table", "runz"], 3, "Did you mean 'runs'"),
        (["--table", "runs@9.0"], 3, "no table 'runs@9.0'"),
        (["--table", "nothing.json"], 3, "the file does not exist"),
        (["--table", "metrics_scalar", "--partition-by", "step"], 2, "by 'step'"),
        (["--table", "metrics_scalar", "--partition-by", "runid"], 2, "Did you mean 'run_id'"),
        ([], 2, "--table"),
    ],
)
def test_create_refuses_in_a_sentence_and_makes_nothing(run, tmp_path, arguments, code, told):
    found = run("create", tmp_path / "store", "d", *arguments)
    assert found.code == code
    assert told in found.err
    assert not (tmp_path / "store" / "d").exists()


def test_create_refuses_another_table_under_the_same_name(run, own):
    assert run("create", own, "meters", "--table", "meters@1.0").code == 0
    found = run("create", own, "meters", "--table", "runs")
    assert found.code == 4
    assert "is a dataset of meters@1.0" in found.err


def test_list_shows_our_tables_and_those_of_a_store(run, own):
    names = [row[0] for row in run("schema", "list").table[1:]]
    assert names == [table.name for table in squiggle.TABLES]
    table = run("schema", "list", own).table
    assert table[1] == ["meters", "1.1", "fact", "2", "meter", "store"]
    assert table[2][:2] == ["meters", "1.0"]
    Store(own).create_dataset("runs", squiggle.RUNS)
    table = run("schema", "list", own).table
    assert [row[-1] for row in table if row[0] == "runs"] == ["store", "runs@2.0"]
    assert ["newer_meters", "meters@1.1"] in table
    assert ["meters", "meters@1.0"] in table


def test_list_says_how_a_dataset_gets_a_table(run, store):
    assert "parquetry create" in run("schema", "list", store).out
    assert run("schema", "list", store / "nowhere").code == 3


def test_show_tells_columns_key_and_rules(run):
    found = run("schema", "show", "geometry_dynamics")
    assert found.code == 0
    assert found.out.startswith("geometry_dynamics@2.0 (interpretation)")
    rows = {row[0]: row for row in found.table if len(row) == 5}
    assert rows["run_id"][1:3] == ["string", "key"]
    assert rows["created_at_utc"][1] == "timestamp[us, tz=UTC]"
    assert "never by: " in found.out


@pytest.mark.parametrize("table", [table.name for table in squiggle.TABLES])
def test_every_table_is_shown_in_every_form(run, table):
    schema = squiggle.TABLES[table]
    columns = run("schema", "show", table)
    assert columns.code == 0
    assert {row[0] for row in columns.table} >= {
        *schema.column_names,
        *(r.name for r in schema.rules),
    }
    assert TableSchema.from_json(run("schema", "show", table, "--format", "json").out) == schema
    assert run("schema", "show", table, "--format", "ddl").out == schema.to_ddl()
    assert run("schema", "show", table, "--format", "markdown").out == schema.to_markdown()
    shown = json.loads(run("schema", "show", table, "--format", "json-schema").out)
    assert shown == schema.to_json_schema()
    assert "run_id" in run("schema", "show", "runs", "--format", "arrow").out


def test_show_takes_the_newest_version_of_a_store_unless_told(run, own):
    assert "meters@1.1" in run("schema", "show", "meters", "--store", own).out
    assert "meters@1.0" in run("schema", "show", "meters@1.0", "--store", own).out
    assert run("schema", "show", "meters").code == 3


def test_diff_says_what_changed_and_whether_the_version_is_large_enough(run, own, tmp_path):
    found = run("schema", "diff", "meters@1.0", "meters@1.1", "--store", own)
    assert found.code == 0
    assert "minor: the column 'place' (string?) is new" in found.out
    narrower = replace(METERS, version="1.1", columns=(column("meter", "int64"),))
    path = write_schema(narrower, tmp_path / "narrower.json")
    found = run("schema", "diff", "meters@1.0", path, "--store", own)
    assert found.code == 1
    assert "must be at least 2.0" in found.out


def test_docs_are_the_whole_page(run, own, tmp_path):
    assert run("schema", "docs").out == pack_markdown(squiggle.TABLES)
    assert "written to" in run("schema", "docs", "-o", tmp_path / "page.md").out
    assert (tmp_path / "page.md").read_text() == pack_markdown(squiggle.TABLES)
    refused = run("schema", "docs", "-o", tmp_path / "nowhere" / "page.md")
    assert refused.code == 6
    assert "Could not write" in refused.err
    page = run("schema", "docs", "--store", own).out
    assert "`meters/`" in page
    assert "meters@1.1" in page
    assert "geometry_state" not in page


def test_validate_counts_bad_rows_and_shows_the_first(run, tmp_path):
    rows = good_rows(squiggle.RUNS, 4)
    rows.write_parquet(tmp_path / "good.parquet")
    found = run("schema", "validate", tmp_path / "good.parquet", "--table", "runs")
    assert (found.code, found.out) == (0, "4 rows held against runs@2.0: all good\n")
    bad = rows.with_columns(run_mode=pl.lit("guessed"))
    bad.write_parquet(tmp_path / "bad.parquet")
    found = run("schema", "validate", tmp_path / "bad.parquet", "--table", "runs")
    assert found.code == 1
    assert "4 bad" in found.out
    rule, count, first = found.table[1]
    assert rule.startswith("run_mode: one of")
    assert count == "4"
    assert "run_id='run_id-0'" in first


def test_validate_knows_the_table_of_a_dataset_and_sees_keys_of_all_files(run, tmp_path):
    store = Store(tmp_path / "s")
    dataset = store.create_dataset("runs", squiggle.RUNS)
    dataset.append(good_rows(squiggle.RUNS, 2))
    assert run("schema", "validate", dataset.path).code == 0
    pl.DataFrame([good_row(squiggle.RUNS)], schema=good_rows(squiggle.RUNS).schema).write_parquet(
        f"{dataset.path}/foreign.parquet"
    )
    found = run("schema", "validate", dataset.path)
    assert found.code == 1
    assert found.table[1][:2] == ["primary key", "2"]


def test_validate_takes_rows_batch_by_batch_and_compares_keys_across_them(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr("parquetry.tables.batches.BATCH_ROWS", 10)
    rows = good_rows(squiggle.RUNS, 95)
    bad = pl.concat([rows, rows[[7, 8]], rows[:1].with_columns(run_mode=pl.lit("odd"))])
    bad.write_parquet(tmp_path / "bad.parquet")
    for kept in (1000, 20):  # keys are compared in memory, or on the disk
        monkeypatch.setattr("parquetry.tables.arriving_keys._KEPT_ROWS", kept)
        found = run("schema", "validate", tmp_path / "bad.parquet", "--table", "runs")
        assert found.code == 1
        assert "98 rows held against runs@2.0: 5 bad" in found.out
        told = {row[0]: row[1:] for row in found.table[1:]}
        assert told["primary key"][0] == "4"
        assert "run_id='run_id-7'" in told["primary key"][1]
        assert told["run_mode: one of probe_micro_finetune, train_full, eval_only"][0] == "1"
        assert "row 97" in told["run_mode: one of probe_micro_finetune, train_full, eval_only"][1]


def test_validate_refuses_files_of_another_version_and_reads_folders(run, tmp_path):
    dataset = Store(tmp_path).create_dataset("samples", squiggle.SAMPLES)
    assert (
        "0 rows held against samples@2.0: all good" in run("schema", "validate", dataset.path).out
    )
    dataset.append(good_rows(squiggle.SAMPLES, 3))
    folder = Path(dataset.files()[0]).parent
    foreign = good_rows(squiggle.SAMPLES, 5)[4:].drop("split", "sample_set")
    foreign.write_parquet(folder / "foreign.parquet")
    assert "4 rows held against" in run("schema", "validate", dataset.path).out
    table = foreign.to_arrow().replace_schema_metadata({"parquetry.table": "samples@3.0"})
    pq.write_table(table, folder / "foreign.parquet")
    found = run("schema", "validate", dataset.path)
    assert found.code == 8
    assert "holds rows of samples@3.0" in found.err


def test_validate_refuses_what_it_cannot_answer(run, store, tmp_path):
    assert run("schema", "validate", tmp_path / "nothing", "--table", "runs").code == 3
    found = run("schema", "validate", store / "events")
    assert found.code == 2
    assert "--table" in found.err
    found = run("schema", "validate", store / "events", "--table", "runs")
    assert found.code == 2
    assert "no column" in found.err
    (tmp_path / "text.parquet").write_text("no parquet")
    assert run("schema", "validate", tmp_path / "text.parquet", "--table", "runs").code == 7
