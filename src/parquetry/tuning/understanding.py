"""What a dataset is asked, by the log as this process has read it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from parquetry.tuning.notebook import find_notebook
from parquetry.tuning.workload import Workload

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.samples import Sample


def understand(
    dataset: Dataset, metadata: MetadataStore, config: Config, sample: Sample | None = None
) -> Workload:
    """Return what a dataset is asked.

    **Cost:** of the log what is new to this process.

    Args:
        dataset: The dataset.
        metadata: Where its questions are logged.
        config: The settings.
        sample: Its rows, for what conditions let through.
    """
    notebook = find_notebook(dataset, metadata)
    with notebook.guard:
        queries = notebook.read_log(metadata, dataset.name)
    return Workload.of(
        dataset.name,
        queries,
        metadata.shapes(dataset.name),
        dt.datetime.now(dt.UTC),
        half_life_days=config.half_life_days,
        sample=sample,
    )
