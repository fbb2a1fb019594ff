"""Looking for layouts is done when it can lead to something, and only at what is new."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry import Store
from parquetry.access.conditions import Comparison, Demand
from parquetry.tuning import Config, LayoutExplorer, MetadataStore
from parquetry.tuning.costs import ledger
from parquetry.tuning.notebook import find_notebook
from parquetry.tuning.proposing import propose_for, rewrite_estimate
from parquetry.tuning.records import LayoutRecord, LoggedQuery, LoggedScan
from parquetry.tuning.spacing import Look, Looked, why_wait

ROWS = 100_000


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "events"
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = pa.table({"user": random.integers(0, 5_000, ROWS), "v": random.random(ROWS)})
    pq.write_table(rows, folder / "rows.parquet", row_group_size=5_000)
    return Store(folder.parent).dataset("events")


@pytest.fixture
def metadata(tmp_path):
    found = MetadataStore(tmp_path / "metadata.db")
    yield found
    found.close()


CONFIG = Config(min_rows=0, min_row_groups=0, min_queries=10)
AT_ONCE = CONFIG.model_copy(update={"share_looking": 1e9})
"""Looking costs nothing."""
_LAST = [0]


def log(metadata, count, seconds=0.01, rows=10, column="user", layout="initial"):
    """Log questions, as if they had been asked now."""
    queries = []
    for _ in range(count):
        _LAST[0] += 1
        demands = ((Demand(Comparison(column, "=", _LAST[0] % 5_000)),),)
        scan = LoggedScan("events", layout, demands, rows=rows)
        at = dt.datetime.now(dt.UTC)
        query = LoggedQuery(f"q{_LAST[0]}", at, "sql", "", column, 1e3 * seconds, 1, (scan,))
        queries.append(query)
    metadata.log_queries(queries)


def test_activity_is_what_was_asked_after_a_moment_by_kind(metadata):
    log(metadata, 3, seconds=0.5, rows=None)
    since = dt.datetime.now(dt.UTC)
    log(metadata, 2, seconds=0.25, rows=30, column="v")
    [v] = metadata.activity("events", since)
    assert (v.cluster_id, v.queries, v.seconds, v.rows) == ("v", 2, pytest.approx(0.5), 30)
    user = next(one for one in metadata.activity("events") if one.cluster_id == "user")
    assert (user.queries, user.rows) == (3, None)
    assert user.until <= since
    assert metadata.activity("others") == []


def test_nothing_is_done_where_nothing_new_was_asked(dataset, metadata):
    assert why_wait(dataset, metadata, CONFIG) == "nothing was asked since the last look"
    log(metadata, 1_100)
    assert why_wait(dataset, metadata, CONFIG) is None
    Look("events", metadata).end(None)
    assert why_wait(dataset, metadata, CONFIG) == "nothing was asked since the last look"


def test_small_datasets_and_few_questions_are_left_alone(dataset, metadata):
    log(metadata, 9, seconds=10.0)
    assert "left alone: 100,000 rows" in why_wait(dataset, metadata, Config())
    assert "too few questions" in why_wait(dataset, metadata, CONFIG)


def test_the_first_look_waits_until_a_layout_could_have_paid(dataset, metadata):
    extent = find_notebook(dataset, metadata).extent(dataset.source.listing())
    needed = CONFIG.theta * rewrite_estimate([], extent)
    log(metadata, 10, seconds=0.8 * needed / 10)
    assert "no layout can have paid" in why_wait(dataset, metadata, AT_ONCE)
    log(metadata, 10, seconds=0.3 * needed / 10)
    assert why_wait(dataset, metadata, AT_ONCE) is None


def test_rows_that_a_question_keeps_cannot_be_spared(dataset, metadata):
    extent = find_notebook(dataset, metadata).extent(dataset.source.listing())
    needed = CONFIG.theta * rewrite_estimate([], extent)
    log(metadata, 10, seconds=5 * needed / 10, rows=ROWS)
    assert "no layout can have paid" in why_wait(dataset, metadata, AT_ONCE)


def test_the_first_look_is_worth_what_it_takes(dataset, metadata):
    log(metadata, 90, seconds=0.1)
    assert "no layout can have paid" in why_wait(dataset, metadata, CONFIG)
    log(metadata, 20, seconds=0.1)
    assert why_wait(dataset, metadata, CONFIG) is None


def test_later_looks_wait_for_what_was_lacking(dataset, metadata):
    log(metadata, 100, seconds=1.0)
    Look("events", metadata).end(lacks_seconds=5.0)
    log(metadata, 4, seconds=1.0)
    assert "no layout can have paid" in why_wait(dataset, metadata, CONFIG)
    log(metadata, 2, seconds=1.0)
    assert why_wait(dataset, metadata, CONFIG) is None


def test_looking_keeps_to_its_share_of_the_questions_time(dataset, metadata):
    log(metadata, 10)
    looked = Looked("2024-01-01T00:00:00+00:00", 90.0, seconds=0.6, last_seconds=0.5)
    metadata.save_state("events", {**looked_document(looked)}, "looking")
    assert "taken its share" in why_wait(dataset, metadata, CONFIG)  # 1.1 s of at most 0.9
    log(metadata, 21, seconds=1.0)
    assert why_wait(dataset, metadata, CONFIG) is None  # of at most 1.1


def test_a_first_look_that_nothing_came_of_counts_as_well(dataset, metadata):
    """Where no layout is of use, the first look is the dearest, and a second one would take as long."""
    looked = Looked("2024-01-01T00:00:00+00:00", 90.0, first_seconds=0.6)
    metadata.save_state("events", {**looked_document(looked)}, "looking")
    log(metadata, 10, seconds=1.0)
    assert "taken its share" in why_wait(dataset, metadata, CONFIG)  # 1.2 s of at most 1.0
    layout = propose_for(dataset, metadata, CONFIG).best.layout
    now = dt.datetime.now(dt.UTC)
    metadata.save_layout(LayoutRecord(layout.layout_id, "events", layout, "replica", "ready", now))
    assert why_wait(dataset, metadata, CONFIG) is None


def test_a_look_that_should_lead_to_a_move_is_done_whatever_looking_took(dataset, metadata):
    looked = Looked("2024-01-01T00:00:00+00:00", 90.0, 9.0, 0.5, due_seconds=2.0)
    metadata.save_state("events", {**looked_document(looked)}, "looking")
    log(metadata, 19, seconds=0.1)
    assert "taken its share" in why_wait(dataset, metadata, CONFIG)
    log(metadata, 2, seconds=0.1)
    assert why_wait(dataset, metadata, CONFIG) is None


def looked_document(looked):
    return {name: getattr(looked, name) for name in Looked.__slots__}


def test_layouts_that_are_there_are_watched_though_nothing_is_due(dataset, metadata):
    log(metadata, 100, seconds=1.0)
    Look("events", metadata).end(lacks_seconds=1e9)
    log(metadata, 1)
    assert "no layout can have paid" in why_wait(dataset, metadata, CONFIG)
    layout = propose_for(dataset, metadata, CONFIG).best.layout
    now = dt.datetime.now(dt.UTC)
    metadata.save_layout(LayoutRecord(layout.layout_id, "events", layout, "replica", "ready", now))
    assert why_wait(dataset, metadata, CONFIG) is None


def test_what_looking_takes_is_remembered_without_the_migration(metadata):
    log(metadata, 2, seconds=1.0)
    first = Look("events", metadata)
    with first.moving():
        pass
    first.moving_seconds = -3.0
    first.end(None)
    then = Looked.of("events", metadata)
    assert (then.asked_seconds, then.seconds) == (2.0, 0.0)
    assert then.first_seconds == pytest.approx(3.0, abs=1.0)
    log(metadata, 1, seconds=1.0)
    again = Look("events", metadata)
    assert again.first_seconds == then.first_seconds
    again.end(4.0)
    now = Looked.of("events", metadata)
    assert (now.asked_seconds, now.lacks_seconds) == (3.0, 4.0)
    assert now.seconds == now.last_seconds > 0


class Counting:
    """Counts the questions and the layouts that are held against each other."""

    def __init__(self, monkeypatch):
        self.asked = []
        predict = ledger.predict_works
        order = ledger.predict_groups
        self.ordered = 0

        def works(asked, groups, sample):
            self.asked.append(len(asked))
            return predict(asked, groups, sample)

        def groups(*arguments):
            self.ordered += 1
            return order(*arguments)

        monkeypatch.setattr(ledger, "predict_works", works)
        monkeypatch.setattr(ledger, "predict_groups", groups)


def test_a_second_round_prices_only_what_is_new(dataset, metadata, monkeypatch):
    log(metadata, 300)
    first = propose_for(dataset, metadata, CONFIG)
    counting = Counting(monkeypatch)
    log(metadata, 7)
    again = propose_for(dataset, metadata, CONFIG, is_anew=False)
    assert set(counting.asked) == {7}
    assert counting.ordered == 0
    assert [one.layout_id for one in again.candidates] == [
        one.layout_id for one in first.candidates
    ]
    assert again.queries == 307


def test_what_is_known_already_changes_no_price(dataset, metadata, tmp_path):
    log(metadata, 40)
    propose_for(dataset, metadata, CONFIG)
    log(metadata, 40, column="v")
    kept = propose_for(dataset, metadata, CONFIG)
    other = MetadataStore(tmp_path / "other.db")
    other.log_queries(metadata.queries())
    fresh = propose_for(dataset, other, CONFIG)
    assert [one.layout_id for one in kept.candidates] == [one.layout_id for one in fresh.candidates]
    for one, same in zip(kept.candidates, fresh.candidates, strict=True):
        assert one.each == pytest.approx(same.each)
    other.close()


def test_layouts_are_looked_for_anew_when_questions_are_of_other_kinds(dataset, metadata):
    log(metadata, 300)
    first = propose_for(dataset, metadata, CONFIG)
    log(metadata, 200, column="v")
    again = propose_for(dataset, metadata, CONFIG, is_anew=False)
    columns = {name for one in again.candidates for name in one.layout.columns}
    assert "v" in columns
    assert "v" not in {name for one in first.candidates for name in one.layout.columns}


def test_a_dataset_that_has_changed_is_looked_at_anew(tmp_path, metadata):
    store = Store(tmp_path / "store")
    growing = store.dataset("events")
    growing.append(pa.table({"user": range(50_000), "v": [0.5] * 50_000}))
    log(metadata, 50)
    first = propose_for(growing, metadata, CONFIG)
    growing.append(pa.table({"user": range(40_000), "v": [0.5] * 40_000}))
    again = propose_for(growing, metadata, CONFIG)
    assert again.situation.sample.rows == 90_000
    assert first.situation.sample.rows == 50_000
    assert (first.own.row_groups, again.own.row_groups) == (1.0, 2.0)


def test_rounds_of_a_store_do_nothing_where_nothing_was_asked(tmp_path):
    store = Store(tmp_path / "store")
    store.dataset("events").append(pa.table({"user": range(2_000)}))
    tuning = store.tune(min_rows=0, min_row_groups=0, min_queries=1, theta=1e-9, share_looking=1e9)
    assert tuning.run_once() == []
    for number in range(5):
        store.sql("select count(*) from events where user = ?", [number])
    [one] = tuning.run_once()
    assert one.workload.queries == 5
    assert tuning.run_once() == []
    tuning.off()


def test_who_calls_a_round_gets_one(tmp_path):
    store = Store(tmp_path / "store")
    store.dataset("events").append(pa.table({"user": range(2_000)}))
    metadata = MetadataStore(tmp_path / "metadata.db")
    config = Config(data_dir=store.path, min_rows=0, min_row_groups=0)
    explorer = LayoutExplorer(config, metadata)
    assert explorer.tune_table("events").workload.queries == 0
    metadata.close()
