"""What a `Splicer` does for one new file, done for many at once whose sources are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.bundles.alike import Alike, read_groups
from parquetry.files.bundles.assembling import NewBytes, assemble
from parquetry.files.bundles.outputs import Pick, PickedGroup
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.copying import copy_bytes, write_all
from parquetry.files.splicing.ending import begin_footer
from parquetry.files.splicing.fields import FileMetaData, RowGroup
from parquetry.files.splicing.footer import MAGIC, Footer
from parquetry.files.splicing.moving import place_sorting
from parquetry.files.splicing.structs import LIST, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from parquetry.files.bundles.alike import LooseGroups
    from parquetry.files.bundles.chunks import Groups
    from parquetry.files.lockstep import Numbers
    from parquetry.files.splicing.copying import Sink


class Replacement(NamedTuple):
    """New columns for some of the files side by side, by the number of the row group they come into."""

    members: Numbers
    columns: Mapping[int, Alike]


def read_replacements(
    files: Alike, new: Mapping[int, LooseGroups], numbers: Numbers
) -> Replacement | None:
    """Return the new columns that are like those of the first of some files, None if these are unusual.

    Args:
        files: The files, for which new columns are read.
        new: By the number of a row group, its new columns: a row group for each of the files.
        numbers: Which of the files to look at.
    """
    columns: dict[int, Alike] = {}
    members = numbers
    for number, groups in new.items():
        found = read_groups(groups, members, files.example, files.float_bounds)
        if found is None:
            return None
        columns[number], members = found, found.members
    return Replacement(
        members, {number: one.only_members(members) for number, one in columns.items()}
    )


def replace_columns(files: Alike, new: Mapping[int, Alike]) -> Iterator[NewBytes]:
    """Yield each file anew, with some of its columns taken from elsewhere.

    Args:
        files: The files.
        new: By the number of a row group, whence its columns come that are replaced: a row group for
            each of the files. The others stay as they are.

    Raises:
        UnusualError: Only a `Splicer` can do that.
    """
    for number, other in new.items():
        if (other.origin.groups[0].rows != files.origin.groups[number].rows).any():
            raise UnusualError
    picked = [_pick(files, number, new.get(number)) for number in files.numbers]
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
    picked = [_pick(files, number, None) for number in files.numbers]
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
    """Return a new file whose sources lie in memory."""
    parts = [source.view(start, length) for source, start, length in new.runs]
    return b"".join((MAGIC, *[part for part in parts if part is not None], new.ending))


def _pick(files: Alike, number: int, other: Alike | None) -> PickedGroup:
    """Return a row group with the columns of another in the place of its own."""
    group = files.origin.groups[number]
    base = number * len(group.chunks)
    new: dict[int, Pick] = {}
    if other is not None:
        theirs = other.origin.groups[0].chunks
        leaves = [
            leaf for column in other.example.columns for leaf in _leaves(files.example, column.name)
        ]
        for step, (leaf, chunks) in enumerate(zip(leaves, theirs, strict=True)):
            new[leaf] = Pick(other.origin, step, chunks)
    picks = tuple(
        new.get(leaf) or Pick(files.origin, base + leaf, chunks)
        for leaf, chunks in enumerate(group.chunks)
    )
    return PickedGroup(group, picks, bool(new), _sorting(group, new))


def _leaves(footer: Footer, name: str) -> range:
    column = next(one for one in footer.columns if one.name == name)
    return range(column.first_leaf, column.first_leaf + len(column.leaves))


def _sorting(group: Groups, new: Mapping[int, Pick]) -> bytes | None:
    """Return what is said of the order of a row group, of all files the same."""
    cut = group.struct.cut(RowGroup.SORTING_COLUMNS)
    if cut is None:
        return None
    said = Struct()
    said.put(RowGroup.SORTING_COLUMNS, LIST, cut.first())
    place_sorting(said, {leaf: leaf for leaf in range(len(group.chunks)) if leaf not in new})
    return said.raw(RowGroup.SORTING_COLUMNS)


def _version(footer: Footer) -> int:
    return footer.struct.integer(FileMetaData.VERSION) or 1
