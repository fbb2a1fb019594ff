"""Logging questions: what is in the log, and that it never costs anybody a question."""

from __future__ import annotations

import datetime as dt
import logging
import os
import subprocess
import sys
import threading
import time

import polars as pl
import pytest

from parquetry import Store
from parquetry.errors import StorageError
from parquetry.model.layouts import Layout
from parquetry.tuning import Config, MetadataStore, QueryExecutor, QueryLogger
from parquetry.tuning.questions.clustering import Classifier
from parquetry.tuning.records import LayoutRecord


@pytest.fixture
def data(tmp_path):
    store = Store(tmp_path / "data")
    store.dataset("events").append([{"x": n, "s": f"v{n % 3}"} for n in range(10)])
    store.dataset("other").append([{"x": 1, "y": 2}])
    return tmp_path / "data"


@pytest.fixture
def metadata(tmp_path):
    store = MetadataStore(tmp_path / "metadata.db")
    yield store
    store.close()


def asking(data, metadata, **options):
    logger = QueryLogger(metadata, buffer_seconds=3_600, **options)
    return logger, Store(data, observer=logger)


def test_a_query_is_logged_with_what_it_read_and_cost(data, metadata):
    logger, store = asking(data, metadata)
    store.sql("SELECT s FROM events JOIN other USING (x) WHERE events.x < ?", [5])
    logger.flush()
    [query] = metadata.queries("events")
    assert (query.language, query.rows_returned, query.parameters) == ("sql", 1, (5,))
    assert query.is_replayable
    assert query.latency_ms > 0
    assert query.bytes_read > 0
    assert {scan.table: scan.row_groups_total for scan in query.scans} == {"events": 1, "other": 1}
    assert {scan.layout for scan in query.scans} == {"initial"}
    [shape] = metadata.shapes("events")
    assert shape.cluster_id == query.cluster_id
    assert shape.example == query.text


def test_a_scan_is_logged(data, metadata):
    logger, store = asking(data, metadata)
    store.dataset("events").scan().filter(pl.col("x") > 5).select("s").collect()
    logger.flush()
    [query] = metadata.queries("events")
    assert (query.language, query.rows_returned, query.is_replayable) == ("polars", 4, False)
    [[demand]] = query.scans[0].demands
    assert (demand.condition.column, demand.condition.value) == ("x", 5)


def test_own_files_are_called_by_the_layout_that_they_were_given(data, metadata):
    layout = Layout(sort_by=("x",))
    now = dt.datetime.now(dt.UTC)
    metadata.save_layout(LayoutRecord(layout.layout_id, "events", layout, "active", "ready", now))
    logger, store = asking(data, metadata)
    store.sql("SELECT events.x FROM events JOIN other USING (x)")
    logger.flush()
    [query] = metadata.queries()
    assert {scan.table: scan.layout for scan in query.scans} == {
        "events": layout.layout_id,
        "other": "initial",
    }
    assert logger.own_layout("events") == layout.layout_id
    assert logger.own_layout("unheard of") == "initial"


def test_a_query_tells_the_columns_that_it_reads(data, metadata):
    logger, store = asking(data, metadata)
    store.sql("SELECT max(s) FROM events WHERE x > 1")
    store.sql("SELECT * FROM events")
    store.sql("SELECT count(*) FROM events")
    logger.flush()
    columns = [query.scans[0].columns for query in metadata.queries()]
    assert columns == [("s", "x"), None, ()]


def test_what_reads_no_dataset_is_not_logged(data, metadata):
    logger, store = asking(data, metadata)
    store.sql("SELECT 1")
    store.sql("EXPLAIN SELECT * FROM events")
    logger.flush()
    assert metadata.queries() == []


def test_each_question_is_logged_once_by_many_threads(data, metadata):
    logger, store = asking(data, metadata, buffer_rows=7)

    def ask():
        for n in range(20):
            store.sql(f"SELECT count(*) FROM events WHERE x < {n}")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.flush()
    queries = metadata.queries("events")
    assert len({query.query_id for query in queries}) == len(queries) == 80
    assert len({query.cluster_id for query in queries}) == 1
    assert len(metadata.shapes()) == 1


