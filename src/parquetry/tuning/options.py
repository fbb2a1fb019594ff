"""What can be done about the layouts of a dataset, and what each of that would have saved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_Seconds = TypeVar("_Seconds", float, "NDArray[np.float64]")
MARGIN = 0.9
"""Predictions may be off by a tenth: reading what is there counts only so much of what it takes."""


@dataclass(frozen=True, slots=True)
class Option:
    """A layout that can be written, and what would have to go for it.

    Args:
        layout: The layout.
        rewrite_seconds: What writing it takes.
        drops: The layout that is given up, if one is.
        caution: So many times as much as usual must have been saved, because predictions for this layout
            were wrong before.
        rent: Seconds of computing whose price keeping it has, for each second that it stands.
    """

    layout: str
    rewrite_seconds: float
    drops: str | None = None
    caution: float = 1.0
    rent: float = 0.0

    @property
    def key(self) -> str:
        """What tells the option from others."""
        return self.layout if self.drops is None else f"{self.layout} for {self.drops}"


def options(
    layouts: Mapping[str, float], present: Sequence[str], max_replicas: int, rent: float = 0.0
) -> list[Option]:
    """Return what can be done: one more layout, or one in the place of another.

    Args:
        layouts: What writing each candidate takes.
        present: The layouts that questions can be answered from; the dataset's own comes first.
        max_replicas: How many may stand beside the dataset. 0: the dataset itself is rewritten.
        rent: What keeping one more costs; one in the place of another costs nothing more.
    """
    own, replicas = present[0], present[1:]
    found = []
    for layout, seconds in layouts.items():
        if layout in present:
            continue
        if max_replicas == 0:
            found.append(Option(layout, seconds, own))
        elif len(replicas) < max_replicas:
            found.append(Option(layout, seconds, rent=rent))
        else:
            found += [Option(layout, seconds, victim) for victim in replicas]
    return found


def saving(
    new: _Seconds, rest: _Seconds, current: _Seconds, beside_reading: _Seconds | float
) -> _Seconds:
    """Return what an option saves of one question, or of each of many.

    Reading the new layout counts less the margin, since nobody has done it yet; what a question takes
    beside reading it takes in every layout. What stays is known: a question that it serves best loses
    nothing by one more layout, nor by one in the place of another; one that the layout which goes has
    served best loses what the next best takes longer.

    Args:
        new: What the question takes in the new layout.
        rest: What it takes in the best of those that stay; see `best_without`.
        current: What it takes now.
        beside_reading: What of each of these is not reading, and the same in all of them.
    """
    reading_less_margin = MARGIN * (current - beside_reading)
    saved: _Seconds = np.maximum(reading_less_margin + beside_reading - new, current - rest)
    return saved


def best_without(
    drops: str | None, costs: Mapping[str, _Seconds], present: Sequence[str]
) -> _Seconds:
    """Return what questions take in the best layout but one that goes; infinitely long without any."""
    stays: list[Any] = [costs[layout] for layout in present if layout != drops]
    endless: Any = np.inf
    best: _Seconds = reduce(np.minimum, stays, endless)
    return best


def replay(
    option: Option,
    costs: Mapping[str, NDArray[np.float64]],
    present: Sequence[str],
    gaps: NDArray[np.float64] | float = 0.0,
    beside_reading: NDArray[np.float64] | float = 0.0,
) -> float:
    """Return the counter that an option would have, had it been known since the last move.

    Args:
        option: The option.
        costs: What each question since then takes, by layout.
        present: The layouts that they could be answered from.
        gaps: The seconds between each question and the one before.
        beside_reading: What of each question's seconds is not reading, whatever the layout.
    """
    current = best_without(None, costs, present)
    rest = best_without(option.drops, costs, present)
    saved = saving(costs[option.layout], rest, current, beside_reading)
    sums = np.cumsum(saved - option.rent * gaps)
    return float(sums[-1] - min(0.0, sums.min())) if len(sums) else 0.0  # it stops at zero
