"""Switching tuning on and off: whoever opens the store is observed, or costs nothing."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys

import polars as pl
import pytest

from parquetry import Dataset, Store
from parquetry.errors import CorruptionError, FormatVersionError, ParameterError
from parquetry.tuning import MetadataStore
from parquetry.tuning.observing import TunedRouter
from parquetry.tuning.switching import Switch, read_switch, switch_off, switch_on
from parquetry.watching import find_watch


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.dataset("events").append([{"x": 1}, {"x": 2}])
    store.dataset("other").append([{"x": 1}])
    return store


def logged(store):
    watch = find_watch(store.path)
    watch.observer.logger.flush()
    metadata = MetadataStore(f"{store.path}/.parquetry/metadata.db")
    found = metadata.queries()
    metadata.close()
    return found


def test_sql_and_scans_are_logged_while_it_is_on(store):
    store.sql("FROM events")
    switch_on(store.path, Switch())
    store.sql("SELECT x FROM events")
    store.dataset("events").scan().collect()
    Dataset(f"{store.path}/events").scan().select(pl.len()).collect()
    pickle.loads(pickle.dumps(store)).sql("SELECT max(x) FROM events")
    assert [query.language for query in logged(store)] == ["sql", "polars", "polars", "sql"]
    found = logged(store)
    assert switch_off(store.path)
    store.sql("FROM events")
    store.dataset("events").scan().collect()
    assert find_watch(store.path).observer is None
    switch_on(store.path, Switch())
    assert logged(store) == found
    switch_off(store.path)
    assert not switch_off(store.path)


def test_other_processes_are_observed_without_importing_anything(store):
    switch_on(store.path, Switch())
    code = f"import parquetry; parquetry.Store({store.path!r}).sql('SELECT x FROM events')"
    done = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in done:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
    assert len(logged(store)) == 3


def test_only_some_datasets_are_observed_if_so_wished(store):
    switch_on(store.path, Switch(tables=("events",)))
    store.sql("FROM other")
    store.sql("FROM events")
    store.sql("FROM events JOIN other USING (x)")
    assert [[scan.table for scan in query.scans] for query in logged(store)] == [["events"]] * 2


def test_an_observer_of_ones_own_takes_the_place_of_tuning(store):
    class Watcher:
        seen = 0

        def observed(self, _observation):
            self.seen += 1

    switch_on(store.path, Switch())
    watcher = Watcher()
    own = Store(store.path, observer=watcher)
    own.sql("FROM events")
    own.dataset("events").scan().collect()
    assert watcher.seen == 2
    assert find_watch(store.path).observer.logger.failure is None
    assert logged(store) == []


def test_settings_are_kept_and_held(store):
    with pytest.raises(ParameterError, match="exploration_rate is 7"):
        switch_on(store.path, Switch(settings={"exploration_rate": 7}))
    assert read_switch(store.path) is None
    switch = Switch("elsewhere.db", ("events",), {"exploration_rate": 0.5})
    switch_on(store.path, switch)
    assert read_switch(store.path) == switch
    config = switch.config(store.path)
    assert config.exploration_rate == 0.5
    assert config.metadata_db == f"{store.path}/.parquetry/elsewhere.db"
    assert Switch("postgresql://a@b/c").config(store.path).metadata_db == "postgresql://a@b/c"
    assert Switch("/tmp/x.db").config(store.path).metadata_db == "/tmp/x.db"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("{", CorruptionError),
        ("[]", CorruptionError),
        ('{"format": 1}', CorruptionError),
        ('{"format": 99, "metadata_db": "x"}', FormatVersionError),
    ],
)
def test_a_file_that_cannot_be_understood_costs_the_log_alone(store, content, error, caplog):
    switch_on(store.path, Switch())
    path = f"{store.path}/.parquetry/tuning.json"
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    with pytest.raises(error, match=r"[Ss]witch tuning off"):
        read_switch(store.path)
    with caplog.at_level(logging.WARNING, "parquetry.tuning"):
        assert len(store.sql("FROM events")) == 2
        assert len(store.sql("FROM events")) == 2
    assert len(caplog.records) == 1


def test_a_database_that_cannot_be_opened_costs_the_log_alone(store, caplog):
    switch_on(store.path, Switch("nowhere/metadata.db"))
    with caplog.at_level(logging.WARNING, "parquetry.tuning"):
        assert len(store.sql("FROM events")) == 2
        observer = find_watch(store.path).observer
        with pytest.raises(Exception, match="folder must exist"):
            observer.logger.flush()
    assert "not logged at present" in caplog.text
    observer.logger._buffer.clear()


def test_row_groups_are_measured_for_a_share_of_the_queries(store):
    for share, measured in ((0, 0), (1, 10)):
        switch_on(store.path, Switch(settings={"share_measured": share}))
        before = len(logged(store))
        for number in range(10):
            store.sql(f"SELECT {number} FROM events")
        found = logged(store)[before:]
        assert len(found) == 10
        assert sum(query.row_groups_read is not None for query in found) == measured
    switch_on(store.path, Switch(settings={"share_measured": 0.5}))
    before = len(logged(store))
    for number in range(60):
        store.sql(f"SELECT {number} FROM events")
    found = logged(store)[before:]
    assert 0 < sum(query.row_groups_read is not None for query in found) < 60


def test_the_file_is_what_it_says(store):
    switch_on(store.path, Switch())
    with open(f"{store.path}/.parquetry/tuning.json", encoding="utf-8") as file:
        assert json.load(file) == {
            "format": 1,
            "metadata_db": "metadata.db",
            "tables": None,
            "settings": {},
        }


def test_only_some_datasets_are_rerouted_if_so_wished(store):
    class Guide:
        asked, lost = [], []

        def route(self, question):
            self.asked.append(question.source.home.name)

        def failed(self, question, route):
            self.lost.append((question, route))

    guide = Guide()
    router = TunedRouter(guide, ("events",))
    Store(store.path, router=router).sql("FROM events JOIN other USING (x)")
    assert guide.asked == ["events"]
    router.failed("question", "route")
    assert guide.lost == [("question", "route")]
