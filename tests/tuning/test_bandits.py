"""Bandits find the fastest layout, explore no more than they may, and repeat themselves by seed."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.errors import ParameterError
from parquetry.tuning.bandits.choosing import BANDITS, make_bandit
from parquetry.tuning.bandits.policy import Option

NAMES = [kind.name for kind in BANDITS]
times = st.floats(1e-4, 10, allow_nan=False)


def simulate(bandit, true_seconds, predicted, rounds, seed, clusters=("a",)):
    """Ask and learn; latencies are log-normal around the truth. Returns (cluster, choice) each."""
    rng, noise = random.Random(seed), random.Random(seed + 1)
    options = [Option(layout, predicted[layout]) for layout in predicted]
    seen = []
    for turn in range(rounds):
        cluster = clusters[turn % len(clusters)]
        choice = bandit.choose("t", cluster, options, rng)
        latency = true_seconds[cluster, choice.layout] * math.exp(noise.gauss(0, 0.3))
        bandit.learn("t", cluster, choice.layout, predicted[choice.layout], latency)
        seen.append((cluster, choice))
    return seen


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    fastest=st.integers(0, 2),
    predicted=st.lists(st.floats(0.01, 0.0149), min_size=3, max_size=3),
)
def test_every_bandit_converges_to_the_fastest_whatever_was_predicted(
    name, seed, fastest, predicted
):
    layouts = ["initial", "layout_1", "layout_2"]
    truth = {("a", x): 0.005 if i == fastest else 0.02 for i, x in enumerate(layouts)}
    bandit = make_bandit(name, 0.2)
    seen = simulate(bandit, truth, dict(zip(layouts, predicted, strict=True)), 600, seed)
    exploited = [choice.layout for _, choice in seen[300:] if not choice.is_exploration]
    assert exploited.count(layouts[fastest]) >= 0.97 * len(exploited)


@pytest.mark.parametrize("name", NAMES)
def test_kinds_of_questions_have_their_own_favourites(name):
    truth = {("a", "x"): 0.004, ("a", "y"): 0.02, ("b", "x"): 0.02, ("b", "y"): 0.004}
    seen = simulate(make_bandit(name, 0.3), truth, {"x": 0.01, "y": 0.01}, 800, 5, ("a", "b"))
    late = [(c, one.layout) for c, one in seen[400:] if not one.is_exploration]
    right = sum(1 for one in late if one in {("a", "x"), ("b", "y")})
    assert right >= 0.95 * len(late)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(0, 1),
    seed=st.integers(0, 10_000),
    predicted=st.lists(st.one_of(st.none(), times), min_size=1, max_size=4),
)
def test_at_no_time_more_is_explored_than_allowed_and_never_far_away(name, rate, seed, predicted):
    options = {f"layout_{i}": seconds for i, seconds in enumerate(predicted)}
    truth = {("a", layout): 0.01 * (i + 1) for i, layout in enumerate(options)}
    known = [seconds for seconds in predicted if seconds is not None]
    explored = 0
    for asked, (_, choice) in enumerate(
        simulate(make_bandit(name, rate), truth, options, 120, seed), start=1
    ):
        explored += choice.is_exploration
        assert explored <= rate * asked
        seconds = options[choice.layout]
        if choice.is_exploration and seconds is not None:
            assert seconds <= 1.5 * min(known)
        assert choice.reason


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_choices(name):
    truth = {("a", "x"): 0.01, ("a", "y"): 0.011}
    predicted = {"x": 0.01, "y": 0.01}
    one = simulate(make_bandit(name, 0.5), truth, predicted, 200, 3)
    assert one == simulate(make_bandit(name, 0.5), truth, predicted, 200, 3)
    assert any(choice.is_exploration for _, choice in one)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_prediction_is_unlearned(name):
    truth = {("a", "promised"): 0.05, ("a", "initial"): 0.01}
    seen = simulate(
        make_bandit(name, 0.0), truth, {"promised": 0.005, "initial": 0.0100001}, 100, 1
    )
    assert seen[0][1].layout == "promised"
    assert all(choice.layout == "initial" for _, choice in seen[-50:])
    assert not any(choice.is_exploration for _, choice in seen)


def test_what_contextual_learned_of_one_kind_counts_for_a_new_kind():
    bandit = make_bandit("contextual", 0.2)
    for _ in range(50):
        for kind in ("a", "b", "c", "d"):
            bandit.learn("t", kind, "slow", 0.01, 0.03)
            bandit.learn("t", kind, "fast", 0.01, 0.01)
    options = [Option("slow", 0.0099), Option("fast", 0.01)]
    assert bandit.choose("t", "never seen", options, random.Random(0)).layout == "fast"
    assert make_bandit("ucb1", 0.2).choose("t", "e", options, random.Random(0)).layout == "slow"


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_that_was_never_predicted_is_no_favourite_of_its_predictions(name):
    bandit = make_bandit(name, 0.0)
    for _ in range(50):  # before there was any other layout, nobody predicted anything
        bandit.learn("t", "a", "initial", None, 0.02)
    options = [Option("initial", 0.003), Option("new", 0.0004)]
    assert bandit.choose("t", "a", options, random.Random(0)).layout == "new"


@pytest.mark.parametrize("name", NAMES)
def test_latencies_without_predictions_are_evidence_too(name):
    bandit = make_bandit(name, 0.0)
    for _ in range(20):
        bandit.learn("t", "a", "x", None, 0.02)
        bandit.learn("t", "a", "y", None, 0.01)
    for predicted in (None, 0.015):
        options = [Option("x", predicted), Option("y", predicted)]
        assert bandit.choose("t", "a", options, random.Random(0)).layout == "y"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("asked_with", [None, 0.012])
def test_evidence_with_and_without_predictions_is_weighed_alike(name, asked_with):
    bandit = make_bandit(name, 0.0)
    for _ in range(50):
        bandit.learn("t", "a", "initial", None, 0.06)  # before there was anything to choose from
        bandit.learn("t", "a", "layout_1", 0.01, 0.04)
    later = None if asked_with is None else 0.01
    options = [Option("initial", asked_with), Option("layout_1", later)]
    choice = bandit.choose("t", "a", options, random.Random(0))
    assert choice.layout == "layout_1"
    assert "4e+" not in choice.reason


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(ParameterError, match="from 0 to 1"):
        make_bandit("ucb1", rate)


def test_an_unknown_bandit_is_refused_by_name():
    with pytest.raises(ParameterError, match="ucb1, thompson, contextual"):
        make_bandit("dqn", 0.1)
