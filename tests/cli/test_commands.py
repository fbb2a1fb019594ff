"""Every command does what its help says, prints plain text when piped, and fails in one paragraph."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import polars as pl
import pytest

from parquetry import Dataset, Store, Sweep
from parquetry.cli.entry import EXIT_CODES, exit_code
from parquetry.errors import ConflictError, KeyViolationError, ParquetryError


def test_query_takes_both_forms(run, store):
    one = run("query", "--base-out", store, "--where", "regret < 0.6 and seed = 1")
    other = run("query", store, "events", "--where", "regret < 0.6 and seed = 1")
    assert one.code == other.code == 0
    assert sorted(map(tuple, one.table)) == sorted(map(tuple, other.table))
    assert "gamma" in one.table[0]
    assert len(one.table) == 1 + 3


def test_query_reads_seeds_and_views(run, store):
    assert len(run("query", store, "seeds").table) == 1 + 6
    assert len(run("query", store, "events_summary", "--limit", 1).table) == 1 + 1


def test_query_takes_whole_sql(run, store):
    found = run(
        "query", store, "--sql", "select gamma, count(*) from events group by all order by 1"
    )
    assert found.table[1:] == [["0.5", "15"], ["1", "15"]]


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_query_writes_files(run, store, tmp_path, ending):
    target = tmp_path / f"out.{ending}"
    assert "30 rows" in run("query", store, "events", "--output", target).out
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "json": pl.read_json}[ending]
    assert read(target).height == 30
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_query_refuses_an_unknown_ending_before_it_reads(run, store, tmp_path):
    found = run("query", store, "events", "--output", tmp_path / "out.xlsx")
    assert found.code == 2
    assert ".parquet, .csv or .json" in found.err
    assert not list(tmp_path.glob("*out*"))


def test_info_counts_rows_files_and_grids(run, store):
    found = run("info", store)
    assert found.table[1][:3] == ["events", "30", "6"]
    assert "2 parameter sets" in found.out
    assert "seeds_from_events" in found.out


def test_log_restore_and_vacuum_work_together(run, tmp_path):
    dataset = Dataset(tmp_path / "trades")
    dataset.append([{"a": 1}])
    dataset.append([{"a": 2}])
    assert [row[2] for row in run("log", dataset.path).table[1:]] == ["append", "append"]
    assert "1 file leave" in run("restore", dataset.path, 1, "--dry-run").out
    assert dataset.count() == 2
    assert run("restore", dataset.path, 1, "--yes").code == 0
    assert dataset.count() == 1
    assert "nothing to undo" in run("restore", dataset.path, 1, "--yes").out
    assert "would free" in run("vacuum", dataset.path, "--keep", "0d", "--dry-run").out
    assert "freed" in run("vacuum", dataset.path, "--keep", "0d", "--yes").out
    assert run("restore", dataset.path, 2, "--yes").code == 3  # forgotten


def test_a_change_asks_and_says_so_when_nobody_is_there(run, tmp_path):
    dataset = Dataset(tmp_path / "trades")
    dataset.append([{"a": 1}])
    found = run("restore", dataset.path, 0)
    assert found.code == 2
    assert "--yes" in found.err
    assert dataset.count() == 1


def test_check_names_what_is_wrong_and_exits_with_one(run, store):
    assert run("check", store / "events").code == 0
    broken = next((store / "events").glob("**/data.parquet"))
    broken.write_bytes(b"PAR1 nothing")
    found = run("check", store / "events")
    assert found.code == 1
    assert broken.parent.name in found.out


def test_convert_converts_and_names_the_bad(run, tmp_path):
    runs = tmp_path / "csv" / "gamma=0.5"
    runs.mkdir(parents=True)
    (runs / "seed_1.csv").write_text("step,regret\n0,0.5\n1,0.25\n")
    (runs / "seed_2.csv").write_text("step,regret\n0,0.5,9\n")
    dry = run("convert", tmp_path / "csv", tmp_path / "out", "--granularity", "event", "--dry-run")
    assert "would be written" in dry.out
    assert not (tmp_path / "out" / "events").exists()
    found = run("convert", tmp_path / "csv", tmp_path / "out", "--granularity", "event")
    assert found.code == 1
    assert "seed_2.csv" in found.out
    assert Store(tmp_path / "out").sql("select avg(regret) from events").fetchone() == (0.375,)


def test_sweep_commands_count_list_and_retry(run, tmp_path):
    sweep = Sweep.declare(tmp_path, grid={"gamma": [0.5, 1.0]}, seeds=range(2))
    assert run("sweep", "status", tmp_path).table[1] == ["4", "0", "0", "0", "0", "4"]
    assert run("sweep", "missing", tmp_path, "--array").out.strip() == "0-3"
    with pytest.raises(ZeroDivisionError), sweep.claim_next():
        1 / 0  # noqa: B018
    assert run("sweep", "status", tmp_path).table[1][4] == "1"
    found = run("sweep", "retry", tmp_path)
    assert "ZeroDivisionError" in found.out
    assert "1 unit to be run again" in found.out


def test_errors_are_a_paragraph_and_an_exit_code(run, store):
    for arguments, code, text in [
        (("info", store / "nowhere"), 3, "There is no store"),
        (("log", store / "nothing"), 3, "There is no dataset"),
        (("query", store, "events", "--where", "nonsense > 1"), 2, "no column 'nonsense'"),
        (("query", store, "--sql", "selec"), 2, "syntax error"),
        (("query", store, "evnts"), 3, "Did you mean 'events'"),
        (("query",), 2, "name the store"),
        (("vacuum", store / "events", "--keep", "soon"), 2, "is no age"),
    ]:
        found = run(*arguments)
        assert found.code == code, arguments
        assert text in found.err
        assert "Traceback" not in found.err
        assert not found.out


def test_every_kind_of_error_has_its_own_exit_code():
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
    assert exit_code(KeyViolationError("x")) == 2
    assert exit_code(ConflictError("x")) == 5
    assert exit_code(ParquetryError("x")) == 1


def test_a_closed_pipe_is_no_error(store):
    command = f"{sys.executable} -m parquetry query {store} events | head -1"
    done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("seed")
    assert not done.stderr


@pytest.mark.slow
def test_the_demo_runs_and_loses_nothing(tmp_path):
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "parquetry", "demo", "--out", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert "12,000 events in 60 units" in done.stdout
    killed = [line.split("\t") for line in done.stdout.splitlines() if "exit -" in line]
    assert len(killed) == 3
    assert all(units == "60" and cut == "0" for *_, units, _, cut in killed)
    assert "sound" in done.stdout
    units = Store(folder).sql("select total_events from seeds_from_events").fetchall()
    assert {count for (count,) in units} <= {100, 200}
    shutil.rmtree(folder)


def test_output_that_is_json_is_one_array(run, store, tmp_path):
    target = tmp_path / "rows.json"
    run("query", store, "events", "--limit", 2, "--output", target)
    assert len(json.loads(target.read_text())) == 2


def test_a_store_is_not_taken_for_a_dataset(run, store):
    for command in ("check", "log", "vacuum"):
        result = run(command, store)
        assert result.code == 2
        assert f"parquetry info {store}" in result.err


def test_query_says_what_it_could_not_write_and_leaves_nothing(run, store, tmp_path):
    result = run("query", store, "--output", tmp_path / "absent" / "rows.csv")
    assert result.code == 6
    assert "Check that the folder exists" in result.err
    nested = ("--sql", "select [1, 2] as pair", "--output", tmp_path / "rows.csv")
    assert "Choose .parquet" in run("query", store, *nested).err
    assert [path.name for path in tmp_path.iterdir()] == [store.name]


def test_query_says_that_there_is_more_than_it_shows(run, tmp_path):
    Store(tmp_path).dataset("events").append(pl.DataFrame({"event_id": range(60)}))
    result = run("query", tmp_path)
    assert len(result.out.splitlines()) == 1 + 50
    assert "--limit" in result.err
    assert run("query", tmp_path, "--limit", 50).err == ""


def test_an_unknown_name_is_answered_with_the_datasets_and_views(run, store):
    known = run("query", store, "nothing").err
    assert "events_summary" in known
    assert "seeds_from_events" in known


def test_help_fills_the_terminal(run):
    lines = [line.strip() for line in run("convert", "--help").out.splitlines()]
    assert not any(line.startswith("names;") for line in lines)
