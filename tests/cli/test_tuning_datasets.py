"""`dbopt generate`, `load-dataset`, `download-nyc-taxi`: what they print, and how they fail."""

from __future__ import annotations

import http.server
import threading

import polars as pl
import pytest

from parquetry import Store
from parquetry.cli import dbopt


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_DIR", raising=False)
    return tmp_path


def test_generate_makes_events_and_customers_in_data_dir(run, here, monkeypatch):
    assert run("generate", "--table-name", "events", "--num-rows", 3_000).code == 0
    assert Store(here / "data").dataset("events").count() == 3_000
    monkeypatch.setenv("DATA_DIR", str(here / "elsewhere"))
    found = run("generate", "--num-rows", 500, "--seed", 3)
    assert "events: 500 rows in 1 file, " in found.out
    assert Store(here / "elsewhere").datasets() == ["customers", "events"]


def test_generate_refuses_to_write_over_rows_and_numbers_below_one(run, here):
    run("generate", "--num-rows", 10)
    again = run("generate", "--num-rows", 10)
    assert (again.code, again.err.count("\n")) == (4, 1)
    assert run("generate", "--table-name", "x", "--num-rows", -4).code == 2


def test_load_dataset_takes_a_file_a_folder_and_a_pattern(run, here):
    for name in ("a", "b"):
        pl.DataFrame({"id": [1], "fare": [2.5]}).write_parquet(here / f"{name}.parquet")
    one = run("load-dataset", "--table-name", "t", "--source-path", here / "a.parquet")
    assert "t: 1 row from 1 file, 2 columns" in one.out
    assert run("load-dataset", "--table-name", "t", "--source-path", here / "b.parquet").code == 4
    added = ("load-dataset", "--table-name", "t", "--source-path", here, "--pattern", "b*")
    assert run(*added, "--append").code == 0
    assert Store("data").dataset("t").count() == 2
    assert run("load-dataset", "--table-name", "u", "--source-path", here / "no").code == 3


def test_download_fetches_a_month_and_names_the_way_on_without_network(run, here, monkeypatch):
    monkeypatch.setenv("NYC_TAXI_URL", "http://127.0.0.1:9")
    failed = run("download-nyc-taxi", "--table-name", "nyc_taxi", "--year", 2023, "--month", 1)
    assert (failed.code, failed.err.count("\n")) == (6, 1)
    assert "parquetry load-dataset" in failed.err
    assert list(here.rglob("*")) == [here / "data"]
    pl.DataFrame({"id": [1, 2]}).write_parquet(here / "green_tripdata_2023-02.parquet")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("NYC_TAXI_URL", f"http://127.0.0.1:{server.server_address[1]}")
        month = ("download-nyc-taxi", "--year", 2023, "--month", 2, "--color", "green")
        assert "nyc_taxi: 2 rows from 1 file" in run(*month).out
        assert run(*month).code == 4
        assert run(*month, "--append").code == 0
        server.shutdown()
        thread.join()
    assert Store("data").dataset("nyc_taxi").count() == 4
    assert run("download-nyc-taxi", "--table-name", "v", "--color", "blue").code == 2


def test_dbopt_is_the_same_program_whose_help_shows_what_tunes(run, capsys):
    dbopt(["--help"])
    shown = capsys.readouterr().out
    assert "load-dataset" in shown
    assert "rollup" not in shown
    assert dbopt(["rollup", "--help"]) == 0
    assert "rollup" in run("--help").out


def test_what_is_suggested_can_be_run_under_the_name_that_is_known_to_all(run, here):
    pl.DataFrame({"a": [1]}).write_parquet(here / "a.parquet")
    assert "`parquetry generate`" in run("status", "--table-name", "t").err
    run("load-dataset", "--table-name", "t", "--source-path", here / "a.parquet")
    assert "`parquetry generate`" in run("status", "--table-name", "other").err
    for command in ("analyze", "history", "enqueue-migration"):
        assert ": parquetry " in run(command, "--table-name", "t").out
    assert "`parquetry run-workload`" in run("run-nyc-taxi-workload", "--table-name", "t").err


@pytest.mark.parametrize("command", ["status", "history", "report", "evaluate"])
def test_an_unknown_table_is_one_paragraph_with_the_nearest(run, here, command):
    more = ("--out", here / "out") if command == "report" else ()
    assert "no folder 'data'" in run(command, "--table-name", "events", *more).err
    run("generate", "--num-rows", 10)
    found = run(command, "--table-name", "event", *more)
    assert (found.code, found.err.count("\n")) == (3, 1)
    assert "Did you mean 'events'" in found.err
