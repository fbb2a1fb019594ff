"""The two gates that a new layout passes: it reads less, and it is faster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.tuning.evaluation.statistics import bootstrap_bounds, mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OF_THE_PREDICTION = 0.8
"""So much of the predicted fall must have come true."""
_UNSURE = 0.02
"""This share of what was read is less than a sample can tell."""
TOO_SLOW = 1.15
"""No kind of question that counts may take over so many times as long."""
COUNTS = 0.02
"""A kind of question counts from this share of the time on."""
_OVERLAP = 1.25
"""So many times the row groups that were predicted may be read of files that were just written."""
_EARLY_CONFIDENCE = 0.99
"""Who looks before the end must be surer than who looks once."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What the questions of a workload read, altogether.

    Args:
        row_groups: Row groups.
        bytes: Bytes of the columns that they read.
        questions: How many questions that are, old ones counting less.
    """

    row_groups: float
    bytes: float
    questions: float = 0.0


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether a layout passed a gate, and why in a sentence."""

    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One question in both layouts: seconds in the old and in the new one, interleaved."""

    cluster_id: str
    old_seconds: float
    new_seconds: float


def gate_a(before: Volume, after: Volume, predicted: Volume) -> GateVerdict:
    """Return whether row groups and bytes fell by at least 80 % of what was predicted.

    Where a rise was predicted, of bytes in larger row groups say, it may be a fifth larger. A fiftieth
    of what the old layout reads is forgiven: predictions come from a sample.

    Args:
        before: What the questions read in the old layout, by its footers.
        after: What they read in the new one, by its footers.
        predicted: What they were predicted to read in the new one.
    """
    told = []
    passed = True
    for what in ("row_groups", "bytes"):
        old, new, thought = (getattr(volume, what) for volume in (before, after, predicted))
        missed = max((1 - OF_THE_PREDICTION) * abs(old - thought), _UNSURE * old)
        passed &= new <= thought + missed
        told.append(
            f"{what.replace('_', ' ')} {old:,.0f} -> {new:,.0f} ({_fall(old, new)}; predicted "
            f"{thought:,.0f}, {_fall(old, thought)})"
        )
    begin = "reads as little as predicted" if passed else "does not read as little as predicted"
    return GateVerdict(passed, f"{begin}: {'; '.join(told)}")


def shows_prediction(written: Volume, predicted: Volume) -> GateVerdict:
    """Return whether files that were just written read about as predicted: a quarter more at most.

    One row group a question is spared that, where so few are read that it makes a difference.
    """
    most = max(_OVERLAP * predicted.row_groups, predicted.row_groups + predicted.questions)
    told = (
        f"the logged questions read {written.row_groups:,.0f} row groups of the new files, where "
        f"{predicted.row_groups:,.0f} were predicted"
    )
    return GateVerdict(written.row_groups <= most, told)


def is_settled(pairs: Sequence[Pair], *, seed: int = 0) -> bool:
    """Return whether more pairs would hardly change what gate B says."""
    ratios, times = _by_kind(pairs)
    low, high = bootstrap_bounds(ratios, times, confidence=_EARLY_CONFIDENCE, seed=seed)
    return low > 0 or (high < 0 and _slowed(ratios, times, sum(times.values())) is None)


def surely_slower(pairs: Sequence[Pair], *, seed: int = 0) -> GateVerdict:
    """Return whether the new layout is surely slower than the old one, over interleaved pairs."""
    if not pairs:
        return GateVerdict(passed=False, reason="no question could be asked in both layouts")
    ratios, times = _by_kind(pairs)
    low, high = bootstrap_bounds(ratios, times, seed=seed)
    told = (
        f"{math.exp(low):.2f} to {math.exp(high):.2f} times the old latency over {len(pairs):,} "
        "interleaved pairs"
    )
    return GateVerdict(low > 0, told)


def gate_b(pairs: Sequence[Pair], *, seed: int = 0) -> GateVerdict:
    """Return whether the new layout is surely faster, and slows down no kind of question that counts.

    Sure means that the upper end of a 95 % interval of the mean logarithm of ratios, weighted by the
    time of each kind of question, lies below zero.
    """
    if not pairs:
        return GateVerdict(passed=False, reason="no question could be asked in both layouts")
    ratios, times = _by_kind(pairs)
    low, high = bootstrap_bounds(ratios, times, seed=seed)
    total = sum(times.values())
    middle = sum(times[name] * mean(ratios[name]) for name in ratios) / total
    told = (
        f"{math.exp(middle):.2f} times the old latency (95 %: {math.exp(low):.2f} to "
        f"{math.exp(high):.2f}) over {len(pairs):,} interleaved pairs"
    )
    slow = _slowed(ratios, times, total)
    if slow is not None:
        name, factor = slow
        return GateVerdict(
            passed=False,
            reason=f"{told}; the kind of question {name} became {factor:.2f} times as slow",
        )
    return GateVerdict(high < 0, told if high < 0 else f"not surely faster: {told}")


def _by_kind(pairs: Sequence[Pair]) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the logarithms of ratios, and the time in the old layout, of each kind of question."""
    ratios: dict[str, list[float]] = {}
    times: dict[str, float] = {}
    for pair in pairs:
        ratio = math.log(max(pair.new_seconds, 1e-9) / max(pair.old_seconds, 1e-9))
        ratios.setdefault(pair.cluster_id, []).append(ratio)
        times[pair.cluster_id] = times.get(pair.cluster_id, 0.0) + pair.old_seconds
    return ratios, times


def _slowed(
    ratios: Mapping[str, Sequence[float]], times: Mapping[str, float], total: float
) -> tuple[str, float] | None:
    """Return the kind of question that counts and became slowest, if it is too slow."""
    counting = [name for name in ratios if times[name] >= COUNTS * total]
    if not counting:
        return None
    worst = max(counting, key=lambda name: mean(ratios[name]))
    factor = math.exp(mean(ratios[worst]))
    return (worst, factor) if factor > TOO_SLOW else None


def _fall(old: float, new: float) -> str:
    return f"{(new - old) / old:+.0%}" if old else "nothing to spare"