def test_a_full_buffer_is_written_without_being_asked(data, metadata):
    _logger, store = asking(data, metadata, buffer_rows=3)
    for n in range(3):
        store.sql(f"SELECT {n} FROM events")
    wait_for(lambda: len(metadata.queries()) == 3)


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Unwilling:
    """A database that refuses until it is mended."""

    def __init__(self, metadata):
        self.metadata = metadata
        self.is_mended = False

    def active_layout(self, table):
        return self.metadata.active_layout(table)

    def log_queries(self, queries, shapes):
        if not self.is_mended:
            raise StorageError("the disk of the log is full")
        self.metadata.log_queries(queries, shapes)


def test_a_log_that_cannot_be_written_fails_no_question_and_says_so_once(data, metadata, caplog):
    unwilling = Unwilling(metadata)
    logger, store = asking(data, unwilling, buffer_rows=2)
    with caplog.at_level(logging.WARNING, "parquetry.tuning"):
        for n in range(6):
            assert len(store.sql(f"SELECT {n} FROM events")) == 10
            with pytest.raises(StorageError):
                logger.flush()
    assert [record.message for record in caplog.records] == [
        "Questions are not logged at present: the disk of the log is full"
    ]
    assert "full" in str(logger.failure)
    unwilling.is_mended = True
    logger.flush()
    assert logger.failure is None
    assert len(metadata.queries()) == 6


def test_a_log_that_is_never_written_does_not_grow_without_end(data, metadata):
    logger, store = asking(data, Unwilling(metadata), buffer_rows=1)
    for n in range(60):
        store.sql(f"SELECT {n} FROM events")
        with pytest.raises(StorageError):
            logger.flush()
    assert len(logger._buffer) <= 41


def test_an_extractor_that_fails_costs_the_kind_and_nothing_else(data, metadata, caplog):
    class Broken:
        def extract(self, asked):
            raise ZeroDivisionError(asked.text)

    logger, store = asking(data, metadata, classifier=Classifier(Broken()))
    assert len(store.sql("SELECT * FROM events")) == 10
    logger.flush()
    [query] = metadata.queries()
    assert query.cluster_id == "not_understood"
    assert "could not be understood" in caplog.text


def test_a_fork_does_not_write_what_its_parent_asked(data, metadata):
    logger, store = asking(data, metadata)
    store.sql("SELECT 1 FROM events")
    child = os.fork()
    if child == 0:
        try:
            logger.flush()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert metadata.queries() == []
    logger.flush()
    assert len(metadata.queries()) == 1


SCRIPT = """
import os, sys
from parquetry.model.layouts import Layout
from parquetry.tuning import Config, MetadataStore, QueryExecutor
executor = QueryExecutor(Config(data_dir=sys.argv[1]), MetadataStore(sys.argv[2]))
for n in range(10):
    executor.run_query(f"SELECT {n} FROM events")
if sys.argv[3] == "flush":
    executor.flush()
if sys.argv[3] != "leave":
    executor.run_query("SELECT 'late' FROM events")
    os._exit(0)
"""


@pytest.mark.parametrize(("how", "logged"), [("leave", 10), ("flush", 10), ("crash", 0)])
def test_a_crash_loses_the_buffer_and_a_normal_end_nothing(data, metadata, tmp_path, how, logged):
    arguments = [str(data), str(tmp_path / "metadata.db"), how]
    subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT, *arguments], check=True)
    assert len(metadata.queries()) == logged


def test_the_executor_answers_as_the_store_does(data, metadata, tmp_path):
    executor = QueryExecutor(Config(data_dir=str(data)), metadata)
    answer = executor.run_query("SELECT sum(x) FROM events WHERE s = $s", {"s": "v1"})
    assert answer.fetchall() == [(12,)]
    executor.flush()
    [query] = metadata.queries("events")
    assert query.parameters == {"s": "v1"}
    assert executor.store.path == str(data.resolve())
