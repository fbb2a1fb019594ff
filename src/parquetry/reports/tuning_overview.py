"""How far tuning is with all datasets of a store, a line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.reports.tuning_status import latest_evaluations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.store import Store
    from parquetry.tuning.metadata.store import MetadataStore


@dataclass(frozen=True, slots=True)
class DatasetLine:
    """One dataset: its logged questions, layouts in use, jobs that wait or run, and its best layout."""

    table: str
    queries: int
    layouts: int
    waiting_jobs: int
    best: str | None


def describe_datasets(
    store: Store, metadata: MetadataStore, tables: Sequence[str] | None = None
) -> tuple[DatasetLine, ...]:
    """Return a line for each dataset of a store, or for some."""
    names = [name for name in store.datasets() if tables is None or name in tables]
    return tuple(_line(name, metadata) for name in names)


def _line(table: str, metadata: MetadataStore) -> DatasetLine:
    ready = {one.layout_id for one in metadata.layouts(table) if one.state == "ready"}
    latest = latest_evaluations(metadata.evaluations(table))
    scored = [(one.reward, name) for name, one in latest.items() if one.reward is not None]
    return DatasetLine(
        table,
        metadata.count_queries(table),
        len(ready | {"initial"}),
        sum(1 for job in metadata.jobs(table) if job.is_open),
        max(scored)[1] if len(scored) > 1 else None,
    )
