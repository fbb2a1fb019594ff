"""What a question is about: the columns that it uses and what for, whatever its values are."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import polars as pl
import pytest

from parquetry import Store
from parquetry.tuning.questions.asked import Asked
from parquetry.tuning.questions.clustering import Classifier
from parquetry.tuning.questions.templates import template_of

CLASSIFIER = Classifier()


def shape(sql, *tables):
    return CLASSIFIER.classify(Asked("sql", sql, tuple(sorted(tables)) or ("events",)))


def predicates(sql, *tables):
    return {(str(use.name), use.operator) for use in shape(sql, *tables).predicates}


def names(columns):
    return list(map(str, columns))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("x = 5", {("events.x", "equality")}),
        ("5 = x", {("events.x", "equality")}),
        ("x = $value", {("events.x", "equality")}),
        ("x IN (1, 2)", {("events.x", "membership")}),
        ("x BETWEEN 1 AND 2", {("events.x", "range")}),
        ("x > 1 AND x <= 9", {("events.x", "range")}),
        ("d >= DATE '2024-01-01'", {("events.d", "range")}),
        ("s LIKE 'abc%'", {("events.s", "prefix")}),
        ("s LIKE '%abc'", {("events.s", "other")}),
        ("substr(s, 1, 3) = 'abc'", {("events.s", "prefix")}),
        ("left(s, 3) = 'abc'", {("events.s", "prefix")}),
        ("date_trunc('month', d) = DATE '2024-01-01'", {("events.d", "range")}),
        ("x IS NULL", {("events.x", "null")}),
        ("x IS NOT NULL", {("events.x", "other")}),
        ("x <> 5", {("events.x", "other")}),
        ("x % 7 = 3", {("events.x", "other")}),
        ("x::VARCHAR = '5'", {("events.x", "other")}),
        ("x = 1 OR x = 2", {("events.x", "equality")}),
        ("x = 1 OR y = 2", {("events.x", "other"), ("events.y", "other")}),
        ("(x = 1 AND y > 2)", {("events.x", "equality"), ("events.y", "range")}),
        ("x = y", set()),
        ("length(s) > 3", {("events.s", "other")}),
    ],
)
def test_each_condition_is_of_a_class(condition, expected):
    assert predicates(f"SELECT * FROM events WHERE {condition}") == expected


def test_uses_are_told_apart():
    found = shape(
        """
        SELECT e.kind AS k, date_trunc('day', e.at) AS day, count(*), sum(c.age)
        FROM events AS e JOIN customers c ON e.customer = c.id
        WHERE c.country = 'CH' GROUP BY k, 2 ORDER BY day DESC, e.kind LIMIT 5
        """,
        "events",
        "customers",
    )
    assert found.tables == ("customers", "events")
    assert names(found.projected) == ["customers.age", "events.at", "events.kind"]
    assert names(found.grouped) == ["events.kind", "events.at"]
    assert names(found.ordered) == ["events.at", "events.kind"]
    assert names(found.joined) == ["customers.id", "events.customer"]
    assert predicates(found.example, "events", "customers") == {("customers.country", "equality")}


@pytest.mark.parametrize(
    ("sql", "keys"),
    [
        ("SELECT kind, count(*) FROM events GROUP BY kind", ["events.kind"]),
        ("SELECT kind AS k, count(*) FROM events GROUP BY 1", ["events.kind"]),
        ("SELECT date_trunc('day', at), kind FROM events GROUP BY ALL", ["events.kind"]),
        ("SELECT kind, sum(x) FROM events GROUP BY ALL", ["events.kind"]),
        ("SELECT date_trunc('day', at), sum(x) FROM events GROUP BY 1", []),
        ("SELECT DISTINCT kind, x + 1 FROM events", ["events.kind"]),
        ("SELECT kind, count(DISTINCT x) FROM events GROUP BY kind", ["events.kind", "events.x"]),
        ("SELECT kind, x FROM events", []),
    ],
)
def test_the_columns_that_rows_are_gathered_by_are_told(sql, keys):
    assert names(shape(sql).group_keys) == keys


def test_the_group_keys_of_a_dataset_are_told_among_those_of_others():
    sql = "SELECT e.kind, c.country, sum(e.x) FROM events e JOIN customers c ON e.c = c.id GROUP BY ALL"
    found = shape(sql, "customers", "events")
    assert found.group_keys_of("events") == ("kind",)
    assert found.group_keys_of("customers") == ("country",)


def test_subqueries_and_common_tables_are_looked_into():
    found = shape(
        """
        WITH recent AS (SELECT id, x FROM events WHERE at > TIMESTAMP '2024-01-01')
        SELECT max(x) FROM recent WHERE id IN (SELECT e FROM events WHERE kind = 'a')
        """
    )
    assert {str(use.name) for use in found.predicates} == {"events.at", "events.kind"}
    assert set(names(found.projected)) == {"events.id", "events.x", "events.e"}


def test_a_column_of_several_tables_without_a_name_before_it_stays_without():
    found = shape("SELECT a FROM events JOIN other USING (k) WHERE b = 1", "events", "other")
    assert names(found.projected) == ["a"]
    assert names(found.joined) == ["k"]
    assert predicates(found.example, "events", "other") == {("b", "equality")}


def test_names_of_tables_are_those_of_the_datasets():
    assert names(shape("SELECT x FROM EVENTS AS E WHERE e.X = 1").projected) == ["events.x"]


def test_a_star_is_a_column_and_a_count_is_none():
    assert names(shape("SELECT * FROM events").projected) == ["events.*"]
    assert names(shape("SELECT count(*) FROM events").projected) == []


def cluster(sql, *tables):
    return shape(sql, *tables).cluster_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM events WHERE x = 5", "SELECT a FROM events WHERE x = 1234"),
        ("SELECT a FROM events WHERE x = 5", "select  A\nfrom Events where X = -5.5e3"),
        ("SELECT a FROM events WHERE s = 'it''s'", "SELECT a FROM events WHERE s = 'x'"),
        ("SELECT a FROM events WHERE x IN (1, 2)", "SELECT a FROM events WHERE x IN (3, 4, 5)"),
        ("SELECT a, b FROM events LIMIT 5", "SELECT b, a FROM events LIMIT 500"),
        ("SELECT a FROM events WHERE x = ?", "SELECT a FROM events WHERE x = 7"),
        (
            "SELECT a FROM events WHERE x = 1 AND y = 2",
            "SELECT a FROM events WHERE y = 2 AND x = 1",
        ),
        ("SELECT a FROM events e WHERE e.x = 1", "SELECT f.a FROM events AS f WHERE f.x = 1"),
        (
            "SELECT a FROM events WHERE d > DATE '2024-01-01'",
            "SELECT a FROM events WHERE d > '2024'",
        ),
    ],
)
def test_values_and_writing_do_not_make_another_kind(one, other):
    assert cluster(one) == cluster(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM events WHERE x = 5", "SELECT a FROM events WHERE x > 5"),
        ("SELECT a FROM events WHERE x = 5", "SELECT a FROM events WHERE y = 5"),
        ("SELECT a FROM events WHERE x = 5", "SELECT b FROM events WHERE x = 5"),
        ("SELECT a FROM events WHERE s LIKE 'x%'", "SELECT a FROM events WHERE s LIKE '%x'"),
        ("SELECT a, b FROM events ORDER BY 1", "SELECT a, b FROM events ORDER BY 2"),
        ("SELECT a, b FROM events ORDER BY a, b", "SELECT a, b FROM events ORDER BY b, a"),
        ("SELECT a FROM events", "SELECT a FROM events GROUP BY a"),
    ],
)
def test_other_uses_make_another_kind(one, other):
    assert cluster(one) != cluster(other)


def test_other_tables_make_another_kind():
    assert cluster("SELECT a FROM t", "t") != cluster("SELECT a FROM u", "u")


def test_the_name_of_a_kind_is_the_same_everywhere():
    sql = "SELECT a FROM events WHERE x = 5 GROUP BY a"
    code = (
        "from parquetry.tuning.questions.asked import Asked\n"
        "from parquetry.tuning.questions.clustering import Classifier\n"
        f"print(Classifier().classify(Asked('sql', {sql!r}, ('events',))).cluster_id)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == cluster(sql) == "c_2d9070c6bc43"


def test_what_cannot_be_parsed_is_of_a_kind_by_its_text():
    one = "SELEKT a FRUM events WHERE x = 5"
    assert cluster(one) == cluster("SELEKT a  FRUM events WHERE x = 77")
    assert cluster(one) != cluster("SELEKT b FRUM events WHERE x = 5")
    assert shape(one).template == "selekt a frum events where x = ?"
    assert shape(one).tables == ("events",)


def test_templates_keep_names_and_places():
    sql = (
        """SELECT "a 1", t2.x FROM t2 WHERE s = 'a 1' AND n = 1.5e-3 AND m IN (1, 'b') ORDER BY 1"""
    )
    assert (
        template_of(sql)
        == 'select "a 1", t2.x from t2 where s = ? and n = ? and m in (?) order by 1'
    )


class Watcher:
    def __init__(self):
        self.seen, self.before = [], []

    def observed(self, observation):
        self.seen.append(observation)

    def route(self, question):
        self.before.append(CLASSIFIER.cluster_of(question))

    def failed(self, _question, _route):
        raise AssertionError


def test_a_kind_is_the_same_before_and_after_the_answer(tmp_path):
    watcher = Watcher()
    store = Store(tmp_path, observer=watcher, router=watcher)
    day = dt.date(2024, 1, 1)
    store.dataset("events").append([{"x": 1, "s": "a", "d": day}])
    store.dataset("other").append([{"x": 1, "y": 2}])
    store.sql("SELECT s, y FROM events JOIN other USING (x) WHERE events.x < 5")
    store.dataset("events").scan().filter(pl.col("x") < 5, pl.col("d").dt.year() > 2000).collect()
    store.dataset("events").scan().select("s").collect()
    after = [CLASSIFIER.classify(Asked.after(one)).cluster_id for one in watcher.seen]
    assert watcher.before == [after[0], *after]
    assert len(set(after)) == 3


def test_a_scan_is_of_a_kind_by_its_filter_and_columns(tmp_path):
    watcher = Watcher()
    dataset = Store(tmp_path, observer=watcher).dataset("events")
    dataset.append([{"x": 1, "s": "a", "d": dt.date(2024, 1, 1)}])
    frame = dataset.scan()
    frame.filter(pl.col("x") > 1, pl.col("s") == "a").select("d").collect()
    frame.filter(pl.col("x") > 7, pl.col("s") == "b").select("d").collect()
    frame.filter(pl.col("d").dt.month() == 1).collect()
    one, other, third = [CLASSIFIER.classify(Asked.after(seen)) for seen in watcher.seen]
    assert one.cluster_id == other.cluster_id != third.cluster_id
    assert {(str(use.name), use.operator) for use in one.predicates} == {
        ("events.x", "range"),
        ("events.s", "equality"),
    }
    assert {(str(use.name), use.operator) for use in third.predicates} == {("events.d", "other")}
