"""Windows compare like with like, gates let only good layouts through, and a watch cries wolf seldom."""

from __future__ import annotations

import datetime as dt
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.tuning.config import Config
from parquetry.tuning.evaluation.gates import Pair, Volume, gate_a, gate_b
from parquetry.tuning.evaluation.sequential import Watch
from parquetry.tuning.evaluation.statistics import bootstrap_bounds, percentile
from parquetry.tuning.evaluation.window import Situation, evaluate
from tuning.logs import NEW, NOW, logged, replica

CONFIG = Config(min_samples=10, window_hours=1, alpha=1, beta=0.1)


def judge(queries, layouts=(), evaluated_until=None, config=CONFIG, group_rows=None):
    return evaluate(
        Situation("events", queries, layouts, group_rows or {}, evaluated_until or {}, NOW), config
    )


def of(evaluation, layout, cluster=None):
    found = [r for r in evaluation.records if (r.layout, r.cluster_id) == (layout, cluster)]
    return found[0] if found else None


def verdict(evaluation, layout):
    return next(one for one in evaluation.verdicts if one.layout == layout)


def test_a_faster_layout_is_rewarded_by_the_formula():
    queries = [logged(n, 10.0) for n in range(20)] + [logged(n, 4.0, NEW) for n in range(20)]
    found = of(judge(queries, [replica(seconds=0.02, size=1)]), NEW)
    assert found.latency_improvement == pytest.approx(0.6)
    assert found.baseline_latency_ms == pytest.approx(10)
    # it took 20 ms to write and the baseline would have taken 200 ms for the 20 questions
    assert found.rewrite_cost == pytest.approx(0.1, rel=0.01)
    assert found.reward == pytest.approx(0.6 - 0.1 * found.rewrite_cost)


def test_a_layout_that_gets_the_easy_questions_only_is_not_praised_for_it():
    hard = [logged(n, 100.0, cluster="hard") for n in range(20)]
    easy = [logged(n, 2.0, cluster="easy") for n in range(20)]
    routed = [logged(n, 2.0, NEW, cluster="easy") for n in range(20)]
    found = of(judge([*hard, *easy, *routed], [replica(0.0)]), NEW)
    assert found.latency_improvement == pytest.approx(0)


def test_the_baseline_is_taken_from_before_the_window_where_routing_sent_all_elsewhere():
    old = [logged(n, 10.0, minutes_ago=300) for n in range(20)]
    routed = [logged(n, 5.0, NEW) for n in range(20)]
    found = judge([*old, *routed], [replica(0.0)])
    assert of(found, NEW).latency_improvement == pytest.approx(0.5)
    assert verdict(found, "initial").action == "skip"


def test_too_few_questions_are_insufficient_data_and_give_no_row():
    queries = [logged(n, 10.0) for n in range(20)] + [logged(n, 4.0, NEW) for n in range(9)]
    found = judge(queries, [replica()])
    assert verdict(found, NEW).reason == "insufficient data: 9 of 10 queries in the window"
    assert of(found, NEW) is None
    assert of(found, "initial").note == "baseline"


def test_a_layout_without_comparable_questions_is_recorded_and_not_scored():
    queries = [logged(n, 10.0) for n in range(20)]
    queries += [logged(n, 4.0, NEW, cluster="other") for n in range(20)]
    found = of(judge(queries, [replica()]), NEW)
    assert found.reward is None
    assert "insufficient data" in found.note
    assert found.avg_latency_ms == pytest.approx(4)


def test_what_was_evaluated_is_not_evaluated_again_without_new_questions():
    queries = [logged(n, 10.0, minutes_ago=30) for n in range(20)]
    again = judge(queries, evaluated_until={"initial": NOW - dt.timedelta(minutes=5)})
    assert verdict(again, "initial").reason.startswith("nothing new: 0 of 10")
    assert again.records == ()


def test_the_active_layout_is_the_baseline_and_initial_is_it_otherwise():
    queries = [logged(n, 5.0, NEW) for n in range(20)]
    assert judge(queries, [replica(role="active")]).baseline == NEW
    none = judge(queries, [replica()])
    assert (none.baseline, none.has_active_layout) == ("initial", False)


def test_percentiles_counts_and_rows_are_those_of_the_window():
    queries = [logged(n, float(n + 1), groups=4) for n in range(100)]
    found = of(judge(queries, group_rows={"initial": 1_000.0}), "initial")
    assert (found.queries, found.avg_latency_ms) == (100, pytest.approx(50.5))
    assert found.p95_latency_ms == pytest.approx(95.05)
    assert found.p99_latency_ms == pytest.approx(99.01)
    assert (found.row_groups_read, found.rows_scanned) == (4.0, 4_000.0)


