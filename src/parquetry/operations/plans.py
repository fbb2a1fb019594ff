"""The plan that all changing verbs share, and what came of carrying it out.

A plan is made without writing anything. It can be printed, compared and sent elsewhere; `dry_run`
reports it, and the run carries out that same object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parquetry.model.changes import Requirement
from parquetry.model.wording import bytes_text, count_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.model.changes import FileState
    from parquetry.model.records import CommitRecord


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an operation would do to a dataset.

    Args:
        operation: The verb, as the log names it.
        root: The dataset's folder.
        parameters: What the verb was called with, as JSON values.
        base_version: The version of the dataset that the plan saw.
        read: The files that had to be looked into, beyond their footers.
        rewrite: The files whose place new files take, which hold what remains of their rows.
        drop: The files that leave whole, undecoded.
        kept_files: How many files of the scope stay as they are.
        new_files: How many files are written.
        partitions: The relative folders that change.
        rows_scanned: How many rows were decoded, in part, to make the plan.
        rows_deleted: How many rows leave.
        rows_inserted: How many rows come.
        rows_updated: How many rows change.
        bytes_after: The expected size of the new files.
        requirement: What must still hold at the commit, besides the retired files being unchanged.
    """

    operation: str
    root: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    base_version: int = 0
    read: tuple[FileState, ...] = ()
    rewrite: tuple[FileState, ...] = ()
    drop: tuple[FileState, ...] = ()
    kept_files: int = 0
    new_files: int = 0
    partitions: tuple[str, ...] = ()
    rows_scanned: int = 0
    rows_deleted: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    bytes_after: int = 0
    requirement: Requirement = field(default_factory=Requirement)

    @property
    def retire(self) -> tuple[FileState, ...]:
        """The files that leave the dataset and are kept as history."""
        return (*self.rewrite, *self.drop)

    @property
    def bytes_before(self) -> int:
        """The size of the files that leave."""
        return sum(file.bytes for file in self.retire)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do; then nothing is written, not even to the log."""
        return not self.retire and not self.new_files

    def explain(self) -> str:
        """Return the plan as text for people."""
        if self.is_empty:
            return f"{self.operation} on {self.root}: nothing to do ({self._scanned()})."
        rows = [
            f"{count_text(count, 'row')} {what}"
            for count, what in (
                (self.rows_deleted, "deleted"),
                (self.rows_updated, "updated"),
                (self.rows_inserted, "inserted"),
            )
            if count
        ]
        gone, come = bytes_text(self.bytes_before), bytes_text(self.bytes_after)
        lines = [
            f"{self.operation} on {self.root} (version {self.base_version})",
            f"  rows:       {', '.join(rows) or 'none change'}",
            f"  files:      {len(self.rewrite):,} rewritten, {len(self.drop):,} dropped undecoded,",
            f"              {self.kept_files:,} kept; {self.new_files:,} written",
            f"  bytes:      {gone} go, {come} or so come",
            f"  partitions: {len(self.partitions):,} ({_some(self.partitions)})",
            f"  read:       {self._scanned()}",
        ]
        return "\n".join(lines)

    def _scanned(self) -> str:
        rows, files = count_text(self.rows_scanned, "row"), count_text(len(self.read), "file")
        return f"{rows} in {files} looked at"

    def __str__(self) -> str:
        return self.explain()


@dataclass(frozen=True, kw_only=True)
class OperationResult:
    """What an operation did, or with `dry_run` would do.

    Args:
        rows_deleted: How many rows left.
        rows_inserted: How many rows came.
        rows_updated: How many rows changed.
        files_before: How many files left.
        files_after: How many files took their place.
        bytes_before: The size of the files that left.
        bytes_after: The size of those that came; with `dry_run` an estimate.
        num_partitions: How many partitions changed.
        errors: Always 0: what goes wrong is raised, and nothing is changed then.
        files_rewritten: How many of the files that left were replaced, and not dropped whole.
        rows_scanned: How many rows were decoded, in part, to find those that change.
        dry_run: Whether nothing was done.
        version: The version of the dataset that the operation made; None if it made none.
        backup: The folder of the backup; None if there is none.
    """

    rows_deleted: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    num_partitions: int = 0
    errors: int = 0
    files_rewritten: int = 0
    rows_scanned: int = 0
    dry_run: bool = False
    version: int | None = None
    backup: str | None = None

    @classmethod
    def of(
        cls,
        plan: Plan,
        record: CommitRecord | None = None,
        *,
        backup: str | None = None,
        dry_run: bool = False,
    ) -> OperationResult:
        """Return the result of a plan: as foreseen, or as its commit's record says."""
        added = None if record is None else record.added
        return cls(
            rows_deleted=plan.rows_deleted,
            rows_inserted=plan.rows_inserted,
            rows_updated=plan.rows_updated,
            files_before=len(plan.retire),
            files_after=plan.new_files if added is None else len(added),
            bytes_before=plan.bytes_before,
            bytes_after=plan.bytes_after if added is None else sum(f.bytes for f in added),
            num_partitions=len(plan.partitions),
            files_rewritten=len(plan.rewrite),
            rows_scanned=plan.rows_scanned,
            dry_run=dry_run,
            version=None if record is None else record.version,
            backup=backup,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result by its names."""
        return dict(vars(self))


def _some(partitions: tuple[str, ...], shown: int = 3) -> str:
    names = [folder or "(the root)" for folder in partitions[:shown]]
    return ", ".join(names) + (", …" if len(partitions) > shown else "")
