"""What a store holds, in numbers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.errors import ParquetryError

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
    """A store: its datasets, how many parameter sets it keeps, its views, and what cannot be read.

    `unreadable` has the name of each dataset that cannot be read, and why.
    """

    path: str
    datasets: tuple[DatasetInfo, ...]
    grids: int
    views: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...] = ()


def describe_store(store: Store) -> StoreInfo:
    """Return what a store holds; every file's footer is read once."""
    found, unreadable = [], []
    views: tuple[str, ...] = ()
    for name in store.datasets():
        try:
            found.append(describe_dataset(store.dataset(name)))
        except ParquetryError as error:
            unreadable.append((name, str(error)))
    with suppress(ParquetryError):  # of a dataset that is told as unreadable
        views = tuple(store.views())
    return StoreInfo(store.path, tuple(found), store.grids().num_rows, views, tuple(unreadable))


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
