"""Footers of one shape, read side by side for copying from their files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.files.bundles.chunks import Groups, hold_apart, settle_group
from parquetry.files.bundles.page_indexes import PageIndexes
from parquetry.files.bundles.structs import Structs, read_lists, read_structs
from parquetry.files.lockstep import Flags, Numbers, UnusualError, Walk
from parquetry.files.splicing.compatibility import find_refusals
from parquetry.files.splicing.fields import FileMetaData, RowGroup
from parquetry.files.splicing.footer import SHAPE, TAIL_BYTES, Footer, find_footer, parse_footer
from parquetry.files.splicing.structs import FALSE, TRUE
from parquetry.files.splicing.terms import FloatBounds, Terms
from parquetry.files.splicing.thrift import cut_list, decode_structs
from parquetry.files.splicing.writers import is_doubtful

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.splicing.file_bytes import FileBytes
    from parquetry.files.splicing.statistics import Bounds

WORTH_A_BUNDLE = 16
"""So many files of one shape take a `Splicer` as long as they take together."""

_MOST_GROUPS = 64
_GROUP_SHAPE = SHAPE[FileMetaData.ROW_GROUPS]


@dataclass(frozen=True, eq=False)
class Origin:
    """Row groups side by side, and whence their bytes are copied.

    Args:
        sources: The files.
        of: Which of them each of the row groups side by side stands in.
        groups: The row groups.
    """

    sources: Sequence[FileBytes]
    of: Numbers
    groups: tuple[Groups, ...]

    @cached_property
    def indexes(self) -> PageIndexes:
        """The page indexes of their chunks, read when somebody asks for them."""
        chunks = [chunk for group in self.groups for chunk in group.chunks]
        return PageIndexes(self.sources, self.of, chunks)

    @property
    def files(self) -> list[FileBytes]:
        """The file of each of the row groups side by side."""
        return [self.sources[number] for number in self.of.tolist()]

    def only(self, kept: Flags) -> Origin:
        """Return the row groups of some of the files, their page indexes read anew."""
        groups = tuple(group.only(kept) for group in self.groups)
        return Origin(self.sources, self.of[kept], groups)


@dataclass(frozen=True, eq=False)
class Alike:
    """Files whose footers have the same fields in the same order, and can be copied from together.

    Args:
        members: Which of the files that were given these are.
        example: The footer of one of them.
        origin: Their row groups.
        float_bounds: Which bounds of floats stay; see `Splicer`.
    """

    members: Numbers
    example: Footer
    origin: Origin
    float_bounds: FloatBounds = "proven"

    @property
    def numbers(self) -> range:
        """The numbers of the row groups of a file."""
        return range(len(self.origin.groups))

    def only(self, kept: Flags) -> Alike:
        """Return some of the files."""
        if kept.all():
            return self
        return replace(self, members=self.members[kept], origin=self.origin.only(kept))

    def at(self, places: Numbers) -> Alike:
        """Return the files that stand at some places side by side."""
        kept = np.zeros(len(self.members), bool)
        kept[places] = True
        return self.only(kept)

    def only_members(self, members: Numbers) -> Alike:
        """Return those of the files that are among some."""
        return self.only(np.isin(self.members, members, kind="table"))


def read_raw_footer(file: FileBytes) -> tuple[int, bytes]:
    """Return where the footer of a file begins, and its bytes.

    Raises:
        RequestError: It is encrypted.
        CorruptionError: The file is no Parquet file.
    """
    start = find_footer(file.read, file.size, file.name)
    return start, file.read(start, file.size - TAIL_BYTES - start)


def read_alike(
    files: Sequence[FileBytes],
    footers: Sequence[tuple[int, bytes]],
    numbers: Numbers,
    reference: Footer | None = None,
    float_bounds: FloatBounds = "proven",
    *,
    keeps_pages: bool = True,
) -> Alike | None:
    """Return those of some files that are like the first of them; None if that one is unusual.

    Args:
        files: The files.
        footers: Their footers, as `read_raw_footer` returns them.
        numbers: Which of them to look at.
        reference: The footer whose schema the bytes are to stand under; without it, their own.
        float_bounds: As of `Splicer`.
        keeps_pages: Whether their page indexes will be needed, which must speak of their own pages then.
    """
    some = [footers[number] for number in numbers.tolist()]
    limits = np.array([start for start, _ in some])
    walk = Walk([raw for _, raw in some])
    try:
        structs = _read_file(walk)
        walk.finish()
        start, raw = some[0]
        example = parse_footer(raw, start, files[int(numbers[0])].name)
        bounds = _bounds_of(example, reference or example, float_bounds)
        groups = [settle_group(walk, struct, bounds, limits) for struct in structs]
        hold_apart(walk, groups)
    except (UnusualError, IndexError, RecursionError, ParquetryError):
        return None
    kept = walk.same
    members = numbers[kept]
    origin = Origin(
        [files[number] for number in members.tolist()],
        np.arange(len(members)),
        tuple(group.only(kept) for group in groups),
    )
    found = Alike(members, example, origin, float_bounds)
    return _without_liars(found) if keeps_pages else found


@dataclass(frozen=True)
class LooseGroups:
    """The row groups of one file, each of which goes into another.

    Args:
        file: The file, such as one that was just encoded.
        footer: What its footer says but for row groups.
        raw: Its row groups, as they stand there.
    """

    file: FileBytes
    footer: Footer
    raw: Sequence[bytes]

    @classmethod
    def of(cls, file: FileBytes) -> LooseGroups:
        """Return the row groups of a file."""
        start, raw = read_raw_footer(file)
        struct, groups = cut_list(
            raw, FileMetaData.ROW_GROUPS, {FileMetaData.KEY_VALUE_METADATA: {}}
        )
        return cls(file, Footer(file.name, struct, start), groups)


def read_groups(
    groups: LooseGroups,
    numbers: Numbers,
    reference: Footer,
    float_bounds: FloatBounds = "proven",
) -> Alike | None:
    """Return those of some row groups that are like the first of them; None if that one is unusual.

    Args:
        groups: The row groups. All columns that their file has are to be copied.
        numbers: Which of them to look at.
        reference: The footer whose schema the bytes are to stand under.
        float_bounds: As of `Splicer`.
    """
    walk = Walk([groups.raw[number] for number in numbers.tolist()])
    try:
        (struct,) = _held_alike(walk, [read_structs(walk, _GROUP_SHAPE)])
        walk.finish()
        terms = Terms(reference, groups.footer, float_bounds)
        known = {column.name: column for column in reference.columns}
        columns = [known[column.name] for column in groups.footer.columns]
        terms.agree([column.name for column in columns])
        bounds = [one for column in columns for one in terms.bounds(column)]
        settled = settle_group(walk, struct, bounds, np.full(len(numbers), groups.footer.start))
    except (UnusualError, IndexError, KeyError, RecursionError, ParquetryError):
        return None
    members = numbers[walk.same]
    of = np.zeros(len(members), np.int64)
    origin = Origin([groups.file], of, (settled.only(walk.same),))
    return _without_liars(Alike(members, groups.footer, origin, float_bounds))


def _without_liars(found: Alike) -> Alike | None:
    """Return the files whose offset indexes speak of their own pages, None if the first is none."""
    sound = found.origin.indexes.sound
    if sound.all():
        return found
    return found.only(sound) if sound[0] else None


def _bounds_of(example: Footer, reference: Footer, float_bounds: FloatBounds) -> list[Bounds]:
    """Return what becomes of bounds, leaf by leaf.

    Raises:
        UnusualError: The file cannot be copied from, or has to be looked at by itself.
        SchemaMismatchError: Its columns mean something else than the reference's.
    """
    is_same = example.raw_schema == reference.raw_schema
    if not is_same or is_doubtful(example) or find_refusals(example):
        raise UnusualError
    terms = Terms(reference, example, float_bounds)
    terms.agree(terms.columns_without(()))
    return [one for column in reference.columns for one in terms.bounds(column)]


def _read_file(walk: Walk) -> list[Structs]:
    """Return the row groups; all else that the files say, but for how many rows, must be the same."""
    groups: list[Structs] = []
    for field, kind in walk.fields():
        if field == FileMetaData.ROW_GROUPS:
            groups = _read_groups(walk)
        elif kind in {TRUE, FALSE}:
            raise UnusualError
        else:
            start = walk.at
            walk.skip(kind)
            if field != FileMetaData.NUM_ROWS:
                walk.keep_alike(start)
    if not groups:
        raise UnusualError
    return groups


def _read_groups(walk: Walk) -> list[Structs]:
    return _held_alike(walk, read_lists(walk, _GROUP_SHAPE, _MOST_GROUPS))


def _held_alike(walk: Walk, groups: list[Structs]) -> list[Structs]:
    """Leave files behind whose row groups are sorted in another way than those of the first."""
    for group in groups:
        sorting = group.cut(RowGroup.SORTING_COLUMNS)
        if sorting is not None:
            walk.hold_alike(sorting.starts, sorting.lengths)
            decode_structs(sorting.first())
        elif RowGroup.SORTING_COLUMNS in group:
            raise UnusualError
    return groups
