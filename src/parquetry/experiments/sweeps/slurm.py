"""Indices as `sbatch --array=` takes them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def array_list(indices: Iterable[int]) -> str:
    """Return the indices as an array list, `1-7,12`: each once, ascending; empty for none."""
    ordered = sorted(set(indices))
    gaps = [place for place, (one, next_) in enumerate(pairwise(ordered), 1) if next_ != one + 1]
    runs = [ordered[begin:end] for begin, end in pairwise([0, *gaps, len(ordered)])]
    return ",".join(_run(run[0], run[-1]) for run in runs if run)


def _run(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}-{last}"
