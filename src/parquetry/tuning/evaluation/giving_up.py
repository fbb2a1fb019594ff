"""Going back from a layout that did not pay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError
from parquetry.tuning.migrations.active_migration import OPERATION
from parquetry.tuning.replicas.folder import retire_replica

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutRecord


def give_up(dataset: Dataset, metadata: MetadataStore, record: LayoutRecord, reason: str) -> str:
    """Take a layout out of use, and return what was done in a sentence.

    A replica is retired; an active layout is undone by `restore`, unless something was committed
    since, which would be undone with it: then it stays, and the sentence says so.

    **Guarantees:** no row is lost; answers do not change.

    Args:
        dataset: The dataset.
        metadata: Where the layout is remembered.
        record: The layout.
        reason: Why.
    """
    name = record.layout_id
    if record.role == "replica":
        retire_replica(dataset.source.home, dataset.source.storage, name)
        done = f"{name} was given up: {reason}"
        metadata.save_layout(replace(record, state="retired", message=done))
        return done
    version = version_before(dataset, name)
    if version is None:
        return (
            f"{name} is {reason}; it was not undone, because the dataset was changed since. Lay it out "
            "anew with enqueue-migration --active"
        )
    try:
        dataset.restore(version)
    except NotFoundError:
        return f"{name} is {reason}; it cannot be undone any more: its history was vacuumed"
    done = f"{name} was undone, back to version {version}: {reason}"
    metadata.save_layout(replace(record, state="retired", message=done))
    return done


def version_before(dataset: Dataset, layout_id: str) -> int | None:
    """Return the version before the layout's commits, None if others came after them."""
    version = None
    for commit in dataset.history():  # newest first
        if commit.operation != OPERATION or commit.parameters.get("layout") != layout_id:
            break
        version = commit.version - 1
    return version
