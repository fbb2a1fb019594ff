"""The bandits by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.errors import ParameterError
from parquetry.tuning.bandits.contextual import Contextual
from parquetry.tuning.bandits.thompson import Thompson
from parquetry.tuning.bandits.ucb import UCB1

if TYPE_CHECKING:
    from parquetry.tuning.bandits.exploring import Bandit

BANDITS: tuple[type[Bandit], ...] = (UCB1, Thompson, Contextual)


def make_bandit(name: str, exploration_rate: float) -> Bandit:
    """Return a bandit that has learned nothing yet.

    Raises:
        ParameterError: There is no such bandit, or the rate is no share.
    """
    for kind in BANDITS:
        if kind.name == name:
            return kind(exploration_rate)
    raise ParameterError(
        f"bandit={name!r} is unknown; expected one of {', '.join(kind.name for kind in BANDITS)}."
    )
