"""The loop: seven steps for one dataset, by the rule or because somebody asked."""

from __future__ import annotations

import datetime as dt
import shutil
import time

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry import Store
from parquetry.access.conditions import Comparison, Demand
from parquetry.errors import NotFoundError, ParameterError, RequestError
from parquetry.model.layouts import INITIAL, Layout
from parquetry.tuning import (
    Config,
    LayoutExplorer,
    MetadataStore,
    QueryExecutor,
    moving_rule,
    proposing,
)
from parquetry.tuning.costs.constants import Constants
from parquetry.tuning.deciding import State
from parquetry.tuning.evaluation import racing
from parquetry.tuning.memory import remember_move
from parquetry.tuning.migrations.worker import Worker
from parquetry.tuning.moving_rule import decide_for
from parquetry.tuning.proposing import propose_for
from parquetry.tuning.records import LayoutRecord, LoggedQuery, LoggedScan, MigrationJob
from parquetry.tuning.replicas.folder import list_replicas
from parquetry.tuning.replicas.state import replica_states
from parquetry.tuning.rewriting.local import LocalRewriter
from parquetry.tuning.routing.router import ReplicaRouter

ROWS = 200_000
GROUP_ROWS = 10_000
QUERY = "SELECT count(*), min(v), max(v) FROM events WHERE user_id = ?"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(0)
    rows = pa.table(
        {
            "user_id": rng.integers(0, 5_000, ROWS),
            "kind": rng.choice(["a", "b", "c"], ROWS),
            "v": rng.random(ROWS),
        }
    )
    (tmp_path / "data" / "events").mkdir(parents=True)
    path = tmp_path / "data" / "events" / "rows.parquet"
    pq.write_table(rows, path, row_group_size=GROUP_ROWS)
    return Store(tmp_path / "data")


@pytest.fixture
def metadata(tmp_path):
    metadata = MetadataStore(tmp_path / "metadata.db")
    yield metadata
    metadata.close()


@pytest.fixture
def config(store, tmp_path):
    return Config(
        data_dir=store.path,
        metadata_db=str(tmp_path / "metadata.db"),
        min_rows=0,
        min_row_groups=0,
        min_queries=10,
    )


@pytest.fixture
def calm(monkeypatch):
    """A clock without noise: a query takes as long as it reads row groups; prices are known."""

    def runner(path, layout):
        store = Store(path, router=ReplicaRouter(racing.Pinned(layout)))

        def run(query):
            answer = store.sql(query.text, query.parameters, profile=True)
            return float(answer.stats.row_groups_read)

        return run

    monkeypatch.setattr(racing, "_runner", runner)
    monkeypatch.setattr(proposing, "fit_log", lambda _: Constants())


def ask(config, metadata, count=20, sql=QUERY):
    executor = QueryExecutor(config, metadata)
    answers = [executor.run_query(sql, [number]).fetchall() for number in range(count)]
    executor.flush()
    return answers


def replicas(store):
    dataset = store.dataset("events")
    return list_replicas(dataset.source.home, dataset.source.storage)


@pytest.mark.usefixtures("calm")
def test_what_is_asked_for_is_written_verified_and_kept(store, config, metadata):
    ask(config, metadata)
    result = LayoutExplorer(config, metadata).optimize_table("events")
    assert result.workload.hot_columns == ("user_id",)
    assert result.decision.move.layout.columns[0] == "user_id"
    assert result.job.state == "done"
    assert result.verdict.passed
    assert "user_id" in metadata.layout("events", result.layout_id).layout.sort_by
    assert replicas(store) == [result.layout_id]
    assert "asked for" in str(result)
    assert "kept: reads as little as predicted" in str(result)


@pytest.mark.usefixtures("calm")
def test_questions_to_a_tuned_store_are_answered_from_the_new_layout(store):
    expected = [store.sql(QUERY, [number]).fetchall() for number in range(20)]
    tuning = store.tune(exploration_rate=0.0, share_measured=1.0)
    assert [store.sql(QUERY, [number]).fetchall() for number in range(20)] == expected
    result = tuning.optimize("events")
    assert [store.sql(QUERY, [number]).fetchall() for number in range(20)] == expected
    status = tuning.status()
    assert [one.layout_id for one in status.tables[0].layouts] == [result.layout_id]
    logged = [query.scans[0] for query in tuning.metadata.queries("events")]
    routed = [scan for scan in logged if scan.layout == result.layout_id]
    assert routed
    assert all(scan.row_groups_read < 3 and scan.predicted_seconds > 0 for scan in routed)
    assert "predicted" in routed[0].reason
    store.dataset("events").append([{"user_id": 3, "kind": "a", "v": 0.5}])
    [(count, _, _)] = store.sql(QUERY, [3]).fetchall()
    assert count == expected[3][0][0] + 1
    tuning.off()


