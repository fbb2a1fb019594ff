"""SQL over datasets: what a query may be, what it is told when it is wrong, who may watch it."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pyarrow as pa
import pytest

from access.trees import DUCK, ask, put, source_of
from parquetry.access.duck import Duck
from parquetry.access.listing import Listing
from parquetry.access.observing import Route
from parquetry.access.source import Source
from parquetry.errors import (
    CorruptionError,
    NotFoundError,
    ParameterError,
    ParquetryError,
    RequestError,
    UnknownColumnError,
)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "t"


@pytest.fixture
def source(root):
    for grid in "ab":
        for seed in range(3):
            put(root, f"grid={grid}/seed={seed}/x.parquet", {"v": [seed, seed + 10]})
    return source_of(root)


def test_a_query_may_be_any_sql(source):
    assert ask(source, "from t select count(*)").fetchall() == [(12,)]
    assert ask(source, "describe t").columns[0] == "column_name"
    assert len(ask(source, "summarize t")) == 3
    assert ask(source, "pivot t on grid using sum(v) group by seed").columns == ["seed", "a", "b"]
    assert ask(source, "with c as (from t) select max(v) from c").fetchall() == [(12,)]
    assert ask(source, "select count(*) from query_table('t')").fetchall() == [(12,)]
    assert ask(source, "select 1; select 2").fetchall() == [(2,)]
    assert "PARQUET" in str(ask(source, "explain from t").fetchall())
    assert ask(source, "set threads = 2").fetchall() == []
    assert ask(source, "").fetchall() == []


def test_names_of_datasets_have_no_case(source):
    assert ask(source, 'select count(*) from T join "t" as u using (v)').fetchone() == (24,)


def test_parameters_come_by_place_and_by_name(source):
    assert ask(source, "select sum(v) from t where seed = ?", [1]).fetchone() == (24,)
    answer = ask(source, "select sum(v) from t where grid = $g and seed = $s", {"g": "a", "s": 2})
    assert answer.fetchone() == (14,)
    assert answer.stats.files == 1


def test_only_files_of_the_wanted_partitions_are_read(source):
    assert ask(source, "select * from t where grid = 'a' and seed in (0, 1)").stats.files == 2
    assert ask(source, "select * from t where grid > 'a'").stats.files == 3
    whole = ask(source, "from t").stats
    assert (whole.files, whole.files_total) == (6, 6)
    assert ask(source, "select * from t where grid = 'a'").stats.files_total is None


def test_a_dataset_that_the_query_does_not_name_is_not_touched(source, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.parquet").write_bytes(b"")
    sources = {"t": source, "broken": source_of(tmp_path / "broken")}
    assert DUCK.run("select count(*) from t", sources).fetchone() == (12,)
    with pytest.raises(CorruptionError):
        DUCK.run("from broken", sources)


def test_datasets_are_joined(source, tmp_path):
    put(tmp_path / "grids", "x.parquet", {"grid": ["a"], "algo": ["best"]})
    sources = {"t": source, "grids": source_of(tmp_path / "grids")}
    sql = "select algo, sum(v) from t join grids using (grid) where grid = 'a' group by all"
    answer = DUCK.run(sql, sources)
    assert answer.fetchall() == [("best", 36)]
    assert answer.stats.files == 4


def test_views_are_made_only_when_they_are_named_and_may_use_each_other(source):
    views = {
        "sums": "select grid, sum(v) as s from t group by grid",
        "best": "select max(s) as s from sums",
        "wrong": "select nothing from nowhere",
    }
    assert DUCK.run("from best", {"t": source}, views=views).fetchall() == [(36,)]
    answer = DUCK.run("from Sums where grid = 'b'", {"t": source}, views=views)
    assert (answer.fetchall(), answer.stats.files) == ([("b", 36)], 3)
    with pytest.raises(NotFoundError, match="'nowhere'"):
        DUCK.run("from wrong", {"t": source}, views=views)
    with pytest.raises(ParameterError, match="'t'"):
        DUCK.run("from t", {"t": source}, views={"T": "select 1"})


def test_tables_in_memory_can_be_named(source):
    names = pa.table({"grid": ["a"], "name": ["first"]})
    sql = "select distinct name from t join names using (grid)"
    assert DUCK.run(sql, {"t": source}, tables={"names": names}).fetchall() == [("first",)]


def test_no_local_variable_is_taken_for_a_table(source):
    rows = pa.table({"a": [1]})
    assert rows.num_rows
    with pytest.raises(NotFoundError, match="'rows'"):
        ask(source, "from rows")


@pytest.mark.parametrize(
    ("sql", "error", "says"),
    [
        ("select gri from t", UnknownColumnError, "Did you mean 'grid'"),
        ("select e.sed from t e", UnknownColumnError, "Did you mean 'seed'"),
        ("select * exclude (nope) from t", UnknownColumnError, "'nope'"),
        ("select * from t join t as u using (nope)", UnknownColumnError, "'nope'"),
        (
            "select count(*) from t where grid = 'a' group by nope",
            UnknownColumnError,
            "v, grid, seed",
        ),
        ("from tt", NotFoundError, "Did you mean 't'"),
        ("from elsewhere.t", NotFoundError, "elsewhere"),
        ("selec v from t", RequestError, "line 1: selec v from t\n          ^"),
        ("select v\nfrom t\nwhere v v", RequestError, "line 3"),
        ("select nosuch(v) from t", RequestError, "nosuch"),
        ("select * from t where grid = 5", RequestError, "'a'"),
        ("select 'x'::int from t", RequestError, "'x'"),
        ("select e.v, f.v from t e", RequestError, "Referenced table"),
        ("select error('stop') from t", RequestError, "stop"),
        ("select ? from t", RequestError, "parameters"),
        ("select 9223372036854775807 + v from t", RequestError, "Overflow"),
    ],
)
def test_a_wrong_query_gets_an_error_of_ours_that_says_where(source, sql, error, says):
    with pytest.raises(error) as caught:
        ask(source, sql)
    assert says in str(caught.value)
    assert caught.value.outcome == "unchanged"


def test_a_query_for_reading_only_changes_nothing(source, tmp_path):
    target = tmp_path / "out.csv"
    for sql in (
        f"copy t to '{target}'",
        "create table x (a int)",
        "select 1; drop table x",
        "set threads = 1",
        f"explain analyze copy t to '{target}'",
        f"/* look */ -- closer\n EXPLAIN (ANALYZE, FORMAT json) copy t to '{target}'",
        f"explain /* and */ analyze copy (select 'analyze') to '{target}'",
    ):
        with pytest.raises(RequestError, match="Only queries"):
            DUCK.run(sql, {"t": source}, read_only=True)
    assert not target.exists()
    assert DUCK.run("from t", {"t": source}, read_only=True).stats.files == 6
    for sql in ("explain from t", "explain analyze from t", "explain (analyze) select 'analyze'"):
        assert len(DUCK.run(sql, {"t": source}, read_only=True))
    with pytest.raises(RequestError, match="syntax"):
        DUCK.run("selec", {"t": source}, read_only=True)


def test_types_come_through(root):
    values = {
        "decimal": pa.array([Decimal("1.25")], pa.decimal128(10, 2)),
        "moment": pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", "UTC")),
        "clock": pa.array([dt.time(1, 2, 3)], pa.time64("us")),
        "nested": pa.array([{"a": [1, None]}]),
        "mapping": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        "unsigned": pa.array([2**64 - 1], pa.uint64()),
        "bytes": pa.array([b"\0\xff"]),
        "half": pa.array([1.5], pa.float16()),
        "nothing": pa.nulls(1),
        "lasting": pa.array([5], pa.duration("us")),
        "nanos": pa.array([1_001], pa.timestamp("ns")),
    }
    put(root, "x.parquet", pa.table(values))
    drifted = pa.table(values | {"more": ["x"]})
    expected = (
        Decimal("1.25"),
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        dt.time(1, 2, 3),
        {"a": [1, None]},
        {"k": 1},
        2**64 - 1,
        b"\0\xff",
        1.5,
        None,
        5,
        dt.datetime.fromisoformat("1970-01-01 00:00:00.000001"),
    )
    columns = ", ".join(values)
    assert ask(source_of(root), f"select {columns} from t").fetchall() == [expected]
    put(root, "y.parquet", drifted)  # now DuckDB is told the types
    assert ask(source_of(root), f"select {columns} from t").fetchall() == [expected] * 2


def test_a_file_that_was_retired_after_listing_is_not_missed(source, root, monkeypatch):
    listed = Source.listing
    lost = []

    def replaced(self, references=None):
        found: Listing = listed(self, references)
        if not lost:
            lost.append(found.files[0])
            (root / "grid=a/seed=0/x.parquet").rename(root / "grid=a/seed=0/y.parquet")
        return found

    monkeypatch.setattr(Source, "listing", replaced)
    assert ask(source, "select count(*) from t").fetchone() == (12,)
    assert lost


def test_threads_share_one_database(source, tmp_path):
    put(tmp_path / "u", "x.parquet", {"v": [1]})
    sources = [{"t": source}, {"t": source_of(tmp_path / "u")}]  # one name, two datasets
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda n: DUCK.run("select count(*) from t", sources[n % 2]).fetchone(), range(40)
        )
        assert list(answers) == [(12,), (1,)] * 20


class Watcher:
    def __init__(self):
        self.seen = []

    def observed(self, observation):
        self.seen.append((threading.get_ident(), observation))


def test_an_observer_learns_what_was_asked_and_what_it_cost(source):
    watcher = Watcher()
    sql = "select sum(v) from t where grid = 'a' and v > 3"
    DUCK.run(sql, {"t": source}, observer=watcher)
    [(thread, seen)] = watcher.seen
    assert thread == threading.get_ident()
    assert (seen.language, seen.text) == ("sql", sql)
    [read] = seen.datasets
    assert (read.name, read.files, read.files_total) == ("t", 3, None)
    assert [one.condition.column for one in read.demands[0]] == ["grid", "v"]
    assert (seen.stats.rows, seen.stats.files) == (1, 3)
    assert seen.stats.row_groups_total == 3
    assert seen.stats.bytes_read > 0


def test_a_router_can_give_other_files_that_hold_the_same_rows(source, tmp_path):
    rows = pa.table({"v": [7], "grid": ["a"], "seed": pa.array([0], pa.int64())})
    replica = put(tmp_path, "replica", rows)
    asked = []

    class Router:
        def route(self, question):
            asked.append(question)
            return Route((str(replica),), "layout_1") if "v" in question.text else None

    answer = DUCK.run("select v, grid from t where seed = 0", {"t": source}, router=Router())
    assert answer.fetchall() == [(7, "a")]
    assert asked[0].source is source
    assert asked[0].demands[0][0].condition.column == "seed"
    assert DUCK.run("select count(*) from t", {"t": source}, router=Router()).fetchone() == (12,)


def test_what_a_query_creates_is_there_for_the_next(source):
    duck = Duck()
    duck.run("create table mine as select sum(v) as s from t", {"t": source})
    assert duck.run("from mine", {}).fetchall() == [(72,)]
    duck.close()
    with pytest.raises(RequestError):
        duck.run("select 1", {})


def test_a_closed_or_broken_engine_never_shows_its_own_errors(source):
    for sql in (
        "select * from read_parquet('/nowhere/x.parquet')",
        "load 'nosuch'",
        "attach '/no/x.db'",
    ):
        with pytest.raises(ParquetryError):
            ask(source, sql)
