"""The whole workflow, as the documentation has it, on made-up events and on real taxi trips."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from parquetry import Store
from parquetry.model.layouts import Layout
from parquetry.tuning.evaluation import verifying
from parquetry.tuning.evaluation.gates import Pair
from parquetry.tuning.metadata.store import MetadataStore
from parquetry.watching import find_watch


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "METADATA_DB", "EXPLORATION_RATE", "ALPHA", "BETA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A folder in which events were generated and asked about, and nothing was rewritten yet."""
    from parquetry.cli import dbopt

    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert dbopt(["generate", "--table-name", "events", "--num-rows", "12000"]) == 0
        workload = ["run-workload", "--table-name", "events", "--num-queries", "80"]
        assert dbopt([*workload, "--explore", "--exploration-rate", "0.3"]) == 0
    return folder


@pytest.fixture
def events(asked, here):
    shutil.copytree(asked, here, dirs_exist_ok=True)
    return here


WORKLOAD = ("run-workload", "--table-name", "events", "--num-queries", 80, "--explore")


def answers(folder):
    """What a fixed set of questions is answered, from the files themselves and through the store."""
    store = Store(folder / "data")
    return [
        sorted(store.sql(sql).fetchall(), key=repr)
        for sql in (
            "select count(*), sum(event_id) from events",
            "select event_type, count(*) from events group by all",
            "select * from events where event_date > '2024-01-01' and customer_id < 20",
        )
    ]


def test_the_workflow_on_made_up_events(run, events):
    before = answers(events)
    metadata = MetadataStore(events / "metadata.db")
    assert metadata.count_queries("events") == 80
    assert {scan.layout for q in metadata.queries("events") for scan in q.scans} == {"initial"}

    assert "hot" in run("analyze", "--table-name", "events").out
    queued = run("enqueue-migration", "--table-name", "events", "--mode", "full")
    assert "job 1 is queued: full, replica" in queued.out
    worked = run("migration-worker", "--no-check")  # so small a dataset need not be faster
    assert "sort by: " in worked.out
    assert "partition by: " in worked.out
    assert "job 1, events: done" in worked.out
    [record] = [one for one in metadata.layouts("events") if one.role == "replica"]
    assert record.state == "ready"
    assert len(list((events / "data/.parquetry/datasets/events/layouts").glob("layout_*"))) == 1

    assert run(*WORKLOAD, "--exploration-rate", 0.3, "--seed", 1).code == 0
    routed = metadata.queries("events", layout=record.layout_id)
    assert len(routed) >= 20

    explained = run("evaluate", "--table-name", "events", "--explain", "--dry-run").out
    assert "baseline: (initial)" in explained
    assert "window: " in explained
    assert metadata.evaluations("events") == []
    assert "recorded" in run("evaluate", "--table-name", "events", "--once").out
    assert {one.layout for one in metadata.evaluations("events")} == {"initial", record.layout_id}
    again = run("evaluate", "--table-name", "events", "--once", "--explain").out
    assert "nothing new" in again
    status = run("status", "--table-name", "events").out
    assert "Best layout: " in status
    assert record.layout_id in status

    assert len(run("history", "--table-name", "events", "--limit", 3).table) == 1 + 3
    scored = run("history", "--table-name", "events", "--format", "json", "--only-scored")
    assert all(row["reward_score"] is not None for row in json.loads(scored.out))
    assert run("report", "--table-name", "events", "--out", "reports/run1").code == 0
    with (events / "reports/run1/query_routing_summary.csv").open(newline="") as file:
        assert sum(int(row["queries"]) for row in csv.DictReader(file)) == 160
    assert answers(events) == before


def test_insufficient_data_is_said_to_be_that(run, events):
    run("enqueue-migration", "--table-name", "events")
    run("migration-worker", "--no-check")
    out = run("evaluate", "--table-name", "events", "--explain", "--dry-run").out
    assert "insufficient data: 0 of 10 queries in the window" in out


def test_an_incremental_migration_with_a_layout_of_ones_own(run, events):
    before = answers(events)
    layout = Layout(sort_by=("customer_id", "event_date"), row_group_rows=2_000)
    (events / "layout.json").write_text(layout.to_json())
    ask = ("enqueue-migration", "--table-name", "events", "--layout", "layout.json")
    assert "nothing was queued" in run(*ask, "--dry-run").out
    assert "incremental" in run(*ask, "--mode", "incremental").out
    assert "customer_id, event_date" in run("migration-worker", "--no-check").out
    run(*WORKLOAD)
    assert MetadataStore("metadata.db").queries("events", layout=layout.layout_id)
    assert answers(events) == before


def test_the_folder_itself_is_laid_out_anew_when_asked(run, events):
    before = answers(events)
    queued = run("enqueue-migration", "--table-name", "events", "--active")
    assert "full, active" in queued.out
    assert run("migration-worker", "--no-check").code == 0
    active = MetadataStore("metadata.db").active_layout("events")
    assert active.layout_id.startswith("layout_")
    run(*WORKLOAD)
    assert f"baseline: {active.layout_id}" in run("status", "--table-name", "events").out
    assert answers(events) == before


def test_a_layout_that_is_not_faster_is_given_up_by_the_worker(run, events, monkeypatch):
    lost = [Pair("a", 0.01, 0.02 + n / 1e4) for n in range(20)]
    monkeypatch.setattr(verifying, "race_before", lambda *_, **__: lost)
    run("enqueue-migration", "--table-name", "events")
    worked = run("migration-worker")
    assert worked.code == 0
    assert " was given up: " in worked.out
    [record] = [one for one in MetadataStore("metadata.db").layouts("events") if one.layout]
    assert record.state == "retired"


