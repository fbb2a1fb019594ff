"""Who asks what, when: the sequences of the benchmark, over the templates of a table.

Seven templates are selective, then come three full scans, then two that nearly every row fulfils.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from writes import make_writes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from questions import Question
    from writes import Write

SELECTIVE, SCANS, UNSELECTIVE = slice(0, 7), slice(7, 10), slice(10, 12)


@dataclass(frozen=True)
class Workload:
    """A sequence of questions, by their numbers in the pool, and what is written before which."""

    name: str
    title: str
    numbers: np.ndarray
    writes: Mapping[int, Write] = field(default_factory=dict)


def make_workloads(
    pool: Sequence[Question], length: int, phase: int, seed: int = 5
) -> list[Workload]:
    """Return W1 to W8. What W6 takes is not known from its questions alone: it must be played.

    Args:
        pool: The questions.
        length: Questions of each workload.
        phase: Questions of a phase of the adversary.
        seed: What chance starts from.
    """
    random = np.random.default_rng(seed)
    names = list(dict.fromkeys(question.template for question in pool))
    members = {
        name: np.array([n for n, question in enumerate(pool) if question.template == name])
        for name in names
    }
    selective = names[SELECTIVE]

    def draw(templates: Sequence[str], count: int) -> np.ndarray:
        chosen = random.choice(len(templates), count)
        return np.array([random.choice(members[templates[one]]) for one in chosen], int)

    fifth = length // 5
    drift = [selective[0:2], selective[3:4], selective[1:3], selective[6:7], selective[4:6]]
    turns = -(-length // phase)
    made = [
        Workload("W1", "stationary", draw([selective[0], selective[5]], length)),
        Workload("W2", "mix", draw(selective, length)),
        Workload("W3", "drift of templates", np.concatenate([draw(one, fifth) for one in drift])),
        Workload("W4", "gradual drift", _gradual(selective, members, length, random)),
        Workload(
            "W5",
            "adversary",
            np.concatenate([draw([selective[1 + turn % 2]], phase) for turn in range(turns)])[
                :length
            ],
        ),
        Workload("W7", "full scans", draw(names[SCANS], length // 8)),
        Workload("W8", "unselective", draw(names[UNSELECTIVE], length // 8)),
    ]
    between = draw([*selective[0:2], selective[5]], length)
    made.insert(5, Workload("W6", "with writes", between, make_writes(length)))
    return made


def _gradual(
    templates: Sequence[str],
    members: dict[str, np.ndarray],
    length: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Return questions whose template moves slowly from the first to the last."""
    at = np.clip(
        np.arange(length) / length * (len(templates) - 1) + random.normal(0, 0.7, length),
        0,
        len(templates) - 1,
    )
    return np.array([random.choice(members[templates[round(float(one))]]) for one in at], int)
