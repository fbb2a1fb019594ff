"""A template: one shape of question, asked with ever other literals."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from parquetry.tuning.workloads.domain import Domain


@dataclass(frozen=True, slots=True)
class Template:
    """One shape of question.

    Args:
        name: What it asks for, in a word or two.
        weight: How often it is asked, beside the weights of the others.
        write: Writes one such question as SQL, with literals from the domain.
    """

    name: str
    weight: float
    write: Callable[[random.Random, Domain], str]


@dataclass(frozen=True, slots=True)
class DrawnQuery:
    """A question that was drawn, and the name of its template."""

    template: str
    sql: str


def draw(
    templates: Sequence[Template], domain: Domain, num_queries: int, seed: int
) -> Iterator[DrawnQuery]:
    """Yield questions, templates by weight; the same seed gives the same questions."""
    rng = random.Random(seed)  # noqa: S311 (a workload is no secret)
    weights = [template.weight for template in templates]
    for template in rng.choices(templates, weights, k=num_queries):
        yield DrawnQuery(template.name, template.write(rng, domain))
