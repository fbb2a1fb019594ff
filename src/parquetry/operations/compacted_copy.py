"""A compacted copy of a dataset beside it, for those who want to keep the original as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.commits.committing import commit
from parquetry.commits.home import Home
from parquetry.commits.kept_schema import find_kept_schema, replace_kept_schema
from parquetry.commits.staging import open_staging
from parquetry.errors import AlreadyExistsError, ConflictError
from parquetry.model.changes import Change, NewFile
from parquetry.operations.compacting import result_of, stage_bins
from parquetry.operations.plans import OperationResult
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.staging import Staging
    from parquetry.model.changes import FileState
    from parquetry.operations.compacting import CompactPlan
    from parquetry.operations.reshaped import ReshapingResult
    from parquetry.storage.protocol import Storage


def compact_aside(home: Home, storage: Storage, plan: CompactPlan) -> ReshapingResult:
    """Make a compacted copy in `<dataset>_compacted`, and leave the dataset as it is.

    Files that stay as they are get a second name there (a hard link), which takes no space.

    **Guarantees:** a crash leaves the whole copy or none.

    Raises:
        AlreadyExistsError: There is such a folder already.
        ConflictError: A file has changed since the plan. Nothing was made.
        StorageError: The disk refused; `outcome` says whether the copy will be there.
    """
    target = Home.of(f"{home.root}_compacted")
    if find_stat(storage, target.root) is not None:
        raise AlreadyExistsError(
            f"A compacted copy of {home.root} was to be made in {target.root}, and there is a folder of "
            "that name. Nothing was changed. Move it away, or let the new files take the place of the "
            "old ones (delete_source_files=True).",
            path=target.root,
        )
    with open_staging(target, storage) as staging:
        new = [*stage_bins(storage, staging, plan), *_links(home, storage, staging, plan)]
        _check_unchanged(home, storage, [*plan.retire, *(file.state for file in plan.kept)])
        kept = find_kept_schema(home, storage)
        if kept is not None:
            replace_kept_schema(target, storage, kept)
        record = commit(
            target, storage, staging, Change("compact", plan.parameters, add=tuple(new))
        )
    done = OperationResult.of(plan, record)
    return result_of(plan, done, target_dir=target.root)


def _links(home: Home, storage: Storage, staging: Staging, plan: CompactPlan) -> Iterator[NewFile]:
    """Stage second names of the files that stay as they are."""
    for file in plan.kept:
        source = staging.new_path()
        storage.link(f"{home.root}/{file.state.path}", source)
        yield NewFile(file.state.path, source, file.rows, file.state.bytes)


def _check_unchanged(home: Home, storage: Storage, states: list[FileState]) -> None:
    for state in states:
        facts = find_stat(storage, f"{home.root}/{state.path}")
        found = None if facts is None else (facts.size, facts.mtime_ns, facts.inode)
        if found != (state.bytes, state.mtime_ns, state.inode):
            raise ConflictError(
                f"{home.root}/{state.path} has changed since the compaction was planned. Nothing was "
                "made; plan again and retry.",
                path=state.path,
            )
