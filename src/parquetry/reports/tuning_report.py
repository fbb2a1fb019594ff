"""`write_report`: what was learned about a dataset, as files to hand on."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from parquetry.errors import StorageError
from parquetry.reports.tuning_history import (
    as_csv,
    as_json,
    evaluation_columns,
    evaluation_row,
)
from parquetry.reports.tuning_page import report_page
from parquetry.reports.tuning_routing import RoutingRow, stretches, summarize_routing
from parquetry.reports.tuning_status import describe_tuning
from parquetry.reports.tuning_summary import summary_markdown

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.reports.tuning_routing import Stretch
    from parquetry.reports.tuning_status import TuningStatus
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import EvaluationRecord


@dataclass(frozen=True, slots=True)
class TuningReport:
    """What a report tells: how things stand, all evaluations, who answered what, and when."""

    status: TuningStatus
    evaluations: tuple[EvaluationRecord, ...]
    routing: tuple[RoutingRow, ...]
    stretches: tuple[Stretch, ...]


def make_report(dataset: Dataset, metadata: MetadataStore, config: Config) -> TuningReport:
    """Return the report of a dataset, over all that was logged of it."""
    queries = metadata.queries(dataset.name)
    return TuningReport(
        describe_tuning(dataset, metadata, config),
        tuple(metadata.evaluations(dataset.name)),
        summarize_routing(dataset.name, queries),
        stretches(dataset.name, queries),
    )


def write_report(report: TuningReport, folder: str) -> list[str]:
    """Write the report, and return the paths of its files.

    Each file is replaced whole. Charts need the extra `charts`; the page says so where it is missing.

    Args:
        report: What to tell.
        folder: Where to; made if absent.

    Raises:
        StorageError: The folder cannot be written.
    """
    evaluations = [evaluation_row(one) for one in report.evaluations]
    texts = {
        "summary.md": summary_markdown(report),
        "layout_eval.csv": as_csv(evaluations, evaluation_columns()),
        "layout_eval.json": as_json(evaluations) + "\n",
        "query_routing_summary.csv": as_csv(
            [asdict(row) for row in report.routing], list(RoutingRow.__dataclass_fields__)
        ),
        "report.html": report_page(report),
    }
    try:
        os.makedirs(folder, exist_ok=True)
        return [_write(f"{folder}/{name}", text) for name, text in texts.items()]
    except OSError as error:
        raise StorageError(
            f"The report could not be written to {folder}: {error.strerror}. Files of an earlier report "
            "are whole. Choose another folder with --out.",
            path=folder,
        ) from error


def _write(path: str, text: str) -> str:
    aside = f"{path}.tmp"
    with open(aside, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(aside, path)
    return path