@pytest.mark.data
def test_the_workflow_on_real_taxi_trips(run, here, real_data):
    load = ("load-dataset", "--table-name", "nyc_taxi", "--source-path", real_data / "taxi")
    refused = run(*load)
    assert (refused.code, "--pattern 'yellow_tripdata_sample_2019-*.csv'" in refused.err) == (
        2,
        True,
    )
    assert "120,000 rows from 12 files" in run(*load, "--pattern", "yellow*").out
    workload = ("run-nyc-taxi-workload", "--table-name", "nyc_taxi", "--num-queries", 60)
    assert run(*workload, "--explore", "--exploration-rate", 0.3).code == 0
    assert run("enqueue-migration", "--table-name", "nyc_taxi", "--mode", "incremental").code == 0
    assert run("migration-worker").code == 0
    assert run(*workload, "--explore", "--exploration-rate", 0.3, "--seed", 1).code == 0
    assert "recorded" in run("evaluate", "--table-name", "nyc_taxi", "--once").out
    assert "Best layout: " in run("status", "--table-name", "nyc_taxi").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run-workload", "--table-name", "event"), 3, "Did you mean 'events'"),
        (("run-workload", "--table-name", "events", "--num-queries", 0), 2, "num-queries"),
        (
            ("run-workload", "--table-name", "events", "--exploration-rate", 1.5),
            2,
            "exploration-rate",
        ),
        (("run-nyc-taxi-workload", "--table-name", "events"), 2, "does not look like taxi"),
        (("enqueue-migration", "--table-name", "events", "--layout", "no.json"), 3, "no layout"),
        (("enqueue-migration", "--table-name", "events", "--mode", "half"), 2, "half"),
        (("enqueue-migration", "--table-name", "customers", "--mode", "full"), 1, ""),
        (("evaluate", "--table-name", "events", "--once", "--loop"), 2, "not both"),
        (("history", "--table-name", "events", "--format", "xml"), 2, "xml"),
        (("history", "--table-name", "events", "--limit", -1), 2, "limit"),
        (("migration-worker", "--sleep-sec", -1), 2, "sleep-sec"),
    ],
)
def test_what_cannot_be_is_refused_in_one_paragraph(run, events, arguments, code, words):
    found = run(*arguments)
    assert found.code == code
    assert words in found.err
    assert "Traceback" not in found.err


def test_a_layout_that_is_none_is_refused(run, events):
    (events / "layout.json").write_text('{"sort_by": ["customer_id"]}')
    found = run("enqueue-migration", "--table-name", "events", "--layout", "layout.json")
    assert (found.code, "holds no layout" in found.err) == (2, True)
    unknown = Layout(sort_by=("customer", "event_date"))
    (events / "layout.json").write_text(unknown.to_json())
    found = run("enqueue-migration", "--table-name", "events", "--layout", "layout.json")
    assert (found.code, "'customer'" in found.err) == (2, True)


def test_a_workload_on_columns_that_vanished_is_analysed_and_says_so(run, events):
    store = Store(events / "data")
    frame = store.dataset("events").scan().drop("amount").collect()
    shutil.rmtree(events / "data/events")
    shutil.rmtree(events / "data/.parquetry/datasets/events")
    store.dataset("events").append(frame)
    found = run("analyze", "--table-name", "events")
    assert found.code == 0
    assert "no longer has: amount" in found.out


def test_a_migration_that_waits_is_cancelled(run, events):
    assert run("enqueue-migration", "--table-name", "events").code == 0
    assert "would be cancelled" in run("cancel-migration", 1, "--dry-run").out
    found = run("cancel-migration", 1)
    assert found.code == 0
    assert "job 1, events: layout_" in found.out
    assert "is cancelled" in found.out
    again = run("cancel-migration", 1)
    assert (again.code, "is cancelled already; nothing was changed" in again.out) == (1, True)
    assert "no migration is queued" in run("migration-worker").out
    unknown = run("cancel-migration", 9)
    assert (unknown.code, "There is no migration job 9" in unknown.err) == (3, True)
    (events / "metadata.db").unlink()
    nowhere = run("cancel-migration", 1)
    assert (nowhere.code, "There is no metadata database" in nowhere.err) == (3, True)
    assert not (events / "metadata.db").exists()


def test_a_database_that_cannot_be_used_is_told_in_one_paragraph(run, events, monkeypatch):
    (events / "text.db").write_text("this is no database, whatever its name says. " * 40)
    monkeypatch.setenv("METADATA_DB", "text.db")
    found = run("status", "--table-name", "events")
    assert (found.code, found.err.count("\n")) == (7, 1)


def test_settings_that_are_none_are_refused(run, events, monkeypatch):
    monkeypatch.setenv("EXPLORATION_RATE", "lots")
    found = run("status", "--table-name", "events")
    assert found.code == 2
    assert "exploration_rate" in found.err


def test_tuning_is_switched_on_for_a_store_and_its_questions_are_found(run, events):
    (events / "metadata.db").unlink()
    assert "tuning is off" in run("tune", "status", "data").out
    assert "all datasets" in run("tune", "on", "data").out
    for n in range(12):
        Store(events / "data").sql(f"select count(*) from events where customer_id = {n}")
    find_watch(Store(events / "data").path).observer.logger.flush()
    run(*WORKLOAD)
    assert not (events / "metadata.db").exists()
    found = run("tune", "status", "data")
    assert ["events", "92"] in [row[:2] for row in found.table]
    assert "92 questions logged" in run("status", "--table-name", "events").out
    assert "tuning is off" in run("tune", "off", "data").out
    assert "was not on" in run("tune", "off", "data").out