def test_keeping_a_replica_costs_its_storage():
    queries = [logged(n, 10.0) for n in range(20)] + [logged(n, 10.0, NEW) for n in range(20)]
    small, large = (
        of(judge(queries, [replica(1.0, size)]), NEW).rewrite_cost for size in (1, 10**12)
    )
    assert large > small


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=60), st.floats(0, 1))
def test_a_percentile_lies_among_the_values_and_grows_with_its_share(values, share):
    assert min(values) <= percentile(values, share) <= max(values)
    assert percentile(values, share / 2) <= percentile(values, share)


def test_gate_a_wants_four_fifths_of_the_predicted_fall_in_row_groups_and_bytes():
    before, predicted = Volume(100, 1e6), Volume(0, 0)
    assert gate_a(before, Volume(19, 1.9e5), predicted).passed
    assert not gate_a(before, Volume(21, 2e5), predicted).passed
    assert not gate_a(before, Volume(19, 3e5), predicted).passed
    assert "row groups 100 -> 21 (-79%; predicted 0, -100%)" in (
        gate_a(before, Volume(21, 2e5), predicted).reason
    )


def test_gate_a_forgives_what_a_sample_cannot_tell():
    """A fall of two hundredths that was predicted, and came true by two thirds, is none to refuse by."""
    before, predicted = Volume(100, 1e6), Volume(10, 0.98e6)
    assert gate_a(before, Volume(10, 0.987e6), predicted).passed
    assert not gate_a(before, Volume(10, 1.01e6), predicted).passed
    assert not gate_a(before, Volume(29, 0.98e6), predicted).passed


def test_gate_a_lets_a_predicted_rise_be():
    before, predicted = Volume(100, 1e6), Volume(10, 1.1e6)
    assert gate_a(before, Volume(10, 1.1e6), predicted).passed
    assert gate_a(before, Volume(10, 1.119e6), predicted).passed
    assert not gate_a(before, Volume(10, 1.13e6), predicted).passed


def pairs(factor, noise=0.1, count=20, cluster="a", seconds=0.01, seed=0):
    rng = random.Random(seed)
    return [
        Pair(cluster, seconds, seconds * factor * math.exp(rng.gauss(0, noise)))
        for _ in range(count)
    ]


def test_gate_b_lets_through_what_is_surely_faster_only():
    assert gate_b([*pairs(0.5), *pairs(0.6, cluster="b")]).passed
    assert "not surely faster" in gate_b([*pairs(1.0), *pairs(1.0, cluster="b", seed=1)]).reason
    assert not gate_b([*pairs(1.5)]).passed
    assert not gate_b([]).passed


def test_gate_b_refuses_a_layout_that_slows_down_a_kind_of_question_that_counts():
    fast, slow = pairs(0.2, count=40), pairs(1.3, 0.01, cluster="slowed")
    refused = gate_b([*fast, *slow])
    assert not refused.passed
    assert "slowed became 1.30 times as slow" in refused.reason
    rare = pairs(1.3, 0.01, cluster="slowed", seconds=0.0001)
    assert gate_b([*fast, *rare]).passed  # under 2 % of the time


def test_bootstrap_bounds_hold_the_mean_and_repeat_by_seed():
    groups = {"a": [0.1, 0.2, 0.3], "b": [0.5, 0.6]}
    low, high = bootstrap_bounds(groups, {"a": 1, "b": 1}, seed=1)
    assert low < (0.2 + 0.55) / 2 < high
    assert (low, high) == bootstrap_bounds(groups, {"a": 1, "b": 1}, seed=1)


def watched(factor, count, seed, noise=0.3):
    rng, watch = random.Random(seed), Watch()
    for _ in range(count):
        watch = watch.after(math.log(factor) + rng.gauss(0, noise))
    return watch


def test_a_layout_that_is_as_fast_as_expected_is_seldom_called_slower_however_often_one_looks():
    false_alarms = sum(watched(1.0, 500, seed).is_slower for seed in range(200))
    assert false_alarms <= 6  # 1 % of 200 is 2; the test looks after every question


def test_a_slower_layout_is_found_and_a_faster_one_never():
    found = [watched(1.5, 200, seed) for seed in range(20)]
    assert all(watch.is_slower for watch in found)
    assert found[0].describe().startswith("slower: 1.")
    assert not any(watched(0.8, 200, seed).is_slower for seed in range(20))


@settings(max_examples=30)
@given(st.lists(st.floats(-3, 3), max_size=50))
def test_a_watch_survives_being_kept(values):
    watch = Watch()
    for value in values:
        watch = Watch.from_json(watch.after(value).to_json())
    assert watch.count == len(values)
    if values:
        assert watch.mean == pytest.approx(sum(values) / len(values), abs=1e-9)
