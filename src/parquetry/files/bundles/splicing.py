"""What a `Splicer` does for one new file, done for many at once whose sources are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.bundles.alike import Alike, read_groups
from parquetry.files.bundles.assembling import NewBytes, assemble
from parquetry.files.bundles.extending import Extension, read_extension
from parquetry.files.bundles.outputs import Pick, PickedGroup, Tail
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.copying import copy_bytes, write_all
from parquetry.files.splicing.ending import begin_footer
from parquetry.files.splicing.fields import FileMetaData, RowGroup
from parquetry.files.splicing.footer import MAGIC, Footer
from parquetry.files.splicing.moving import place_sorting
from parquetry.files.splicing.structs import LIST, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.files.bundles.alike import LooseGroups
    from parquetry.files.bundles.chunks import Groups
    from parquetry.files.bundles.extending import Tails
    from parquetry.files.lockstep import Numbers
    from parquetry.files.splicing.copying import Sink


class Change(NamedTuple):
    """What comes into some of the files side by side.

    Args:
        members: Which of the files.
        columns: By the number of a row group, the columns that take the place of its own.
        behind: The rows that come behind its own.
    """

    members: Numbers
    columns: Mapping[int, Alike]
    behind: Extension | None


def read_change(
    files: Alike, new: Mapping[int, LooseGroups], tails: Tails | None, numbers: Numbers
) -> Change | None:
    """Return what comes that is like what comes into the first of some files, None if that is unusual.

    Args:
        files: The files.
        new: By the number of a row group, its new columns: a row group for each of the files.
        tails: The rows that come behind.
        numbers: Which of the files to look at.
    """
    columns: dict[int, Alike] = {}
    members = numbers
    for number, groups in new.items():
        found = read_groups(groups, members, files.example, files.float_bounds)
        if found is None:
            return None
        columns[number], members = found, found.members
    behind = None
    if tails is not None:
        behind = read_extension(files, tails, members)
        if behind is None:
            return None
        members = behind.members
    return Change(
        members, {number: one.only_members(members) for number, one in columns.items()}, behind
    )


def change_files(files: Alike, change: Change) -> Iterator[NewBytes]:
    """Yield those of some files anew that a change is for.

    Args:
        files: The files.
        change: What `read_change` has read for them.

    Raises:
        UnusualError: Only a `Splicer` can do that.
    """
    new, behind = change.columns, change.behind
    files = files.at(change.members)
    picked = [_pick(files, number, new.get(number), behind) for number in files.numbers]
    footer = begin_footer(files.example, _version(files.example), {})
    return assemble(picked, np.arange(1, len(files.members) + 1), footer)


def concatenate_alike(files: Alike, ends: Numbers, reference: Footer) -> Iterator[NewBytes]:
    """Yield files that hold the row groups of several neighbours each.

    Args:
        files: The files.
        ends: Behind how many of them each new file ends.
        reference: The footer that the new files take after; the one that `files` were read for.

    Raises:
        UnusualError: Only a `Splicer` can do that.
    """
    picked = [_pick(files, number, None, None) for number in files.numbers]
    version = max(_version(reference), _version(files.example))
    return assemble(picked, ends, begin_footer(reference, version, {}))


def write_new(new: NewBytes, sink: Sink) -> None:
    """Write a new file.

    Raises:
        CorruptionError: If a source ends before its footer says.
        StorageError: If the disk refuses.
    """
    write_all(sink, MAGIC)
    for source, start, length in new.runs:
        copy_bytes(source, start, length, sink)
    write_all(sink, new.ending)


def joined(new: NewBytes) -> bytes:
    """Return a new file.

    Raises:
        CorruptionError: If a source ends before its footer says.
    """
    parts: list[bytes | memoryview] = [MAGIC]
    for source, start, length in new.runs:
        view = source.view(start, length)
        parts.append(source.read(start, length) if view is None else view)
    return b"".join((*parts, new.ending))


def _pick(files: Alike, number: int, other: Alike | None, behind: Extension | None) -> PickedGroup:
    """Return a row group with the columns of another in the place of its own, and rows behind."""
    group = files.origin.groups[number]
    rows = group.rows
    own = {
        leaf: Pick(files.origin, number * len(group.chunks) + leaf, chunks)
        for leaf, chunks in enumerate(group.chunks)
    }
    picks = dict(own)
    if behind is not None:
        rows = rows + behind.tails.origin.groups[0].rows
        for step, (leaf, chunks) in enumerate(behind.chunks.items()):
            tail = behind.tails.origin.groups[0].chunks[step]
            end = Tail(behind.tails.origin, step, tail, behind.has_bounds[leaf])
            picks[leaf] = own[leaf]._replace(chunks=chunks, tail=end)
    if other is not None:
        if (other.origin.groups[0].rows != rows).any():
            raise UnusualError
        leaves = leaves_of(files.example, [column.name for column in other.example.columns])
        for step, (leaf, chunks) in enumerate(
            zip(leaves, other.origin.groups[0].chunks, strict=True)
        ):
            picks[leaf] = Pick(other.origin, step, chunks)
    kept = [leaf for leaf, pick in own.items() if picks[leaf] is pick]
    sorting = _sorting(group, kept)
    return PickedGroup(group, tuple(picks.values()), rows, len(kept) < len(own), sorting)


def leaves_of(footer: Footer, names: Sequence[str]) -> list[int]:
    """Return the numbers that the leaves of some columns have in a file."""
    columns = {column.name: column for column in footer.columns}
    return [
        columns[name].first_leaf + step
        for name in names
        for step in range(len(columns[name].leaves))
    ]


def _sorting(group: Groups, kept: Sequence[int]) -> bytes | None:
    """Return what is said of the order of a row group, of all files the same."""
    cut = group.struct.cut(RowGroup.SORTING_COLUMNS)
    if cut is None:
        return None
    said = Struct()
    said.put(RowGroup.SORTING_COLUMNS, LIST, cut.first())
    place_sorting(said, {leaf: leaf for leaf in kept})
    return said.raw(RowGroup.SORTING_COLUMNS)


def _version(footer: Footer) -> int:
    return footer.struct.integer(FileMetaData.VERSION) or 1