def test_a_layout_that_is_not_faster_is_taken_away_again(store, config, metadata, monkeypatch):
    monkeypatch.setattr(racing, "_runner", lambda *_: lambda _: 1.0)
    answers = ask(config, metadata)
    result = LayoutExplorer(config, metadata).optimize_table("events")
    assert not result.verdict.passed
    assert result.layout_id is None
    record = metadata.layout("events", result.job.layout.layout_id)
    assert record.state == "retired"
    assert "not surely faster" in record.message
    assert replicas(store) == []
    assert "taken away again" in str(result)
    assert ask(config, metadata) == answers


@pytest.mark.usefixtures("calm")
def test_a_layout_that_was_refused_must_promise_more_before_it_is_written_again(
    config, metadata, monkeypatch
):
    monkeypatch.setattr(racing, "_runner", lambda *_: lambda _: 1.0)
    explorer = LayoutExplorer(config.model_copy(update={"theta": 1e-9}), metadata)
    ask(config, metadata)
    refused = explorer.tune_table("events")
    assert not refused.verdict.passed
    ask(config, metadata)
    told = []
    monkeypatch.setattr(moving_rule, "decide", lambda _, choices, _rules: told.extend(choices))
    explorer.tune_table("events")
    cautions = {option.layout: option.caution for option in told}
    assert cautions.pop(refused.job.layout.layout_id) > 1
    assert set(cautions.values()) <= {1.0}


@pytest.mark.usefixtures("calm")
def test_the_rule_waits_until_moving_would_have_paid(store, config, metadata):
    explorer = LayoutExplorer(config, metadata)
    ask(config, metadata, 5)
    assert "too early: 5 of 10" in explorer.tune_table("events").decision.reason
    ask(config, metadata, 15)
    patient = LayoutExplorer(config.model_copy(update={"theta": 1e9}), metadata)
    stayed = patient.tune_table("events")
    assert stayed.job is None
    assert stayed.decision.reason.startswith("stay: ")
    eager = LayoutExplorer(config.model_copy(update={"theta": 1e-9}), metadata)
    moved = eager.tune_table("events")
    assert "would have saved" in moved.decision.reason
    assert moved.layout_id in replicas(store)
    again = eager.tune_table("events")
    assert again.job is None
    assert "0 of 10" in again.decision.reason or "no layout" in again.decision.reason


@pytest.mark.usefixtures("calm")
def test_a_replica_is_not_made_where_keeping_it_costs_more_than_it_saves(store, config, metadata):
    ask(config, metadata)
    eager = config.model_copy(update={"theta": 1e-9})
    dear = eager.model_copy(update={"storage_price_gb_month": 1e15})
    assert LayoutExplorer(dear, metadata).tune_table("events").job is None
    metadata.save_state("events", {})
    assert LayoutExplorer(eager, metadata).tune_table("events").job is not None


@pytest.mark.usefixtures("calm")
def test_no_replica_is_written_by_itself_where_the_disk_has_no_room(
    store, config, metadata, monkeypatch
):
    ask(config, metadata)
    eager = LayoutExplorer(config.model_copy(update={"theta": 1e-9}), metadata)
    free = shutil.disk_usage(store.path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    stayed = eager.tune_table("events")
    assert stayed.job is None
    assert "the disk has 100 B left" in stayed.decision.reason
    assert eager.optimize_table("events").job is not None  # somebody asks for it


@pytest.fixture
def bold(monkeypatch):
    """A rule that never becomes cautious, however dear moving so small a dataset is."""
    monkeypatch.setattr(State, "is_cautious", False)


@pytest.mark.usefixtures("calm", "bold")
def test_a_replica_that_writing_made_stale_is_made_anew_when_that_would_have_paid(
    store, config, metadata
):
    ask(config, metadata)
    eager = LayoutExplorer(config.model_copy(update={"theta": 1e-9}), metadata)
    first = eager.tune_table("events").layout_id
    dataset = store.dataset("events")
    dataset.delete(pl.col("user_id") == 3)
    seen = eager.tune_table("events")
    assert metadata.layout("events", first).state == "stale"
    assert seen.job is None  # nothing was missed by it yet
    assert "0 of 10 questions since the last move" in seen.decision.reason
    answers = ask(config, metadata)
    again = eager.tune_table("events")
    assert again.layout_id is not None
    assert replicas(store) == [again.layout_id]
    assert replica_states(dataset.source.home, dataset.source.storage)[again.layout_id].is_fresh
    assert ask(config, metadata) == answers
    assert answers[3][0][0] == 0


@pytest.mark.usefixtures("calm")
def test_a_replica_that_lacks_a_few_new_files_stays(store, config, metadata):
    ask(config, metadata)
    eager = LayoutExplorer(config.model_copy(update={"theta": 1e-9}), metadata)
    first = eager.tune_table("events").layout_id
    store.dataset("events").append([{"user_id": 3, "kind": "a", "v": 0.5}])
    eager.tune_table("events")
    assert metadata.layout("events", first).state == "ready"


def test_every_round_scores_the_layouts(config, metadata):
    ask(config, metadata)
    LayoutExplorer(config, metadata).tune_table("events")
    [scored, of_the_kind] = metadata.evaluations("events")
    assert {scored.queries, of_the_kind.queries} == {20}
    assert {scored.note, of_the_kind.note} == {"baseline"}


def test_old_questions_are_forgotten(store):
    tuning = store.tune(history_days=10)
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=11)
    scan = LoggedScan("events")
    tuning.metadata.log_queries([LoggedQuery("old", old, "sql", "", "c", 1.0, 1, (scan,))])
    store.sql(QUERY, [1])
    assert tuning.status().tables[0].queries == 2
    tuning.run_once()
    assert tuning.status().tables[0].queries == 1
    tuning.off()


