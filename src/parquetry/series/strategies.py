"""When, and how much of, the data comes into memory."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.series.database import DataBase
    from parquetry.series.study import Study


class MaterializationStrategy(Enum):
    """When, and how much of, the data comes into memory.

    NONE reads at each call, through the process's cache: for local files. UPFRONT loads all that the
    study needs, once: for data that fits into memory and storage that is slow. PER_WORKER lets each work
    item load its own scenarios and steps: for workers far away. MMAP writes uncompressed Arrow files
    once and maps them: for many processes of one machine, which then share one copy.
    """

    NONE = "none"
    UPFRONT = "upfront"
    PER_WORKER = "per-worker"
    MMAP = "mmap"


def prepare(study: Study, strategy: MaterializationStrategy, mapped_folder: str | None) -> DataBase:
    """Return the database that goes to the workers."""
    match strategy:
        case MaterializationStrategy.UPFRONT:
            return study.database.materialize(study.scenario_ids, study.time_scope.steps)
        case MaterializationStrategy.MMAP:
            return study.database.mapped(mapped_folder)
    return study.database
