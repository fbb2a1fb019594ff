"""What a query demands of the tables that it reads, and that it never demands too much."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from parquetry.access.pruning import partition_filter
from parquetry.access.sql_query import parameter_values, understand

KINDS = {"k": pa.string(), "seed": pa.int64(), "day": pa.date32()}
TEXTS = {
    "k": ["a", "b", "ab", None],
    "seed": ["1", "2", "3", None],
    "day": ["2024-01-01", "2024-06-01", None],
}


def admitted(sql, table="t", views=None, parameters=None):
    """For each key that is pruned, the texts that stay."""
    query = understand(sql, views or {}, ["t", "u"])
    where = partition_filter(query.demands(table, parameter_values(parameters)), KINDS)
    if where is None:
        return {}
    return {
        key: [text for text in texts if where.admits(key, text)]
        for key, texts in TEXTS.items()
        if [text for text in texts if where.admits(key, text)] != texts
    }


@pytest.mark.parametrize(
    ("condition", "stays"),
    [
        ("k = 'a'", {"k": ["a"]}),
        ("'a' = k", {"k": ["a"]}),
        ("K = 'a'", {"k": ["a"]}),
        ("t.k = 'a'", {"k": ["a"]}),
        ("k in ('a', 'b')", {"k": ["a", "b"]}),
        ("k in ('a', null)", {"k": ["a"]}),
        ("k not in ('a')", {"k": ["b", "ab"]}),
        ("k not in ('a', null)", {"k": []}),
        ("k <> 'a'", {"k": ["b", "ab"]}),
        ("not k = 'a'", {"k": ["b", "ab"]}),
        ("k = null", {"k": []}),
        ("k is null", {"k": [None]}),
        ("k is not null", {"k": ["a", "b", "ab"]}),
        ("k is not distinct from 'a'", {"k": ["a"]}),
        ("k is distinct from 'a'", {"k": ["b", "ab", None]}),
        ("k like 'a%'", {"k": ["a", "ab"]}),
        ("k like '_'", {"k": ["a", "b"]}),
        ("k = 'a' or k = 'b'", {"k": ["a", "b"]}),
        ("k = 'a' or k is null", {"k": ["a", None]}),
        ("(k = 'a' or k = 'b') and k <> 'b'", {"k": ["a"]}),
        ("k = 'a' and seed = 1", {"k": ["a"], "seed": ["1"]}),
        ("seed > 1", {"seed": ["2", "3"]}),
        ("1 < seed", {"seed": ["2", "3"]}),
        ("seed between 2 and 3", {"seed": ["2", "3"]}),
        ("seed not between 2 and 3", {"seed": ["1"]}),
        ("seed = '2'", {"seed": ["2"]}),
        ("seed >= 1.5", {"seed": ["2", "3"]}),
        ("seed > -1", {"seed": ["1", "2", "3"]}),
        ("day = '2024-01-01'", {"day": ["2024-01-01"]}),
        ("day > date '2024-01-01'", {"day": ["2024-06-01"]}),
        # what these mean is for the engine to say
        ("k = 'a' or seed = 1", {}),
        ("lower(k) = 'a'", {}),
        ("k = 1", {}),
        ("seed = 'x'", {}),
        ("k = v", {}),
        ("v = 'a'", {}),
        ("k in (select k from u)", {}),
        ("k = (select max(k) from u)", {}),
        ("k collate nocase = 'A'", {}),
        ("k ilike 'A'", {}),
        ("k similar to 'a'", {}),
        ("day = timestamp '2024-01-01 00:00:00'", {}),
        ("day < now()", {}),
        ("s.k = 'a'", {}),
        ("x.t.k = 'a'", {}),
    ],
)
def test_a_condition_leaves_out_only_what_it_excludes(condition, stays):
    assert admitted(f"select * from t where {condition}") == stays


ONE = {"seed": ["1"]}


@pytest.mark.parametrize(
    ("sql", "stays"),
    [
        ("from t where seed = 1", ONE),
        ("select * from t e where e.seed = 1", ONE),
        ("select * from t e where t.seed = 1", {}),
        ('select * from "T" where "SEED" = 1', ONE),
        ("select * from t as e(a, b, seed) where seed = 1", {}),
        # joins
        ("select * from t, u where t.seed = 1", ONE),
        ("select * from t join u on t.k = u.k and t.seed = 1", ONE),
        ("select * from u left join t on t.k = u.k and t.seed = 1", ONE),
        ("select * from t left join u on t.k = u.k and t.seed = 1", {}),
        ("select * from t left join u on t.k = u.k where t.seed = 1", ONE),
        ("select * from u left join t on t.k = u.k where t.seed = 1", ONE),
        ("select * from u left join t on t.k = u.k where t.seed is null", {}),
        ("select * from u left join t on t.k = u.k where t.seed is distinct from 1", {}),
        ("select * from t left join u using (k) where t.seed is null", {"seed": [None]}),
        ("select * from t right join u on t.k = u.k and t.seed = 1", ONE),
        ("select * from u right join t on t.k = u.k and t.seed = 1", {}),
        ("select * from t right join u on t.k = u.k where t.seed is null", {}),
        ("select * from t full join u on t.k = u.k and t.seed = 1", {}),
        ("select * from t full join u on t.k = u.k where t.seed = 1", ONE),
        ("select * from t full join u on t.k = u.k where t.seed is null", {}),
        ("select * from t semi join u on t.k = u.k and t.seed = 1", ONE),
        ("select * from u semi join t on t.k = u.k and t.seed = 1", ONE),
        ("select * from u semi join t using (k) where seed = 1", {}),
        ("select * from t anti join u on t.k = u.k and t.seed = 1", {}),
        ("select * from t anti join u on t.k = u.k where t.seed = 1", ONE),
        ("select * from u anti join t on t.k = u.k and t.seed = 1", ONE),
        ("select * from u anti join t using (k) where seed = 1", {}),
        ("select * from t asof join u on t.v >= u.v where t.seed = 1", ONE),
        ("select * from u asof join t on u.v >= t.v where t.seed = 1", {}),
        ("select * from t positional join u where t.seed = 1", {}),
        ("select * from u left join t on t.k = u.k join u w on t.seed = 1", ONE),
        ("select * from (t join u on t.k = u.k) where t.seed = 1", {}),
        # several references
        ("select * from t where seed = 1 union all select * from t where seed = 1", ONE),
        (
            "select * from t where seed = 1 union select * from t where seed = 2",
            {"seed": ["1", "2"]},
        ),
        ("select * from t where seed = 1 union select * from t", {}),
        ("select * from t where seed = 1 union select * from t where k = 'a'", {}),
        ("select * from t a join t b on a.k = b.k where a.seed = 1", {}),
        ("select * from t a join t b on a.k = b.k where a.seed = 1 and b.seed = 1", ONE),
        ("select * from t where seed = 1 and v = (select max(v) from t)", {}),
        ("select * from t where seed = 1 and exists (from t e where e.seed = t.seed)", {}),
        # subqueries and WITH
        ("select * from (select * from t) where seed = 1", ONE),
        ("select * from (select seed as k, k as seed from t) where k = 1", ONE),
        ("select * from (select v as seed from t) where seed = 1", {}),
        ("select * from (select seed + 1 as seed from t) where seed = 1", {}),
        ("select * from (select *, v as seed from t) where seed = 1", {}),
        ("select * from (select * exclude (seed), v as seed from t) where seed = 1", {}),
        ("select * from (select * replace (v as seed) from t) where seed = 1", {}),
        ("select * from (select * from t limit 3) where seed = 1", {}),
        ("select * from (select * from t offset 3) where seed = 1", {}),
        ("select * from (select seed, count(*) from t group by seed) where seed = 1", ONE),
        ("select * from (select seed, count(*) from t group by 1) where seed = 1", ONE),
        ("select * from (select seed, count(*) from t group by all) where seed = 1", ONE),
        ("select * from (select seed, k from t group by rollup (seed, k)) where seed = 1", {}),
        ("select * from (select any_value(seed) seed from t group by k) where seed = 1", {}),
        ("select * from (select seed, count(*) from t group by k, seed) where seed = 1", ONE),
        ("select * from (select seed, row_number() over () from t) where seed = 1", {}),
        ("select * from (select distinct seed from t) where seed = 1", ONE),
        ("select * from (select distinct on (k) k, seed from t) where seed = 1", {}),
        ("select * from (select * from t qualify count(*) over () > 1) where seed = 1", {}),
        ("select * from u left join (select * from t) e using (k) where e.seed is null", {}),
        ("with c as (select * from t) select * from c where seed = 1", ONE),
        ("with c as (select * from t) select * from c where seed = 1 union from c", {}),
        ("with c(seed) as (select v from t) select * from c where seed = 1", {}),
        ("with t as (select * from u) select * from t where seed = 1", {}),
        ("with t as (select * from t where seed = 1) select * from t where seed = 2", {"seed": []}),
        ("with c as (from t where seed = 1), d as (from c) select * from d", ONE),
        ("select * from u where k in (select k from t where seed = 1)", ONE),
        ("with recursive c as (from t where seed = 1 union all from c) from c where seed = 2", ONE),
        # rows that are drawn or turned first
        ("select * from t tablesample 10% where seed = 1", {}),
        ("select * from t where seed = 1 using sample 10", {}),
        ("summarize t", {}),
        ("describe t", {}),
        ("pivot t on seed using count(*)", {}),
        ("select * from query_table('t') where seed = 1", {}),
        ("explain analyze select * from t where seed = 1", ONE),
        ("copy (select * from t where seed = 1) to 'x.csv'", ONE),
        ("create table x as select * from t where seed = 1", ONE),
        ("select 1; select * from t where seed = 1", ONE),
        ("select * from t where seed = 1 group by all having count(*) > 1 limit 5", ONE),
        ("this is no sql about t", {}),
    ],
)
def test_a_query_leaves_out_only_what_no_reference_needs(sql, stays):
    assert admitted(sql) == stays
    assert "t" in {one.table.lower() for one in understand(sql, {}, ["t", "u"]).references} or (
        sql.startswith("with t as (select * from u)")
    )


@pytest.mark.parametrize(
    ("condition", "parameters", "stays"),
    [
        ("seed = ?", [1], ONE),
        ("v > ? and seed = ?", [5, 1], ONE),
        ("seed = $2 and v > $1", [5, 1], ONE),
        ("seed = $one", {"one": 1}, ONE),
        ("seed in (?, ?)", [1, 2], {"seed": ["1", "2"]}),
        ("day = ?", [dt.date(2024, 1, 1)], {"day": ["2024-01-01"]}),
        ("seed = ?", [Decimal(1)], ONE),
        ("seed = ?", [None], {"seed": []}),
        ("seed = ?", [], {}),
        ("seed = ?", [1.5], {"seed": []}),
        ("seed = ?", [b"1"], {}),
        ("v = '?' and seed = ?", [1], ONE),
    ],
)
def test_parameters_prune_like_literals(condition, parameters, stays):
    assert admitted(f"select * from t where {condition}", parameters=parameters) == stays


VIEWS = {
    "sums": "select seed, sum(v) as s from t group by seed",
    "deep": "select * from sums where s > 0",
    "narrow": "select * from t where k = 'a'",
    "top": "select * from t limit 1",
    "strange": "this is t, but no sql",
}


@pytest.mark.parametrize(
    ("sql", "stays", "used"),
    [
        ("select * from sums where seed = 1", ONE, ["sums"]),
        ("select * from DEEP where seed = 1", ONE, ["sums", "deep"]),
        ("select * from narrow where seed = 1", {"k": ["a"], **ONE}, ["narrow"]),
        ("select * from top where seed = 1", {}, ["top"]),
        ("select * from sums, deep where deep.seed = 1", {}, ["sums", "deep"]),
        ("select * from t where seed = 1", ONE, []),
        ("with sums as (from t) select * from sums where seed = 1", ONE, []),
    ],
)
def test_conditions_reach_through_views(sql, stays, used):
    assert admitted(sql, views=VIEWS) == stays
    assert list(understand(sql, VIEWS, ["t"]).views) == used


def test_a_view_that_cannot_be_parsed_is_searched_for_names():
    query = understand("from strange", VIEWS, ["t", "elsewhere"])
    assert not query.is_understood
    assert [one.table for one in query.references] == ["t"]
    assert set(query.views) == set(VIEWS)


def test_views_that_use_each_other_in_a_circle_end():
    query = understand("from a", {"a": "from b", "b": "from a"}, ["t"])
    assert list(query.views) == ["b", "a"]
