"""A contextual bandit: what is learned of one kind of question helps with others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from parquetry.tuning.bandits.evidence import log_seconds
from parquetry.tuning.bandits.exploring import Bandit, milliseconds

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.bandits.policy import Option

_KINDS = 16  # places that kinds of questions share
_FEATURES = 2 + _KINDS
_NOISE = 0.3  # spread of single logarithms of latencies around the line
_TYPICAL = math.log(0.01)  # where the line turns: ten milliseconds


class Contextual(Bandit):
    """Keeps a Bayesian line for each layout, from a question's features to how far predictions are off.

    The features are one, the predicted logarithm, and the kind of question, hashed to one of 16
    places. So a layout that disappoints is believed to disappoint questions of a new kind as well,
    until they show otherwise. What is tried is drawn from the lines (linear Thompson sampling).
    """

    name = "contextual"

    def __init__(self, exploration_rate: float) -> None:
        super().__init__(exploration_rate)
        self._precisions: dict[tuple[str, str], np.ndarray] = {}
        self._moments: dict[tuple[str, str], np.ndarray] = {}
        self._beliefs: dict[tuple[str, str], _Belief] = {}  # until something is learned

    def learn(
        self,
        table: str,
        cluster_id: str | None,
        layout: str,
        predicted_seconds: float | None,
        latency_seconds: float,
    ) -> None:
        """Take note of how long a layout took; see `Policy.learn`."""
        super().learn(table, cluster_id, layout, predicted_seconds, latency_seconds)
        if predicted_seconds is None:
            return  # it says nothing of how far predictions are off
        features = _features(cluster_id, predicted_seconds)
        off = log_seconds(latency_seconds) - log_seconds(predicted_seconds)
        precision, moment = self._line(table, layout)
        self._precisions[table, layout] = precision + np.outer(features, features) / _NOISE**2
        self._moments[table, layout] = moment + features * off / _NOISE**2
        self._beliefs.pop((table, layout), None)

    def expected(self, table: str, cluster_id: str | None, option: Option) -> float:
        """Return the logarithm of how long an option is thought to take.

        Where predictions were never compared with what came of them, latencies alone count.
        """
        if not self._has_line(table, option):
            return super().expected(table, cluster_id, option)
        off = self._belief(table, option.layout).off(cluster_id, option.predicted_seconds)
        return log_seconds(option.predicted_seconds) + off

    def try_one(
        self,
        table: str,
        cluster_id: str | None,
        options: Sequence[Option],
        rng: random.Random,
    ) -> tuple[Option, str]:
        """Return the option whose drawn line is lowest for this question."""
        draws = []
        for option in options:
            spread = self._spread(table, cluster_id, option)
            value = self.expected(table, cluster_id, option) + rng.gauss(0, 1) * spread
            draws.append((value, option.layout, option))
        value, _, tried = min(draws, key=lambda draw: draw[:2])
        told = milliseconds(math.exp(min(value, 50.0)))
        return tried, f"exploring: a line drawn from what is believed of it says {told}"

    def _spread(self, table: str, cluster_id: str | None, option: Option) -> float:
        """Return how sure the expectation is."""
        _, seen = self.seen(table, cluster_id, option)
        if seen.count and not self._has_line(table, option):
            return seen.spread / math.sqrt(seen.count)
        return self._belief(table, option.layout).spread(cluster_id, option.predicted_seconds)

    def _has_line(self, table: str, option: Option) -> bool:
        return option.predicted_seconds is not None and (table, option.layout) in self._moments

    def _belief(self, table: str, layout: str) -> _Belief:
        key = table, layout
        if key not in self._beliefs:
            precision, moment = self._line(table, layout)
            covariance = np.linalg.inv(precision)
            self._beliefs[key] = _Belief((covariance @ moment).tolist(), covariance.tolist())
        return self._beliefs[key]

    def _line(self, table: str, layout: str) -> tuple[np.ndarray, np.ndarray]:
        return (
            self._precisions.get((table, layout), np.eye(_FEATURES)),
            self._moments.get((table, layout), np.zeros(_FEATURES)),
        )


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is believed of a layout's line.

    Features are nearly all zero, so that a few numbers of these are used for a question.

    Args:
        mean: The line.
        covariance: How sure that is.
    """

    mean: list[float]
    covariance: list[list[float]]

    def off(self, cluster_id: str | None, predicted_seconds: float | None) -> float:
        """Return how far a prediction is believed to be off."""
        slope = _slope(predicted_seconds)
        return self.mean[0] + slope * self.mean[1] + self.mean[_place(cluster_id)]

    def spread(self, cluster_id: str | None, predicted_seconds: float | None) -> float:
        """Return how sure that is."""
        slope, place = _slope(predicted_seconds), _place(cluster_id)
        first, second, third = (self.covariance[row] for row in (0, 1, place))
        squares = first[0] + slope * slope * second[1] + third[place]
        return math.sqrt(squares + 2 * (slope * first[1] + first[place] + slope * second[place]))


def _features(cluster_id: str | None, predicted_seconds: float | None) -> np.ndarray:
    features = np.zeros(_FEATURES)
    features[0] = 1.0
    features[1] = _slope(predicted_seconds)
    features[_place(cluster_id)] = 1.0
    return features


def _slope(predicted_seconds: float | None) -> float:
    return 0.0 if predicted_seconds is None else log_seconds(predicted_seconds) - _TYPICAL


def _place(cluster_id: str | None) -> int:
    """Return the place of a kind of question among the features."""
    return 2 + crc32((cluster_id or "").encode()) % _KINDS