def test_each_question_is_counted_once(store, config, metadata):
    dataset = store.dataset("events")
    for expected in (12, 12, 24):
        if expected != metadata.count_queries("events"):
            ask(config, metadata, 12)
        decide_for("events", propose_for(dataset, metadata, config), metadata, config)
        assert metadata.state("events")["state"]["queries"] == expected
    remember_move("events", 1.0, metadata)
    assert metadata.state("events")["state"]["queries"] == 0
    ask(config, metadata, 3)
    decide_for("events", propose_for(dataset, metadata, config), metadata, config)
    assert metadata.state("events")["state"]["queries"] == 3


def test_small_datasets_are_left_alone_unless_asked(store, config, metadata):
    ask(config, metadata)
    strict = config.model_copy(update={"min_rows": 1_000_000})
    explorer = LayoutExplorer(strict, metadata)
    assert "left alone: 200,000 rows" in explorer.tune_table("events").decision.reason
    assert explorer.optimize_table("events").job is not None


def test_without_questions_nothing_is_done(config, metadata):
    result = LayoutExplorer(config, metadata).optimize_table("events")
    assert result.job is None
    assert "no layout is predicted to be faster" in result.decision.reason


def test_a_dataset_that_is_not_there_is_named(config, metadata):
    with pytest.raises(NotFoundError, match="Did you mean 'events'"):
        LayoutExplorer(config, metadata).optimize_table("event")


def test_questions_about_columns_that_vanished_are_passed_over(config, metadata):
    scan = LoggedScan("events", demands=((Demand(Comparison("gone", "=", 1)),),))
    metadata.log_queries(
        [
            LoggedQuery(str(n), NOW, "sql", "SELECT gone FROM events", "c", 9.0, 1, (scan,))
            for n in range(20)
        ]
    )
    result = LayoutExplorer(config, metadata).optimize_table("events")
    assert result.job is None


@pytest.mark.usefixtures("calm")
def test_a_migration_can_be_left_to_a_worker(store, config, metadata):
    ask(config, metadata)
    eager = LayoutExplorer(config.model_copy(update={"theta": 1e-9}), metadata)
    result = eager.tune_table("events", waits=False)
    assert (result.job.state, result.verdict) == ("queued", None)
    assert Worker(metadata, config).run_once().state == "done"
    assert replicas(store) == [result.job.layout.layout_id]


@pytest.mark.usefixtures("calm")
def test_the_folder_itself_is_laid_out_if_so_wished(store, config, metadata):
    answers = ask(config, metadata)
    result = LayoutExplorer(config, metadata).optimize_table("events", role="active")
    assert result.job.state == "done"
    assert result.verdict.passed
    assert "interleaved pairs" in result.verdict.gate_b.reason
    assert metadata.active_layout("events").layout_id == result.layout_id
    assert replicas(store) == []
    assert ask(config, metadata) == answers
    assert metadata.queries("events")[-1].scans[0].layout == result.layout_id


def test_a_folder_that_is_not_faster_than_it_was_is_laid_out_back(
    store, config, metadata, monkeypatch
):
    monkeypatch.setattr(racing, "_runner_of", lambda *_: lambda _: 1.0)
    answers = ask(config, metadata)
    files = store.dataset("events").files()
    result = LayoutExplorer(config, metadata).optimize_table("events", role="active")
    assert not result.verdict.passed
    assert result.layout_id is None
    record = metadata.layout("events", result.job.layout.layout_id)
    assert record.state == "retired"
    assert "was undone, back to version 0: not surely faster" in record.message
    assert [path.rpartition("/")[2] for path in store.dataset("events").files()] == [
        path.rpartition("/")[2] for path in files
    ]
    assert ask(config, metadata) == answers


