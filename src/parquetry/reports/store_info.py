"""What a store holds, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.store import Store


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """One dataset: `bytes` is the size of its data files, `columns` are names and types."""

    name: str
    rows: int
    files: int
    bytes: int
    partition_by: tuple[str, ...]
    version: int
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """A store: its datasets, how many parameter sets it keeps, and its views."""

    path: str
    datasets: tuple[DatasetInfo, ...]
    grids: int
    views: tuple[str, ...]


def describe_store(store: Store) -> StoreInfo:
    """Return what a store holds; every file's footer is read once."""
    return StoreInfo(
        store.path,
        tuple(describe_dataset(store.dataset(name)) for name in store.datasets()),
        store.grids().num_rows,
        tuple(store.views()),
    )


def describe_dataset(dataset: Dataset) -> DatasetInfo:
    """Return what a dataset holds; every file's footer is read once."""
    snapshot = dataset.snapshot()
    return DatasetInfo(
        dataset.name,
        dataset.count(),
        len(snapshot.files),
        sum(file.bytes for file in snapshot.files),
        dataset.partition_by,
        snapshot.version,
        tuple((field.name, str(field.type)) for field in dataset.schema),
    )
