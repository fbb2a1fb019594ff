"""Which files are laid out together, and which of them first: where it pays soonest."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from parquetry.tuning.replicas.bounds import bounded_columns, source_groups
from parquetry.tuning.routing.pricing import Groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.access.conditions import Demand
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey

BATCH_BYTES = 256 << 20
"""A few files at a time: so many bytes of source files, and never less than one file."""


def in_batches(
    survey: Survey,
    files: Sequence[SurveyedFile],
    questions: Sequence[Sequence[Sequence[Demand]]],
    batch_bytes: int = BATCH_BYTES,
) -> list[tuple[SurveyedFile, ...]]:
    """Return files in batches of about a size, those first that questions read most of a byte.

    Files of one folder stay together as far as the size allows: they have the keys in common.

    **Cost:** the footers of the files.

    Args:
        survey: The dataset.
        files: The files.
        questions: What questions demanded, each where it read the dataset.
        batch_bytes: The size of a batch.
    """
    gains = _gains(survey, files, questions)
    folders = [
        tuple(group)
        for _, group in groupby(
            sorted(files, key=lambda file: file.state.path), lambda file: file.state.folder
        )
    ]
    folders.sort(key=lambda group: -_gain_of_bytes(group, gains))
    batches: list[tuple[SurveyedFile, ...]] = []
    batch: list[SurveyedFile] = []
    size = 0
    for file in (file for group in folders for file in group):
        if batch and size + file.state.bytes > batch_bytes:
            batches.append(tuple(batch))
            batch, size = [], 0
        batch.append(file)
        size += file.state.bytes
    return [*batches, tuple(batch)] if batch else batches


def _gain_of_bytes(files: Iterable[SurveyedFile], gains: dict[str, int]) -> float:
    files = list(files)
    size = sum(file.state.bytes for file in files)
    return sum(gains.get(file.state.path, 0) for file in files) / max(size, 1)


def _gains(
    survey: Survey,
    files: Sequence[SurveyedFile],
    questions: Sequence[Sequence[Sequence[Demand]]],
) -> dict[str, int]:
    """Return how many row groups of each file the questions had to look at: what can be spared."""
    asked = [one for one in questions if one and all(one)]
    if not asked:
        return {}
    columns = {d.condition.column.lower() for one in asked for demands in one for d in demands}
    names = [name for name in survey.columns.names if name.lower() in columns]
    wanted = bounded_columns(names, survey.columns)
    groups = Groups(source_groups(survey, files, wanted), len(files))
    read = np.sum([groups.by_file(groups.admitted(one))[:, 0] for one in asked], axis=0)
    return {file.state.path: int(count) for file, count in zip(files, read, strict=True)}
