"""The constants of the cost formula, fitted on what questions took."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from parquetry.tuning.costs.constants import Constants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PRIOR_WEIGHT = 0.02
"""How much the constants before are worth, beside the questions: what the log does not tell apart, such
as rows and bytes where every question reads the same columns, stays in their proportion."""
_LEAST_SECONDS = 1e-3


@dataclass(frozen=True, slots=True)
class Measured:
    """What one question read, and what it took."""

    files: float
    row_groups: float
    bytes: float
    rows: float
    chunks: float
    kept_rows: float
    scattered_rows: float
    seconds: float


def fit(questions: Sequence[Measured], before: Constants | None = None) -> Constants:
    """Return the constants that explain best what questions took, none of them below zero.

    Relative errors count, so that long questions do not drown short ones.

    Args:
        questions: What was measured.
        before: The constants that hold as long as nothing speaks against them.
    """
    prior = np.array(astuple(before or Constants()))
    if not questions:
        return Constants(*prior.tolist())
    facts = np.array([[1.0, *astuple(question)[:-1]] for question in questions])
    seconds = np.array([q.seconds for q in questions])
    weights = 1 / np.maximum(seconds, _LEAST_SECONDS) / np.sqrt(len(questions))
    matrix = np.vstack(
        [facts * prior * weights[:, None], np.sqrt(_PRIOR_WEIGHT / len(prior)) * np.eye(len(prior))]
    )
    wanted = np.append(seconds * weights, np.sqrt(_PRIOR_WEIGHT / len(prior)) * np.ones(len(prior)))
    return Constants(*(non_negative_least_squares(matrix, wanted) * prior).tolist())


def non_negative_least_squares(
    matrix: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the x >= 0 for which `matrix @ x` comes nearest to what is wanted.

    Tries every set of columns that may be above zero, which is exact, and fast for a handful of them.
    """
    rotation, matrix = np.linalg.qr(
        matrix
    )  # of which only so many lines remain as there are columns
    wanted = rotation.T @ wanted
    width = matrix.shape[1]
    best, least = np.zeros(width), float(wanted @ wanted)
    for chosen in product([False, True], repeat=width):
        if not any(chosen):
            continue
        some, *_ = np.linalg.lstsq(matrix[:, chosen], wanted, rcond=None)
        if (some < 0).any():
            continue
        x = np.zeros(width)
        x[list(chosen)] = some
        rest = wanted - matrix @ x
        if (error := float(rest @ rest)) < least:
            best, least = x, error
    return best
