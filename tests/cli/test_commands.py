"""Every command does what its help says, prints plain text when piped, and fails in one paragraph."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import polars as pl
import pytest

from parquetry import Dataset, Store, Sweep
from parquetry.cli import rendering
from parquetry.cli.demo import _free_folder
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
    assert found.table[1:] == [["0.5", "15"], ["1.0", "15"]]


def test_sql_in_the_place_of_a_dataset_is_told_where_it_belongs(run, store):
    found = run("query", store, "select 1")
    assert found.code == 2
    assert "--sql 'select 1'" in " ".join(found.err.split())
    Store(store).dataset("two words").append([{"a": 7}])
    assert run("query", store, "two words").table == []
    assert run("query", store, "two words").out == "a\n7\n"


def test_a_function_that_does_not_fit_is_told_in_one_line(run, store):
    found = run("query", store, "--sql", "select op + 1 from events")
    assert found.code == 2
    assert "No function matches" in found.err
    assert "Candidate" not in found.err


@pytest.mark.parametrize("command", ["info", "query"])
def test_a_dataset_in_the_place_of_a_store_is_told_which_store_it_is_in(run, store, command):
    found = run(command, store / "events")
    assert found.code == 2
    assert "is a dataset, not a store" in found.err
    assert str(store.resolve()) in found.err


def test_query_loses_no_digit(run, store):
    found = run("query", store, "--sql", "select 0.1::double + 0.2 as x, 12345678.25::double as y")
    assert found.table[1:] == [["0.30000000000000004", "12345678.25"]]


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
    assert "takes away 1 file" in run("restore", dataset.path, 1, "--dry-run").out
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


def test_help_into_a_closed_pipe_is_no_error():
    command = f"set -o pipefail; {sys.executable} -m parquetry --help | true"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


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


def test_info_names_a_dataset_that_cannot_be_read_and_shows_the_rest(run, store):
    (store / "broken").mkdir()
    (store / "broken" / "data.parquet").write_text("no Parquet")
    found = run("info", store)
    assert found.code == 1
    assert "broken cannot be shown" in found.err
    assert found.table[1][:3] == ["events", "30", "6"]
    assert "seeds_from_events" in found.out


def test_what_a_user_named_is_printed_as_it_is(run, tmp_path, monkeypatch):
    folder = tmp_path / "[red]a[/x]"
    Store(folder).dataset("d").append([{"[/b]": ":smile: [bold]"}])
    monkeypatch.setattr(rendering, "is_plain", lambda: False)
    shown = run("info", folder).out + run("query", folder, "d").out
    for text in ("[red]a[/x]", "[/b]", ":smile: [bold]"):
        assert text in shown.replace("\n", "")


def test_a_folder_of_csvs_that_is_none_is_said_to_be_none(run, tmp_path):
    (tmp_path / "file.csv").write_text("a\n1\n")
    (tmp_path / "empty").mkdir()
    for command in (["convert"], ["convert", "--dry-run"]):
        absent = run(*command, tmp_path / "nowhere", tmp_path / "out")
        assert (absent.code, "There is no folder of CSVs" in absent.err) == (3, True)
        file = run(*command, tmp_path / "file.csv", tmp_path / "out")
        assert (file.code, "is a file" in file.err) == (2, True)
        store = run(*command, tmp_path / "empty", tmp_path / "file.csv")
        assert (store.code, "is a file" in store.err) == (2, True)
    assert "see --pattern" in run("convert", tmp_path / "empty", tmp_path / "out").out


def test_a_rollup_that_is_only_looked_at_names_the_bad(run, tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "seed_1.csv").write_text("a\n1\n")
    found = run("rollup", "--csv-dir", tmp_path / "csv", "--base-out", tmp_path, "--dry-run")
    assert found.code == 1
    assert "not converted: seed_1.csv has no parameters" in found.out


def test_a_sweep_that_nobody_declared_is_told_with_those_that_are(run, tmp_path):
    Sweep.declare(tmp_path, params=[{"a": 1}], seeds=[1], name="main")
    found = run("sweep", "status", tmp_path, "--name", "mian")
    assert "'mian' is not declared" in found.out
    assert "declared here: main" in found.out


def test_the_demo_writes_over_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "full" / "x").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    assert _free_folder(tmp_path / "new") == tmp_path / "new"
    assert _free_folder(tmp_path / "empty") == tmp_path / "empty"
    assert _free_folder(tmp_path / "file") == tmp_path / "file-2"
    assert _free_folder(tmp_path / "full") == tmp_path / "full-2"
