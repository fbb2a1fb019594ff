"""Reports tell what the database holds, in files that other programs read, without network or script."""

from __future__ import annotations

import csv
import json

import pytest

from parquetry import Store
from parquetry.errors import StorageError
from parquetry.reports.tuning_report import make_report, write_report
from parquetry.reports.tuning_status import describe_tuning
from parquetry.tuning.config import Config
from parquetry.tuning.evaluation.window import Situation, evaluate
from parquetry.tuning.metadata.store import MetadataStore
from tuning.logs import NEW, NOW, logged, replica

CONFIG = Config(window_hours=1e6)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "data")
    made.dataset("events").append([{"customer_id": 1, "a": 1}])
    return made


@pytest.fixture
def metadata(tmp_path):
    return MetadataStore(tmp_path / "metadata.db")


@pytest.fixture
def told(store, metadata):
    queries = [logged(n, 10.0 + n % 3) for n in range(50)]
    queries += [logged(n, 4.0 + n % 2, NEW, "b | <c>", 5) for n in range(30)]
    queries += [logged(n, 12.0, "initial", "b | <c>", 5) for n in range(30)]
    metadata.log_queries(queries)
    metadata.save_layout(replica(0.1))
    found = evaluate(Situation("events", queries, [replica(0.1)], {}, {}, NOW), CONFIG)
    metadata.save_evaluations(found.records)
    return make_report(store.dataset("events"), metadata, CONFIG)


def test_a_report_is_five_files_that_others_can_read(told, tmp_path):
    out = tmp_path / "reports" / "run1"
    paths = write_report(told, str(out))
    names = ["layout_eval.csv", "layout_eval.json", "query_routing_summary.csv", "report.html"]
    assert sorted(path.name for path in out.iterdir()) == [*names, "summary.md"]
    assert len(paths) == 5
    rows = json.loads((out / "layout_eval.json").read_text())
    with (out / "layout_eval.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rows) == 5
    assert {row["reward_score"] is None for row in rows} == {False}
    with (out / "query_routing_summary.csv").open(newline="") as file:
        counted = {(r["layout"], r["cluster_id"]): int(r["queries"]) for r in csv.DictReader(file)}
    assert counted == {("initial", "a"): 50, ("initial", "b | <c>"): 30, (NEW, "b | <c>"): 30}


def test_the_page_needs_nothing_from_anywhere_and_escapes_what_was_asked(told, tmp_path):
    write_report(told, str(tmp_path / "out"))
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") == 3  # one evaluation is no series
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "b | <c>" not in page
    assert "b | &lt;c&gt;" in page


def test_the_summary_names_the_best_layout_and_why_it_answers(told, tmp_path):
    write_report(told, str(tmp_path / "out"))
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert f"**Best layout: `{NEW}`.**" in summary
    assert "expected fastest" in summary
    assert "sort by customer_id, event_date" in summary


def test_a_report_of_nothing_is_a_report(store, metadata, tmp_path):
    report = make_report(store.dataset("events"), metadata, CONFIG)
    write_report(report, str(tmp_path / "out"))
    assert "No best layout yet" in (tmp_path / "out" / "summary.md").read_text()
    assert json.loads((tmp_path / "out" / "layout_eval.json").read_text()) == []


def test_a_place_that_cannot_be_written_is_told(told, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="--out"):
        write_report(told, str(tmp_path / "file"))


def test_without_the_extra_the_page_says_what_to_install(told, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    write_report(told, str(tmp_path / "out"))
    assert "parquetry[charts]" in (tmp_path / "out" / "report.html").read_text()


def test_the_status_counts_by_layout_and_tells_who_answers_next(told, store, metadata):
    status = describe_tuning(store.dataset("events"), metadata, CONFIG)
    counts = {one.layout_id: one.queries for one in status.layouts}
    assert counts == {"initial": 80, NEW: 30}
    assert (status.best, status.baseline, status.has_active_layout) == (NEW, "initial", False)
    choices = {one.cluster_id: one.choice.layout for one in status.kinds}
    assert choices == {"a": "initial", "b | <c>": NEW}
