"""One round of the loop: what was wanted, and what was seen and done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.tuning.evaluation.verifying import Verification
    from parquetry.tuning.moving_rule import Decision
    from parquetry.tuning.proposing import Proposal
    from parquetry.tuning.records import JobMode, MigrationJob, Role
    from parquetry.tuning.workload import Workload


@dataclass(frozen=True, slots=True)
class Aim:
    """What a round is to do.

    Args:
        is_asked: Whether somebody wants the best layout now; otherwise the rule decides.
        role: Whether the dataset's own folder gets the layout, or files beside it.
        mode: All at once, or a few files at a time.
        waits: Whether the migration is carried out here; otherwise it is left to a worker.
    """

    is_asked: bool = False
    role: Role = "replica"
    mode: JobMode = "full"
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Round:
    """What one round saw and did.

    Args:
        table: The dataset.
        workload: What it is asked.
        proposal: What could be done, and what that would bring and take.
        decision: What was decided, and why.
        job: The migration; None if it was decided to stay.
        verdict: What the gates said of the new layout; None if there was none to judge.
        news: What became of older layouts that turned out slower.
    """

    table: str
    workload: Workload
    proposal: Proposal
    decision: Decision
    job: MigrationJob | None
    verdict: Verification | None
    news: tuple[str, ...] = ()

    @property
    def layout_id(self) -> str | None:
        """The layout that the dataset has gained; None if it has none."""
        is_done = self.job is not None and self.job.state == "done"
        is_kept = self.verdict is None or self.verdict.passed
        return self.job.layout.layout_id if self.job is not None and is_done and is_kept else None

    def __str__(self) -> str:
        lines = [f"{self.table}: {self.workload.queries:,} questions; {self.decision.reason}"]
        if self.job is not None:
            lines.append(f"migration {self.job.job_id} {self.job.state}: {self.job.message}")
        if self.verdict is not None:
            kept = "kept" if self.verdict.passed else "taken away again"
            lines.append(f"{kept}: {self.verdict.gate_a.reason}; {self.verdict.gate_b.reason}")
        return "\n".join([*lines, *self.news])
