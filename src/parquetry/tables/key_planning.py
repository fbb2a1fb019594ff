"""Where given keys can be: which files, then which row groups. Pure: nothing is opened here.

It only ever errs by admitting: what it leaves out cannot hold any of the keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from parquetry.model.partitions import parse_text
from parquetry.model.schema import normal_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from parquetry.tables.key_facts import FileFacts, GroupFacts
    from parquetry.tables.table_files import TableFile

_Ranges: TypeAlias = "Mapping[str, tuple[Any, Any]]"
BLOOM_KEYS = 32
"""Up to so many keys a row group's Bloom filters are worth asking: of more, one is met by chance."""


@dataclass(frozen=True)
class GroupToRead:
    """A row group that can hold some of the keys.

    Args:
        file: Its file.
        number: Its place in the file.
        rows: How many rows it has.
        bytes: How many bytes its key columns take.
        candidates: How many of the keys can be in it.
        few: These keys, if they are few enough to ask Bloom filters for.
        blooms: The key columns with Bloom filters.
    """

    file: TableFile
    number: int
    rows: int
    bytes: int
    candidates: int
    few: tuple[tuple[Any, ...], ...] = ()
    blooms: frozenset[str] = frozenset()


@dataclass(frozen=True)
class KeySearch:
    """What a search for keys will read.

    Args:
        key: The columns of the key.
        groups: The row groups to read.
        files: How many files the table has.
        files_opened: How many footers were read.
    """

    key: tuple[str, ...]
    groups: tuple[GroupToRead, ...]
    files: int
    files_opened: int

    @property
    def rows(self) -> int:
        """How many rows of key columns will be read."""
        return sum(group.rows for group in self.groups)

    @property
    def bytes(self) -> int:
        """How many bytes of key columns will be read."""
        return sum(group.bytes for group in self.groups)

    def describe(self) -> str:
        """Return what will be read as a sentence."""
        return (
            f"The key ({', '.join(self.key)}) is looked for in {self.rows:,} rows of "
            f"{len({group.file.path for group in self.groups}):,} files ({self.bytes:,} bytes); "
            f"{self.files_opened:,} of {self.files:,} footers were read."
        )


def candidate_files(keys: pl.DataFrame, files: Sequence[TableFile]) -> list[TableFile]:
    """Return the files whose folders do not rule out all of the keys."""
    known: dict[tuple[str, ...], set[tuple[Any, ...]]] = {}
    admitted = []
    for file in files:
        names = tuple(name for name, _ in file.partitions if name in keys.columns)
        if names not in known:
            known[names] = set(keys.select(names).unique().rows()) if names else {()}
        if folder_values(keys, file, names) in known[names]:
            admitted.append(file)
    return admitted


def folder_values(keys: pl.DataFrame, file: TableFile, names: Sequence[str]) -> tuple[Any, ...]:
    """Return the values that the folders of a file give to some key columns, in the keys' types."""
    texts = dict(file.partitions)
    return tuple(parse_text(texts[name], _arrow_type(keys[name])) for name in names)


def _arrow_type(column: pl.Series) -> pa.DataType:
    return normal_type(column.clear().to_arrow().type)


def plan_key_search(
    keys: pl.DataFrame, facts: Sequence[FileFacts], files: int | None = None
) -> KeySearch:
    """Return which row groups can hold any of the keys.

    Args:
        keys: The keys, one column for each column of the key, without duplicates.
        facts: What is known of the candidate files.
        files: How many files the table has; as many as there are facts if left out.
    """
    parts: dict[tuple[Any, ...], pl.DataFrame] = {}
    groups: list[GroupToRead] = []
    for fact in facts:
        names = [name for name, _ in fact.file.partitions if name in keys.columns]
        values = folder_values(keys, fact.file, names)
        if (*names, *values) not in parts:
            parts[*names, *values] = where(keys, dict(zip(names, values, strict=True)))
        groups += _groups(fact, parts[*names, *values])
    whole = len(facts) if files is None else files
    return KeySearch(tuple(keys.columns), tuple(groups), whole, len(facts))


def where(keys: pl.DataFrame, fixed: Mapping[str, Any]) -> pl.DataFrame:
    """Return the keys that have these values."""
    for name, value in fixed.items():
        keys = keys.filter(pl.col(name).eq_missing(pl.lit(value, dtype=keys.schema[name])))
    return keys


def _groups(fact: FileFacts, keys: pl.DataFrame) -> list[GroupToRead]:
    bounds = {name: (keys[name].min(), keys[name].max()) for name in keys.columns}
    groups = []
    for group in fact.groups:
        ranges = _usable(group, bounds)
        if not group.rows or not _overlap(ranges, bounds):
            continue
        inside = keys.filter(_within(ranges)) if ranges else keys
        if inside.height:
            few = tuple(inside.rows()) if inside.height <= BLOOM_KEYS and group.blooms else ()
            size = sum(group.bytes.values())
            found = GroupToRead(
                fact.file, group.number, group.rows, size, inside.height, few, group.blooms
            )
            groups.append(found)
    return groups


def _usable(group: GroupFacts, bounds: _Ranges) -> _Ranges:
    """Return the ranges of a row group that compare with the keys: a foreign file may differ in type."""
    return {
        name: ends
        for name, ends in group.ranges.items()
        if name in bounds and type(bounds[name][0]) is type(ends[0])
    }


def _overlap(ranges: _Ranges, bounds: _Ranges) -> bool:
    """Rule out most row groups by a few comparisons, before the keys are looked at one by one."""
    return all(
        low <= bounds[name][1] and bounds[name][0] <= high for name, (low, high) in ranges.items()
    )


def _within(ranges: _Ranges) -> pl.Expr:
    return pl.all_horizontal(
        *(
            pl.col(name).is_between(pl.lit(low), pl.lit(high))
            for name, (low, high) in ranges.items()
        )
    )
