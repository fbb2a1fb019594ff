"""The files that an operation can concern, as they are now, and what their folders say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from parquetry.access.conditions import Combined, Comparison, Condition, Demand, OneOf
from parquetry.commits.log import latest_version
from parquetry.errors import LayoutError, UnknownColumnError
from parquetry.files.footers import KnownFooters
from parquetry.model.changes import FileState, Snapshot
from parquetry.model.hive import split_path, value_text
from parquetry.model.partitions import parse_text
from parquetry.operations.types import polars_type
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from parquetry.access.listing import Listing
    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

PartitionValues = Mapping[str, Any]


@dataclass(frozen=True)
class ScopedFile:
    """One file.

    Args:
        state: The file as it was found.
        root: The dataset's folder.
        columns: The file's columns, in normal form.
        keys: The values of the partition keys, as its folder says.
        from_path: The keys whose values the folder says, whatever the file holds.
    """

    state: FileState
    root: str
    columns: pa.Schema
    keys: PartitionValues
    from_path: frozenset[str]

    @property
    def path(self) -> str:
        """The absolute path."""
        return f"{self.root}/{self.state.path}"


@dataclass(frozen=True)
class Scope:
    """The files, and what holds for all of them.

    Args:
        root: The dataset's folder.
        version: The version of the dataset before they were listed.
        columns: All columns of the dataset.
        key_types: The partition keys with their types, outermost first.
        files: The files that the operation can concern.
        footers: Those of the files that had to be read for this.
    """

    root: str
    version: int
    columns: pa.Schema
    key_types: Mapping[str, pa.DataType]
    files: tuple[ScopedFile, ...]
    footers: KnownFooters = field(default_factory=KnownFooters, repr=False, compare=False)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The scope as a snapshot."""
        return Snapshot(self.version, tuple(file.state for file in self.files))

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """The types of all columns by name."""
        return {field.name: field.type for field in self.columns}


def find_scope(
    home: Home,
    storage: Storage,
    source: Source,
    wanted: Sequence[Demand] = (),
    partition_filter: Mapping[str, Any] | None = None,
) -> Scope:
    """Return the files that may hold rows which fulfil the demands.

    Args:
        home: The dataset.
        storage: The disk.
        source: What knows its files and columns.
        wanted: What the rows must fulfil; it only spares looking into folders.
        partition_filter: A value, or a list of values, for some partition keys.

    Raises:
        NotFoundError: The dataset does not exist.
        UnknownColumnError: The filter names a column that is no partition key.
        LayoutError: A value of the filter is no value of its key's type.
    """
    narrow = [Demand(_condition(key, given)) for key, given in (partition_filter or {}).items()]
    references = [[*wanted, *narrow]] if wanted or narrow else None
    footers = KnownFooters()
    listing = source.listing(references, footers)
    files = _scoped(home, storage, listing)
    if partition_filter:
        tests = _texts(partition_filter, listing.keys, home.root)
        files = [file for file in files if _admits(file, tests)]
    version = latest_version(home, storage) if listing.version is None else listing.version
    return Scope(home.root, version, listing.columns, listing.keys, tuple(files), footers)


def _scoped(home: Home, storage: Storage, listing: Listing) -> list[ScopedFile]:
    from_path = frozenset(listing.path_values.column_names)
    folders: dict[str, PartitionValues] = {}
    found = []
    start = len(home.root) + 1
    for path, schema, stamp in zip(listing.files, listing.schemas, listing.stamps, strict=True):
        state = FileState(path[start:], stamp.bytes, stamp.mtime_ns, stamp.inode)
        if path in listing.links:
            facts = find_stat(storage, path)
            if facts is None:
                continue
            state = FileState(path[start:], facts.size, facts.mtime_ns, facts.inode)
        if state.folder not in folders:
            folders[state.folder] = key_values(state.path, listing.keys)
        found.append(ScopedFile(state, home.root, schema.columns, folders[state.folder], from_path))
    return found


def key_values(relative: str, types: Mapping[str, pa.DataType]) -> PartitionValues:
    """Return the typed values of the partition keys that a relative path says."""
    segments, _ = split_path(relative)
    return {one.key: parse_text(one.text, types.get(one.key, pa.string())) for one in segments}


def _condition(key: str, given: Any) -> Condition:
    values = _listed(given)
    known = tuple(value for value in values if value is not None)
    if len(known) == len(values):
        return OneOf(key, known)
    return Combined(key, "any", (OneOf(key, known), Comparison(key, "is", None)))


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple, set, frozenset)) else [given]


def _texts(
    partition_filter: Mapping[str, Any], types: Mapping[str, pa.DataType], root: str
) -> dict[str, list[Any]]:
    for key in partition_filter:
        if key not in types:
            where = f"the partitioning of {root}, which partition_filter narrows"
            raise UnknownColumnError.of(key, types, where)
    return {
        key: [_typed(value, types[key]) for value in _listed(given)]
        for key, given in partition_filter.items()
    }


def _typed(value: Any, kind: pa.DataType) -> Any:
    try:
        return parse_text(value_text(value), kind)
    except LayoutError as error:
        raise LayoutError(
            f"partition_filter asks for {value!r}, which is no {kind}, the type of that partition key. "
            "Nothing was changed. Give a value of that type."
        ) from error


def _admits(file: ScopedFile, tests: Mapping[str, list[Any]]) -> bool:
    return all(file.keys.get(key) in values for key, values in tests.items())


class Constants:
    """The values that partition keys have.

    Args:
        files: The files, one a unit that is asked about; a file may be there several times.
        types: The partition keys with their types.
    """

    def __init__(self, files: Sequence[ScopedFile], types: Mapping[str, pa.DataType]) -> None:
        self.files = files
        self.types = types

    def values(self, key: str) -> list[Any]:
        """Return the value of a key in each unit."""
        return [file.keys.get(key) for file in self.files]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All values: a column a key, a row a unit."""
        columns = [
            pl.Series(key, self.values(key), dtype=polars_type(kind))
            for key, kind in self.types.items()
        ]
        return pl.DataFrame(columns) if columns else pl.DataFrame(height=len(self.files))

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """The types of the keys for Polars; those that it has none for are left out."""
        found = {key: polars_type(kind) for key, kind in self.types.items()}
        return {key: kind for key, kind in found.items() if kind is not None}
