"""A new dataset with the rows of another, by other keys; the other may be retired afterwards."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.commits.committing import commit
from parquetry.commits.growing import GrowingTree
from parquetry.commits.kept_schema import KeptSchema, replace_kept_schema
from parquetry.commits.staging import open_staging
from parquetry.commits.table_link import refuse_fact_change, refuse_unheld
from parquetry.errors import (
    AlreadyExistsError,
    LayoutError,
    NotFoundError,
    ParameterError,
    ParquetryError,
)
from parquetry.model.changes import Change
from parquetry.operations.plans import OperationResult
from parquetry.operations.repartitioning import Repartitioning
from parquetry.operations.reshaped import ReshapingResult

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.records import CommitRecord
    from parquetry.operations.proving import Validation
    from parquetry.operations.repartition_plan import RepartitionPlan
    from parquetry.storage.protocol import Storage

_ELSEWHERE = "Give another folder, or append the rows to that dataset."


def repartition_to(
    home: Home,
    storage: Storage,
    plan: RepartitionPlan,
    target: Home,
    *,
    validate: Validation = True,
    delete_source: bool = False,
) -> ReshapingResult:
    """Make a new dataset with the rows of this one, by the plan's keys.

    **Guarantees:** a crash leaves the whole new dataset or none, and the source as it is. It is retired
    only when the new dataset is durable and proved, by a commit of its own that `restore` undoes.

    **Cost:** as of `repartition`; a file that can stay as it is gets a second name where both folders
    are on one file system.

    Raises:
        RequestError: The target is a dataset of a table, or the source is to be deleted and holds facts.
        AlreadyExistsError: There is data in the target folder.
        LayoutError: One folder stands in the other.
        ParameterError: The source is to be deleted without a proof.
        RequestError: A transform has dropped or added rows. Nothing was made.
        ConflictError: The source has changed in the meantime. `outcome` says whether the new dataset
            is there; the source is.
        CorruptionError: A file is damaged. Nothing was made.
        StorageError: The disk refused; `outcome` says whether the new dataset will be there.
    """
    if delete_source:
        refuse_fact_change(home, storage, "retire")
    refuse_unheld(target, storage, "write a repartitioned dataset to", _ELSEWHERE)
    _check(home, storage, target, validate=validate, delete_source=delete_source)
    with open_staging(target, storage) as staging:
        record, folders = _make(storage, plan, target, staging, validate)
    if delete_source:
        _retire(home, storage, plan, target)
    facts = {**vars(OperationResult.of(plan, record)), "num_partitions": folders}
    return ReshapingResult(
        **facts, rows=record.rows_added, target_dir=target.root, source_deleted=delete_source
    )


def _check(
    home: Home, storage: Storage, target: Home, *, validate: Validation, delete_source: bool
) -> None:
    if delete_source and validate is False:
        raise ParameterError(
            "The source is only deleted after proof that its rows are in the new dataset. Nothing was "
            "changed. Pass validate=True or 'content', or delete_source=False."
        )
    if f"{target.root}/".startswith(f"{home.root}/") or f"{home.root}/".startswith(
        f"{target.root}/"
    ):
        raise LayoutError(
            f"The new dataset {target.root} and its source {home.root} must not stand in each other. "
            "Nothing was changed. Give another folder, or repartition the dataset in place: "
            "Dataset(path).repartition(keys)."
        )
    try:
        found = storage.list_folder(target.root)
    except NotFoundError:
        return
    if found:
        raise AlreadyExistsError(
            f"A new dataset was to be made in {target.root}, and the folder is not empty. Nothing was "
            "changed. Move it away, or give another folder.",
            path=target.root,
        )


def _make(
    storage: Storage,
    plan: RepartitionPlan,
    target: Home,
    staging: Staging,
    validate: Validation,
) -> tuple[CommitRecord, int]:
    staging.grown = GrowingTree(target, storage, staging)
    work = Repartitioning(plan, storage, staging)
    added = work.checked(validate)
    replace_kept_schema(target, storage, KeptSchema(work.schema, plan.keys))
    parameters = {**plan.parameters, "source": plan.root}
    record = commit(target, storage, staging, Change("repartition", parameters, add=tuple(added)))
    return record, len({posixpath.dirname(file.path) for file in added})


def _retire(home: Home, storage: Storage, plan: RepartitionPlan, target: Home) -> None:
    parameters = {**plan.parameters, "target": target.root}
    change = Change("repartition", parameters, plan.base_version, plan.retire, (), plan.requirement)
    try:
        with open_staging(home, storage) as staging:
            commit(home, storage, staging, change)
    except ParquetryError as error:
        if error.outcome == "unchanged":
            error.outcome = "changed"
            error.message += f" The new dataset {target.root} is complete; its source stays."
        raise
