"""Moves pay: however questions fall, rewriting costs a bounded share of what they took."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.tuning.config import Config
from parquetry.tuning.deciding import (
    Rules,
    State,
    advance,
    decide,
    due_after,
    lacking,
    moved,
)
from parquetry.tuning.offline_optimum import WorkFunction
from parquetry.tuning.options import MARGIN, Option, options, replay
from parquetry.tuning.prices import rent
from parquetry.tuning.spacing import is_worth_tuning


def play(sequence, moves, *, max_replicas=0, rules=None):
    """Return the state after a sequence of questions, and the moves that were made.

    Args:
        sequence: For each question, what it takes in each layout, or a function of the present
            layouts that says so.
        moves: What writing each layout takes.
        max_replicas: How many may stand beside the own one.
        rules: By what is decided.
    """
    rules = rules or Rules(min_queries=1)
    present, state, made = ["initial"], State(), []
    for question in sequence:
        costs = question(present) if callable(question) else question
        choices = options(moves, present, max_replicas)
        state = advance(state, costs, present, choices)
        option = decide(state, choices, rules)
        if option is not None:
            present = [name for name in present if name != option.drops] + [option.layout]
            state = moved(state, option.rewrite_seconds)
            made.append(option.layout)
    return state, made


NAMES = ("initial", "a", "b", "c")
COSTS = st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES})


@settings(max_examples=200)
@given(
    st.lists(COSTS, max_size=120),
    st.floats(0.1, 5),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.sampled_from([0, 1, 2]),
)
def test_rewriting_never_costs_more_than_the_share_of_query_time_that_theta_allows(
    sequence, seconds, theta, max_replicas
):
    moves = dict.fromkeys(("a", "b", "c"), seconds)
    state, _ = play(sequence, moves, max_replicas=max_replicas, rules=Rules(theta, min_queries=1))
    assert state.rewrite_seconds <= state.paid_seconds * MARGIN / theta + 1e-9


def test_a_stationary_workload_is_moved_once_and_soon():
    state, made = play([{"initial": 1.0, "a": 0.1, "b": 0.5}] * 500, {"a": 10.0, "b": 10.0})
    assert made == ["a"]
    best = 10.0 + 500 * 0.1
    assert state.paid_seconds + state.rewrite_seconds < best + 0.7 * 10.0


def test_nothing_is_moved_before_enough_questions_came():
    costs = {"initial": 10.0, "a": 0.0}
    assert play([costs] * 29, {"a": 1.0}, rules=Rules())[1] == []
    assert play([costs] * 30, {"a": 1.0}, rules=Rules())[1] == ["a"]


def test_nothing_is_moved_for_less_than_the_margin():
    assert play([{"initial": 1.0, "a": 0.91}] * 5_000, {"a": 1.0})[1] == []


def cruel(names):
    """Return somebody who asks what the present layout serves worst."""
    return lambda present: {name: float(name == present[0]) for name in names}


def test_somebody_who_knows_us_makes_us_pay_three_times_the_optimum_at_most():
    state, made = play([cruel(("initial", "a"))] * 4_000, {"initial": 20.0, "a": 20.0})
    assert len(made) > 50
    assert state.is_cautious
    assert state.paid_seconds + state.rewrite_seconds <= 3 * state.work.optimum + 60


@pytest.mark.parametrize("layouts", [3, 4, 6])
def test_with_n_layouts_it_is_little_more_than_any_deterministic_rule_must_pay(layouts):
    """That is `2 * n - 1` times the optimum (Borodin, Linial, Saks, 1992)."""
    names = ("initial", *(f"l{number}" for number in range(1, layouts)))
    state, _ = play([cruel(names)] * 4_000, dict.fromkeys(names, 20.0))
    paid = state.paid_seconds + state.rewrite_seconds
    assert paid <= 1.4 * (2 * layouts - 1) * state.work.optimum + 100


@pytest.mark.parametrize("length", [11, 12, 13, 20, 40, 80])
def test_layouts_that_are_wanted_in_turn_do_not_make_it_move_in_vain(length):
    first = {"initial": 1.0, "a": 0.0, "b": 1.0}
    second = {"initial": 1.0, "a": 1.0, "b": 0.0}
    state, _ = play(([first] * length + [second] * length) * 200, {"a": 20.0, "b": 20.0})
    assert state.paid_seconds + state.rewrite_seconds <= 3 * state.work.optimum


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60, 300), st.integers(1, 5))
def test_drifting_workloads_stay_near_the_offline_optimum(seed, length, phases):
    random = np.random.default_rng(seed)
    sequence = []
    for _ in range(phases):
        good = random.choice(NAMES[1:])
        sequence += [
            {name: 0.1 if name == good else float(random.uniform(0.5, 1)) for name in NAMES}
            for _ in range(length)
        ]
    state, _ = play(sequence, dict.fromkeys(NAMES[1:], 10.0))
    assert state.paid_seconds + state.rewrite_seconds <= 1.75 * state.work.optimum


def test_replicas_beside_each_other_serve_what_no_single_layout_does():
    questions = [
        {"initial": 1.0, "a": 0.05, "b": 1.0},
        {"initial": 1.0, "a": 1.0, "b": 0.05},
    ] * 300
    moves = {"a": 10.0, "b": 10.0}
    alone, _ = play(questions, moves)
    beside, made = play(questions, moves, max_replicas=2)
    assert sorted(made) == ["a", "b"]
    assert beside.paid_seconds + beside.rewrite_seconds < 0.3 * alone.paid_seconds
    assert beside.paid_seconds + beside.rewrite_seconds < alone.work.optimum


def test_a_replica_gives_way_when_the_workload_leaves_it():
    early = [{"initial": 1.0, "a": 0.1, "b": 1.0}] * 100
    late = [{"initial": 1.0, "a": 1.0, "b": 0.1}] * 100
    _, made = play(early + late, {"a": 10.0, "b": 10.0}, max_replicas=1)
    assert made == ["a", "b"]


def test_where_predictions_were_wrong_more_must_be_saved():
    state = State({"b": 39.0}, 100)
    refused = Option("b", 10.0, caution=8.0)
    assert decide(state, [Option("b", 10.0)], Rules()) is not None
    assert decide(state, [refused], Rules()) is None
    assert decide(State({"b": 40.0}, 100), [refused], Rules()) == refused


def test_where_moving_was_dear_four_times_as_much_must_be_saved():
    """What was paid is far above what an optimal sequence of layouts costs."""
    work = WorkFunction({"initial": 5.0, "a": 4.0})
    dear = State({"b": 15.0}, 50, paid_seconds=30.0, rewrite_seconds=10.0, work=work)
    assert dear.is_cautious
    assert decide(dear, [Option("b", 10.0)], Rules()) is None
    assert decide(dear, [Option("b", 7.5)], Rules()) == Option("b", 7.5)
    cheap = State({"b": 15.0}, 50, paid_seconds=5.0, rewrite_seconds=1.0, work=work)
    assert decide(cheap, [Option("b", 10.0)], Rules()) == Option("b", 10.0)


def test_it_is_known_when_a_move_will_be_due_if_questions_go_on():
    choices = [Option("a", 10.0), Option("b", 10.0)]
    state = State({"a": 2.0, "b": 1.0}, 40)  # of 40 s, 2 would have been saved; 5 are wanted
    assert due_after(state, choices, Rules(), 1.0) == pytest.approx(60.0)
    assert due_after(State({"a": 6.0}, 40), choices, Rules(), 1.0) == 0.0
    assert due_after(State(), choices, Rules(), 1.0) is None


def test_where_moving_has_served_well_less_must_be_saved():
    """Even a move in vain leaves what was paid near what an optimal sequence of layouts costs."""
    near = State({"b": 2.5}, 50, 100.0, rewrite_seconds=10.0, work=WorkFunction({"initial": 100.0}))
    assert near.may_err(10.0, 0.5)
    assert decide(near, [Option("b", 10.0)], Rules()) == Option("b", 10.0)
    assert decide(near, [Option("b", 10.0)], Rules(early_theta=0.5)) is None
    far = replace(near, work=WorkFunction({"initial": 80.0}))
    assert decide(far, [Option("b", 10.0)], Rules()) is None
    fresh = State({"b": 2.5}, 50, 10.0, work=WorkFunction({"initial": 10.0}))
    assert decide(fresh, [Option("b", 10.0)], Rules()) is None


@given(st.lists(st.tuples(COSTS, st.floats(0, 10), st.floats(0, 1)), max_size=60))
def test_an_option_that_comes_later_catches_up_by_replaying(sequence):
    state, present = State(), ["initial", "a"]
    choices = options({"b": 5.0, "c": 5.0}, present, 2, rent=0.03)
    for costs, gap, rest in sequence:
        all_in_all = {name: seconds + rest for name, seconds in costs.items()}
        state = advance(state, all_in_all, present, choices, gap, rest)
    past = {name: np.array([costs[name] + rest for costs, _, rest in sequence]) for name in NAMES}
    gaps = np.array([gap for _, gap, _ in sequence])
    rests = np.array([rest for *_, rest in sequence])
    for option in choices:
        found = replay(option, past, present, gaps, rests)
        assert found == pytest.approx(state.counters.get(option.key, 0.0))


@pytest.mark.parametrize(("gap", "is_worth_it"), [(10.0, True), (1_000.0, False)])
def test_a_replica_must_save_more_than_keeping_it_costs(gap, is_worth_it):
    """A question saves 0.09 s less the margin; at one in ten seconds that is more than the rent."""
    state, present = State(), ["initial"]
    choices = options({"a": 1.0}, present, 1, rent=1e-3)
    for _ in range(100):
        state = advance(state, {"initial": 0.1, "a": 0.01}, present, choices, gap)
    assert (decide(state, choices, Rules()) is not None) is is_worth_it


def test_of_layouts_that_save_the_same_the_simplest_is_taken():
    """Rules propose sorts by one column before those by two; which name comes first is chance."""
    state, present = State(), ["initial"]
    choices = options({"by one": 1.0, "and two": 1.0, "worse": 1.0}, present, 2)
    costs = {"initial": 0.1, "by one": 0.01, "and two": 0.01, "worse": 0.05}
    for _ in range(100):
        state = advance(state, costs, present, choices)
    chosen = decide(state, choices, Rules())
    assert chosen is not None
    assert chosen.layout == "by one"


@pytest.mark.parametrize(("beside_reading", "is_worth_it"), [(0.09, True), (0.0, False)])
def test_the_margin_is_of_reading(beside_reading, is_worth_it):
    """What a question takes in every layout is measured; what is predicted may be off by a tenth."""
    state, present = State(), ["initial"]
    choices = options({"a": 0.5}, present, 1)
    costs = {"initial": 0.1, "a": 0.093}
    for _ in range(200):
        state = advance(state, costs, present, choices, beside_reading=beside_reading)
    assert (decide(state, choices, Rules()) is not None) is is_worth_it


@given(st.lists(COSTS, max_size=60), st.sampled_from([0, 1, 2]))
def test_no_option_is_due_before_as_much_was_asked_as_is_lacking(sequence, max_replicas):
    """However the questions fall: it is what spares looking for layouts in between."""
    present = ["initial", "a"][: 1 + bool(max_replicas)]
    choices = options({"b": 3.0, "c": 5.0}, present, max_replicas)
    rules = Rules(min_queries=1)
    state, lacks, asked = State(), lacking(State(), choices, rules), 0.0
    for costs in sequence:
        state = advance(state, costs, present, choices)
        asked += min(costs[name] for name in present)
        if decide(state, choices, rules) is not None:
            assert asked >= lacks - 1e-6
            return
    assert lacking(state, [], rules) is None


@given(st.lists(COSTS, max_size=20))
def test_a_state_comes_back_from_json(sequence):
    state, _ = play(sequence, {"a": 0.1, "b": 0.2})
    assert State.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert State.from_json({}) == State()


def test_a_replica_of_no_use_makes_room_whatever_the_others_serve():
    """Most questions are answered by `a` before and after; only a few need the one that comes."""
    others = {"initial": 1.0, "a": 0.1, "b": 1.0, "c": 1.0}
    few = {"initial": 1.0, "a": 1.0, "b": 1.0, "c": 0.1}
    state, present = State(), ["initial", "a", "b"]
    choices = options({"c": 10.0}, present, 2)
    for costs in [*[others] * 9, few] * 20:
        state = advance(state, costs, present, choices)
    assert decide(state, choices, Rules()) == Option("c", 10.0, "b")
    assert state.counters["c for a"] < 1.0  # the others would lose more


def test_options_are_one_more_replica_or_one_in_the_place_of_another():
    layouts = {"a": 1.0, "b": 2.0}
    assert options(layouts, ["initial"], 0) == [
        Option("a", 1.0, "initial"),
        Option("b", 2.0, "initial"),
    ]
    assert options(layouts, ["initial", "a"], 2) == [Option("b", 2.0)]
    assert options(layouts, ["initial", "a", "c"], 2) == [
        Option("b", 2.0, "a"),
        Option("b", 2.0, "c"),
    ]


def test_only_one_more_replica_costs_more_to_keep():
    layouts = {"a": 1.0, "b": 2.0}
    assert options(layouts, ["initial"], 1, rent=0.5)[0].rent == 0.5
    assert options(layouts, ["initial", "a"], 1, rent=0.5)[0].rent == 0.0
    assert options(layouts, ["initial"], 0, rent=0.5)[0].rent == 0.0


def test_the_rent_is_what_storage_costs_beside_computing():
    """A hundred GB for 0.023 a month each are the price of 45 minutes of computing a day."""
    a_day = 24 * 3600 * rent(Config(), 100e9)
    assert a_day == pytest.approx(100 * 0.023 / (365.25 / 12) / 0.10 * 3600)
    assert rent(Config(compute_price_hour=0), 100e9) == 0


def test_small_datasets_are_left_alone():
    assert is_worth_tuning(1_000_000, 16, 1_000_000, 16)
    assert not is_worth_tuning(999_999, 16, 1_000_000, 16)
    assert not is_worth_tuning(1_000_000, 15, 1_000_000, 16)


@settings(max_examples=50)
@given(st.lists(st.lists(st.floats(0, 3), min_size=3, max_size=3), min_size=1, max_size=6))
def test_the_offline_optimum_is_that_of_all_sequences_of_layouts(rows):
    names, moves = ("initial", "a", "b"), {"initial": 0.5, "a": 1.0, "b": 2.0}
    work = WorkFunction.starting_in("initial")
    for row in rows:
        work = work.after(dict(zip(names, row, strict=True)), moves)
    assert work.optimum == pytest.approx(best_of_all(rows, names, moves, "initial"))


def best_of_all(rows, names, moves, here):
    if not rows:
        return 0.0
    return min(
        (0.0 if name == here else moves[name]) + cost + best_of_all(rows[1:], names, moves, name)
        for name, cost in zip(names, rows[0], strict=True)
    )
