"""What a dataset is asked, and what could be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.tuning.proposing import propose_for
from parquetry.tuning.spacing import is_worth_tuning
from parquetry.tuning.understanding import understand

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.proposing import Proposal
    from parquetry.tuning.workload import Workload


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a dataset is asked and what could be done about it.

    Args:
        workload: Kinds of question and columns.
        proposal: Layouts and what they would bring.
        advice: What to know about the dataset as a whole, in sentences.
    """

    workload: Workload
    proposal: Proposal
    advice: tuple[str, ...]


def analyze(dataset: Dataset, metadata: MetadataStore, config: Config) -> Analysis:
    """Return what a dataset is asked, and what could be done about it. Nothing is rewritten.

    **Cost:** every footer is read; the sample is taken on the first call.
    """
    proposal = propose_for(dataset, metadata, config)
    workload = understand(dataset, metadata, config, proposal.situation.sample)
    return Analysis(workload, proposal, _advice(workload, proposal, config))


def _advice(workload: Workload, proposal: Proposal, config: Config) -> tuple[str, ...]:
    rows = proposal.situation.sample.rows
    advice = []
    if not is_worth_tuning(rows, proposal.row_groups, config.min_rows, config.min_row_groups):
        advice.append(
            f"the dataset is small ({rows:,} rows in {proposal.row_groups:,} row groups): it is only "
            "laid out anew when asked, by enqueue-migration"
        )
    if workload.queries < config.min_queries:
        advice.append(
            f"{workload.queries} of {config.min_queries} questions that a decision takes were logged"
        )
    known = {column.lower() for column in proposal.situation.sample.table.column_names}
    gone = [one.column for one in workload.columns if one.column.lower() not in known]
    if gone:
        advice.append(
            f"logged questions use columns that the dataset no longer has: {', '.join(gone)}"
        )
    return tuple(advice)
