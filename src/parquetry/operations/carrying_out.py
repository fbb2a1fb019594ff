"""A plan that was looked at, carried out as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.operations.compacting import CompactPlan, compact
from parquetry.operations.deleting import DeletePlan, run_delete
from parquetry.operations.repartition_plan import RepartitionPlan
from parquetry.operations.repartitioning import repartition
from parquetry.operations.update_plan import UpdatePlan
from parquetry.operations.updating import run_update
from parquetry.operations.upsert_plan import UpsertPlan
from parquetry.operations.upserting import run_upsert

if TYPE_CHECKING:
    import os

    from parquetry.commits.home import Home
    from parquetry.operations.plans import OperationResult, Plan
    from parquetry.storage.protocol import Storage


def carry_out(
    home: Home,
    storage: Storage,
    plan: Plan,
    backup_dir: str | os.PathLike[str] | None = None,
) -> OperationResult:
    """Do what a plan says, and nothing else, in one commit.

    **Guarantees:** those of `commit`. Nothing is planned again: where the dataset has changed in what
    the plan relies on, that is a conflict.

    Raises:
        ConflictError: A file of the plan has changed, or one came that it had to see. Nothing was
            changed; plan again.
        ParameterError: The plan is of another dataset, or keeps no backup of files.
        StorageError: The disk refused; `outcome` says whether the change will be true.
    """
    if plan.root != home.root:
        raise ParameterError(
            f"This plan is for {plan.root}, not for {home.root}. Nothing was changed. Run it on the "
            "dataset that it was made for."
        )
    kept: dict[str, Any] = {} if backup_dir is None else {"backup_dir": backup_dir}
    match plan:
        case DeletePlan():
            return run_delete(home, storage, plan, **kept)
        case UpdatePlan():
            return run_update(home, storage, plan, **kept)
        case UpsertPlan():
            return run_upsert(home, storage, plan, **kept)
    if kept:
        raise ParameterError(
            f"{plan.operation} keeps no backup aside: all rows stay, and the old files are kept as "
            "history. Nothing was changed. Leave backup_dir out."
        )
    match plan:
        case CompactPlan():
            return compact(home, storage, plan)
        case RepartitionPlan():
            return repartition(home, storage, plan)
    raise ParameterError(f"{type(plan).__name__} is no plan that a dataset runs.")
