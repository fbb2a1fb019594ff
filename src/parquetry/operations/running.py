"""Carrying out a plan: its files are staged, kept as a backup if asked, and committed."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, TypeVar

from parquetry.commits.committing import check_retired, commit
from parquetry.commits.growing import GrowingTree
from parquetry.commits.staged_files import proved_ahead
from parquetry.commits.staging import open_staging
from parquetry.errors import ConflictError, NotFoundError, ParquetryError
from parquetry.model.changes import Change, NewFile, covering_folder
from parquetry.operations.backups import check_backup_dir, forget_backup, make_backup
from parquetry.operations.bundled_rewriting import bundled, rewrite_bundle
from parquetry.operations.memory_pools import sparing_memory
from parquetry.operations.plans import OperationResult, Plan
from parquetry.operations.rewriting_together import Rewrite
from parquetry.operations.working import in_bundles

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.operations.edits import FileEdit
    from parquetry.operations.recoding import NewValues
    from parquetry.operations.rewriting import Written
    from parquetry.storage.protocol import Storage

MANY_FOLDERS = 64
"""To make fewer takes some milliseconds."""

AnyPlan = TypeVar("AnyPlan", bound=Plan)


def run_plan(
    home: Home,
    storage: Storage,
    plan: Plan,
    stage: Callable[[Staging], Iterable[NewFile]],
    backup_dir: str | os.PathLike[str] | None = None,
) -> OperationResult:
    """Stage the new files of a plan, commit, and return what was done; an empty plan writes nothing.

    Raises:
        ConflictError: The dataset is not what the plan saw. Nothing was changed.
        StorageError: The disk refused; `outcome` says whether the change will be true.
    """
    backups = None if backup_dir is None else check_backup_dir(home, backup_dir)
    if plan.is_empty:
        return OperationResult.of(plan)
    check_retired(home, storage, plan.retire)  # before all the work, and under the lock once more
    with open_staging(home, storage) as staging:
        try:
            added = tuple(proved_ahead(storage, staging, stage(staging)))
        except NotFoundError:
            check_retired(home, storage, plan.retire)
            raise
        backup = make_backup(home, storage, plan, added, backups) if backups else None
        change = Change(
            plan.operation, plan.parameters, plan.base_version, plan.retire, added, plan.requirement
        )
        try:
            record = commit(home, storage, staging, change)
        except ParquetryError as error:
            if backup is not None and error.outcome == "unchanged":
                forget_backup(storage, backup)
            raise
        return OperationResult.of(plan, record, backup=backup)


@sparing_memory()
def run_again(plan: Callable[[], AnyPlan], run: Callable[[AnyPlan], Any], retries: int) -> Any:
    """Plan and run; where somebody else was faster, so many times more."""
    for _ in range(retries):
        try:
            return run(plan())
        except ConflictError:
            continue
    return run(plan())


def stage_edits(
    storage: Storage,
    staging: Staging,
    edits: Sequence[FileEdit],
    values: NewValues | None = None,
    compression: str = "zstd",
) -> Iterator[NewFile]:
    """Write the files that take the place of edited ones, by two threads; emptied ones have none."""

    def write(bundle: Sequence[Rewrite]) -> list[Written]:
        placed = [(edit, staging.placed(path, edit.file.state.folder)) for edit, path in bundle]
        return rewrite_bundle(storage, [Rewrite(*one) for one in placed], values, compression)

    left = [Rewrite(edit, staging.new_path()) for edit in edits if edit.rows_left]
    folders = {staging.final_name(path): edit.file.state.folder for edit, path in left}
    for new in in_bundles(write, bundled(left)):
        name = staging.final_name(new.source)
        yield NewFile(posixpath.join(folders[name], name), new.source, new.rows, new.bytes)


def grow(home: Home, storage: Storage, staging: Staging, plan: Plan) -> None:
    """Let the files that take the place of most of a dataset be written where they will stand.

    So two threads make the folders, between other work, and nothing has to be moved.
    """
    folders = {file.folder for file in plan.rewrite}
    if len(folders) < MANY_FOLDERS or len(plan.rewrite) < plan.kept_files:
        return
    if not covering_folder([file.path for file in plan.rewrite]):
        staging.grown = GrowingTree(home, storage, staging, folders)


def jsonable(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return parameters as the log can keep them."""
    if given is None:
        return None
    return {key: _jsonable(value) for key, value in given.items()}


def _jsonable(value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_jsonable(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
