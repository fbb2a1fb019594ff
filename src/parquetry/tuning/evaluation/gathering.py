"""What an evaluation goes by, gathered from the database and the footers of the files."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from parquetry.files.footers import read_footer
from parquetry.model.layouts import INITIAL
from parquetry.tuning.evaluation.window import Situation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.dataset import Dataset
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutRecord

_WINDOWS = 8
"""So many windows are looked back on for what the baseline took."""


def gather(
    dataset: Dataset, metadata: MetadataStore, config: Config, *, limit: int | None = None
) -> Situation:
    """Return what an evaluation of a dataset goes by, as of now.

    **Cost:** the questions of eight windows are read from the database, and every file's footer.

    Args:
        dataset: The dataset.
        metadata: Where questions are logged.
        config: The settings.
        limit: So many of the newest questions at most.
    """
    now = dt.datetime.now(dt.UTC)
    since = now - dt.timedelta(hours=_WINDOWS * config.window_hours)
    layouts = metadata.layouts(dataset.name)
    evaluated: dict[str, dt.datetime] = {}
    for record in metadata.evaluations(dataset.name):
        evaluated.setdefault(record.layout, record.window_end)
    return Situation(
        table=dataset.name,
        queries=metadata.queries(dataset.name, since=since, limit=limit),
        layouts=layouts,
        group_rows=_group_rows(dataset, layouts),
        evaluated_until=evaluated,
        now=now,
    )


def _group_rows(dataset: Dataset, layouts: Sequence[LayoutRecord]) -> dict[str, float]:
    """Return how many rows a row group has on average, by layout."""
    found = {
        one.layout_id: one.rows / one.row_groups for one in layouts if one.rows and one.row_groups
    }
    own = next((one.layout_id for one in layouts if one.role == "active"), INITIAL)
    footers = [read_footer(path) for path in dataset.files()]
    groups = sum(footer.num_row_groups for footer in footers)
    if groups:
        found[own] = sum(footer.num_rows for footer in footers) / groups
    return found
