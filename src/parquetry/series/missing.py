"""Nulls and NaN, found before a solver meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.series.findings import Finding, nan_problem
from parquetry.series.indexing import distinct

if TYPE_CHECKING:
    from parquetry.series.indexing import Indices
    from parquetry.series.source import SeriesSource


def value_problems(
    source: SeriesSource, steps: range, columns: Indices, *, refuse_nan: bool
) -> list[Finding]:
    """Return nulls, and NaN if that is refused, among the given steps and columns.

    **Cost:** nothing but footers for files that declare their columns without nulls, or count them,
    and tell how many NaN there are; else the values are read once, past the cache.
    """
    if not _must_read(source, refuse_nan=refuse_nan):
        return []
    try:
        values = source.load(steps, distinct(columns))
    except ParquetryError as error:
        return [Finding(source.path, str(error), "")]
    count = int(np.isnan(values).sum()) if refuse_nan else 0
    return [nan_problem(source.path, count)] if count else []


def _must_read(source: SeriesSource, *, refuse_nan: bool) -> bool:
    if refuse_nan and any(file.nan_values != 0 for file in source.files):
        return True
    return any(file.may_hold_nulls() for file in source.files)
