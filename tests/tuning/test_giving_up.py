"""New layouts are raced and replayed, those that turn out slower are given up, and no row is lost."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest

from parquetry import Store
from parquetry.model.layouts import Layout
from parquetry.tuning.answering import routed_executor
from parquetry.tuning.bandits.policy import Option
from parquetry.tuning.config import Config
from parquetry.tuning.datasets.generating import generate
from parquetry.tuning.evaluation import verifying
from parquetry.tuning.evaluation.gates import Pair
from parquetry.tuning.evaluation.gathering import gather
from parquetry.tuning.evaluation.giving_up import give_up, version_before
from parquetry.tuning.evaluation.racing import Pinned, race_version
from parquetry.tuning.evaluation.verifying import find_verification, verify_layout
from parquetry.tuning.evaluation.watching import watch, watched
from parquetry.tuning.executor import QueryExecutor
from parquetry.tuning.metadata.store import MetadataStore
from parquetry.tuning.migrations.enqueuing import enqueue_migration
from parquetry.tuning.migrations.worker import Worker
from parquetry.tuning.watchers import make_watchers

LAYOUT = Layout(sort_by=("customer_id", "event_date"), row_group_rows=1_000)


@pytest.fixture
def config(tmp_path):
    return Config(data_dir=str(tmp_path / "data"), metadata_db=str(tmp_path / "metadata.db"))


@pytest.fixture
def metadata(config):
    return MetadataStore(config)


@pytest.fixture
def store(config):
    made = Store(config.data_dir)
    generate(made, "events", 6_000)
    return made


@pytest.fixture
def dataset(store):
    return store.dataset("events")


def ask(config, metadata, count=20):
    executor = routed_executor(config, metadata)
    for number in range(count):
        executor.run_query(f"select count(*) from events where customer_id = {number}")
    executor.flush()


def lay_out(config, metadata, role="replica"):
    enqueue_migration(metadata, config.data_dir, "events", LAYOUT, role=role)
    done = Worker(metadata, config).run_once()
    assert done.state == "done"
    return metadata.layout("events", LAYOUT.layout_id)


def slow_answers(metadata, count, since):
    """Questions like those that were logged, ten times as slow, from the new layout."""
    known = [q for q in metadata.queries("events") if q.scans[0].layout == "initial"]
    metadata.log_queries(
        [
            replace(
                known[n % len(known)],
                query_id=f"slow {n}",
                at=since + dt.timedelta(milliseconds=n + 1),
                latency_ms=known[n % len(known)].latency_ms * 10,
                scans=(replace(known[0].scans[0], layout=LAYOUT.layout_id),),
            )
            for n in range(count)
        ]
    )


def test_a_new_replica_is_held_to_its_prediction_and_raced(config, metadata, dataset):
    ask(config, metadata, 12)  # so few that a race is not ended early
    record = lay_out(config, metadata)
    count = metadata.count_queries("events")
    found = verify_layout(dataset, metadata, config, record)
    assert found.gate_a.passed, found.gate_a.reason
    assert "over 12 interleaved pairs" in found.gate_b.reason
    assert find_verification(metadata, "events", record.layout_id) == found
    assert metadata.count_queries("events") == count  # a race is not logged


@pytest.mark.parametrize("role", ["replica", "active"])
def test_a_layout_that_fails_a_gate_is_given_up_whoever_asks(
    config, metadata, dataset, monkeypatch, role
):
    ask(config, metadata)
    record = lay_out(config, metadata, role)
    lost = [Pair("a", 0.01, 0.02 + n / 1e4) for n in range(20)]
    monkeypatch.setattr(verifying, "race_before", lambda *_, **__: lost)
    found = verify_layout(dataset, metadata, config, record)
    assert not found.passed
    assert record.layout_id in found.given_up
    assert metadata.layout("events", record.layout_id).state == "retired"
    assert dataset.count() == 6_000


def test_what_was_never_asked_cannot_be_verified(config, metadata, dataset):
    record = lay_out(config, metadata)
    assert verify_layout(dataset, metadata, config, record) is None
    assert find_verification(metadata, "events", record.layout_id) is None


def test_a_replica_that_is_slower_is_given_up_by_itself(config, metadata, dataset):
    ask(config, metadata)
    record = lay_out(config, metadata)
    slow_answers(metadata, 30, record.created_at)
    lost = [Pair("a", 0.01, 0.02 + n / 1e4) for n in range(20)]
    [news] = watch(gather(dataset, metadata, config), metadata, dataset, lambda *_: lost)
    assert "was given up: slower: 2." in news
    assert metadata.layout("events", record.layout_id).state == "retired"
    ask(config, metadata, 3)
    assert {q.scans[0].layout for q in metadata.queries("events", limit=3)} == {"initial"}
    assert watch(gather(dataset, metadata, config), metadata, dataset) == []


def test_a_replica_that_only_seemed_slower_is_raced_and_kept(config, metadata, dataset):
    ask(config, metadata)
    record = lay_out(config, metadata)
    slow_answers(metadata, 30, record.created_at)  # the machine became busier
    won = [Pair("a", 0.02, 0.01 + n / 1e4) for n in range(20)]
    [news] = watch(gather(dataset, metadata, config), metadata, dataset, lambda *_: won)
    assert "a race does not agree" in news
    assert metadata.layout("events", record.layout_id).state == "ready"
    assert watched(metadata, "events", record.layout_id).count == 0


def test_what_was_watched_is_remembered_and_each_question_counts_once(config, metadata, dataset):
    ask(config, metadata)
    record = lay_out(config, metadata)
    slow_answers(metadata, 5, record.created_at)
    for _ in range(2):
        assert watch(gather(dataset, metadata, config), metadata, dataset) == []
        assert watched(metadata, "events", record.layout_id).count == 5


def test_an_active_layout_is_undone_unless_others_changed_the_dataset_since(
    config, metadata, dataset
):
    before = sorted(dataset.files())
    record = lay_out(config, metadata, "active")
    assert sorted(dataset.files()) != before
    assert "was undone, back to version" in give_up(dataset, metadata, record, "slower")
    assert dataset.count() == 6_000
    assert metadata.layout("events", record.layout_id).state == "retired"


def test_an_active_layout_is_raced_against_the_files_of_before(config, metadata, dataset):
    ask(config, metadata)
    record = lay_out(config, metadata, "active")
    slow_answers(metadata, 30, record.created_at)
    version = version_before(dataset, record.layout_id)
    assert len(race_version(dataset, metadata.queries("events", limit=5), version)) == 5
    lost = [Pair("a", 0.01, 0.02 + n / 1e4) for n in range(20)]
    [news] = watch(gather(dataset, metadata, config), metadata, dataset, lambda *_: lost)
    assert "was undone" in news


def test_rows_that_came_since_are_never_undone_with_a_layout(config, metadata, dataset):
    record = lay_out(config, metadata, "active")
    dataset.append(dataset.scan().head(10).collect())
    assert "was not undone" in give_up(dataset, metadata, record, "slower")
    assert dataset.count() == 6_010
    assert metadata.layout("events", record.layout_id).state == "ready"


def test_routing_learns_while_it_answers_and_says_who_answered(config, metadata, dataset):
    ask(config, metadata)
    record = lay_out(config, metadata)
    watchers = make_watchers(config, lambda: metadata)
    executor = QueryExecutor(config, metadata, watchers.logger, router=watchers.router)
    for number in range(10):
        executor.run_query(f"select count(*) from events where customer_id = {number}")
    executor.flush()
    policy = watchers.policy._policy
    kind = metadata.queries("events", limit=1)[0].cluster_id
    _, seen = policy.seen("events", kind, Option(record.layout_id, 0.001))
    assert seen.count == len(metadata.queries("events", layout=record.layout_id)) > 0


def test_a_pinned_policy_takes_its_layout_where_it_can():
    options = [Option("initial"), Option("layout_1")]
    rng = random.Random(0)
    assert Pinned("layout_1").choose("t", None, options, rng).layout == "layout_1"
    assert Pinned("layout_2").choose("t", None, options, rng).layout == "initial"