@pytest.mark.usefixtures("calm")
def test_a_replica_that_became_slower_is_taken_away(store, config, metadata, monkeypatch):
    ask(config, metadata)
    explorer = LayoutExplorer(config, metadata)
    layout_id = explorer.optimize_table("events").layout_id
    cluster = metadata.queries("events")[0].cluster_id

    def logged(number, layout, latency_ms):
        scan = LoggedScan("events", layout, ((Demand(Comparison("user_id", "=", 1)),),))
        at = dt.datetime.now(dt.UTC)
        return LoggedQuery(f"late {number}", at, "sql", QUERY, cluster, latency_ms, 1, (scan,))

    metadata.log_queries([logged(n, INITIAL, 10.0 + n % 3) for n in range(40)])
    metadata.log_queries([logged(100 + n, layout_id, 900.0 + n % 7) for n in range(40)])
    seconds = {INITIAL: 1.0, layout_id: 3.0}
    monkeypatch.setattr(racing, "_runner", lambda _, layout: lambda _: seconds[layout])
    result = explorer.tune_table("events")
    [news] = result.news
    assert news.startswith(f"{layout_id} was given up: slower")
    assert metadata.layout("events", layout_id).state == "retired"
    assert replicas(store) == []


@pytest.mark.usefixtures("calm")
def test_a_replica_is_given_up_for_a_better_one(store, config, metadata):
    ask(config, metadata)
    one = LayoutExplorer(config.model_copy(update={"max_replicas": 1}), metadata)
    first = one.optimize_table("events").layout_id
    ask(config, metadata, 200, "SELECT count(*), max(user_id) FROM events WHERE v < ? / 1e5")
    second = one.optimize_table("events")
    if second.decision.move is not None:
        assert second.decision.drops == first
        assert replicas(store) == [second.layout_id if second.verdict.passed else first]


class TestExtensions:
    @pytest.mark.usefixtures("calm")
    def test_candidates_come_from_rules_of_ones_own(self, config, metadata):
        mine = Layout(sort_by=("user_id",), row_group_rows=20_000)

        def rule(situation, so_far):
            assert "user_id" in situation.columns
            return [mine] if mine not in so_far else []

        ask(config, metadata)
        result = LayoutExplorer(config, metadata, rules=(rule,)).optimize_table("events")
        assert result.layout_id == mine.layout_id

    @pytest.mark.usefixtures("calm")
    def test_rows_are_written_by_a_rewriter_of_ones_own(self, store, config, metadata):
        tasks = []

        def rewriter(task):
            tasks.append(task)
            return LocalRewriter(store.dataset("events").source.storage)(task)

        ask(config, metadata)
        result = LayoutExplorer(config, metadata, rewriter=rewriter).optimize_table("events")
        assert {task.layout.layout_id for task in tasks} == {result.layout_id}


class TestStore:
    def test_tunes_itself_in_a_thread_until_it_is_stopped(self, store):
        tuning = store.tune(watch=True, interval_seconds=0.01, min_rows=0, min_queries=1)
        store.sql(QUERY, [1])
        deadline = time.monotonic() + 60
        while not tuning.status().tables:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        tuning.stop()
        tuning.stop()
        assert tuning.is_on
        tuning.off()
        assert not tuning.is_on
        assert str(tuning.status()).endswith("is off")

    def test_says_how_far_it_is(self, store):
        tuning = store.tune(["events"])
        store.sql(QUERY, [1])
        now = dt.datetime.now(dt.UTC)
        layout = Layout(sort_by=("user_id",))
        tuning.metadata.save_layout(
            LayoutRecord(layout.layout_id, "events", layout, "replica", "stale", now)
        )
        text = str(tuning.status())
        assert "is on" in text
        assert "events: 1 questions" in text
        assert f"{layout.layout_id} (replica, stale): sort by user_id" in text
        assert "on)" in repr(tuning)
        tuning.off()

    def test_cancels_a_migration_that_waits(self, store):
        tuning = store.tune()
        layout = Layout(sort_by=("user_id",))
        job = tuning.metadata.enqueue_job(MigrationJob("events", layout))
        store.sql(QUERY, [1])
        assert f"migration {job.job_id} to {layout.layout_id}: queued" in str(tuning.status())
        assert tuning.cancel(job.job_id).state == "cancelled"
        assert Worker(tuning.metadata, tuning.config).run_once() is None
        with pytest.raises(NotFoundError, match="no migration job 99"):
            tuning.cancel(99)
        tuning.off()

    def test_refuses_what_cannot_be_tuned(self, store):
        with pytest.raises(NotFoundError, match="There is no dataset"):
            store.tune(["nothing"])
        with pytest.raises(ParameterError, match="exploration_rate"):
            store.tune(exploration_rate=7)
        assert not store.tuning.is_on
        with pytest.raises(RequestError, match="Tuning is off"):
            store.tuning.optimize("events")
