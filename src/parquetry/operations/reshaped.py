"""What came of reshaping a dataset: the same rows, in other files."""

from __future__ import annotations

from dataclasses import dataclass

from parquetry.operations.plans import OperationResult

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ReshapingResult(OperationResult):
    """What compacting or repartitioning did, or with `dry_run` would do.

    Args:
        rows: How many rows the files that left held, and now those that took their place.
        partitions_compacted: How many partitions were compacted.
        target_dir: The folder of the new dataset, where one was made.
        source_deleted: Whether the files of the source of a new dataset were retired.
    """

    rows: int = 0
    partitions_compacted: int = 0
    target_dir: str | None = None
    source_deleted: bool = False
