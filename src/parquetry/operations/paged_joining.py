"""Many small files made into few larger ones, whose columns of numbers are never decoded.

What a column chunk is made of is found out for all files of one shape together (`files/pages`): pages
are copied or merged where readers are not worse off for it. The other columns of all of them are decoded
with one call, and encoded by one writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from parquetry.errors import ParquetryError
from parquetry.files.bundles.alike import (
    WORTH_A_BUNDLE,
    read_alike,
    read_groups,
    read_raw_footer,
)
from parquetry.files.bundles.assembling import assemble
from parquetry.files.bundles.outputs import Pick, PickedGroup
from parquetry.files.bundles.splicing import joined, leaves_of
from parquetry.files.encoding import ROW_GROUP_ROWS
from parquetry.files.lockstep import UnusualError, each_shape
from parquetry.files.pages.choosing import SmallFiles
from parquetry.files.pages.joining import join_pages
from parquetry.files.pages.loading import load
from parquetry.files.splicing.ending import begin_footer
from parquetry.files.splicing.fields import FileMetaData, RowGroup
from parquetry.model.changes import new_file
from parquetry.operations.bundled_joining import whole_files
from parquetry.operations.moulds import mould_of
from parquetry.operations.parts import Piece
from parquetry.operations.recoded_columns import recode
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.commits.staging import Staging
    from parquetry.files.bundles.alike import Alike, Origin
    from parquetry.files.bundles.assembling import NewBytes
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.loading import Loaded
    from parquetry.model.changes import NewFile
    from parquetry.operations.joints import Joint
    from parquetry.operations.moulds import Mould, Style
    from parquetry.storage.protocol import Storage

MOST_FILES = 512
MOST_BYTES = 8 << 20
"""Of the files that are made into others at once; with all that is made of them, six times as many."""

FEWEST_ROWS = 256
"""Of a file on average: to find out about a smaller one takes longer than to decode it."""


def stage_paged(
    joints: Sequence[Joint], storage: Storage, staging: Staging, style: Style
) -> list[NewFile]:
    """Stage several files, page by page those that can be, and return them in their order.

    **Cost:** some microseconds for each old file, and for columns of text and the like what decoding
    and encoding takes. Memory holds the bytes of all files, old and new, some times over.

    Raises:
        ConflictError: Parts have not the rows that were planned.
        CorruptionError: A file is damaged.
        NotFoundError: A file does not exist any more.
        StorageError: The disk refuses.
    """
    some = [number for number, joint in enumerate(joints) if _is_of_small_files(joint, style)]
    found: dict[int, NewFile] = {}
    if WORTH_A_BUNDLE <= sum(len(joints[number].parts) for number in some) <= MOST_FILES:
        for place, new in _paged([joints[number] for number in some], style):
            joint = joints[some[place]]
            joint.check(new.rows, sum(part.rows for part in joint.parts))
            content = joined(new)
            write_file(storage, joint.source, content)
            found[some[place]] = new_file(joint.path(staging), joint.source, new.rows, content)
    return [
        found[number] if number in found else joint.stage(storage, staging, style)
        for number, joint in enumerate(joints)
    ]


def _is_of_small_files(joint: Joint, style: Style) -> bool:
    """Whether a file is to be made of whole files of one small row group each."""
    first = joint.parts[0]
    rows = sum(part.rows for part in joint.parts)
    return (
        len(joint.parts) > 1
        and rows >= FEWEST_ROWS * len(joint.parts)
        and all(
            isinstance(part, Piece)
            and part.groups is None
            and not part.constants
            and len(part.group_rows) == 1
            and 0 < part.group_rows[0] < style.small_rows
            and (part.schema is first.schema or part.schema.equals(first.schema))
            for part in joint.parts
        )
    )


def _paged(joints: Sequence[Joint], style: Style) -> Iterator[tuple[int, NewBytes]]:
    """Yield new files all of whose parts are alike, with their numbers."""
    pieces = [part for joint in joints for part in joint.parts if isinstance(part, Piece)]
    try:  # what goes wrong is told better where that file is joined alone
        loaded = load([piece.path for piece in pieces], MOST_BYTES)
        if loaded is None:
            return
        footers = [read_raw_footer(file) for file in loaded.files]
    except ParquetryError:
        return
    ends = np.cumsum([len(joint.parts) for joint in joints])
    read = partial(read_alike, loaded.files, footers, keeps_pages=False)
    for alike in each_shape(len(pieces), read, WORTH_A_BUNDLE):
        first = pieces[int(alike.members[0])]
        mould = mould_of(alike.example, first, first.schema, style)
        whole, members, chosen_ends = whole_files(alike.members, ends)
        if mould is None or not len(whole) or not alike.example.column_orders:
            continue
        chosen = alike.only_members(members)
        some = [pieces[number] for number in chosen.members.tolist()]
        try:
            for places, new in _Paging(chosen, loaded, some, mould).new_files(chosen_ends):
                yield from zip(whole[places].tolist(), new, strict=True)
        except UnusualError:
            continue


@dataclass(frozen=True)
class _Paging:
    """Small files that are made into larger ones.

    Args:
        files: The files, all alike.
        loaded: Their bytes, with those of others.
        pieces: What is told of each.
        mould: What the new files take after.
    """

    files: Alike
    loaded: Loaded
    pieces: Sequence[Piece]
    mould: Mould

    def new_files(self, ends: Numbers) -> Iterator[tuple[Numbers, Iterator[NewBytes]]]:
        """Yield new files, and which they are.

        Args:
            ends: Behind how many of the files each new file ends.

        Raises:
            UnusualError: None of the columns can be made of pages.
        """
        begins, group_ends = _cut(self.files.origin.groups[0].rows, ends)
        small = SmallFiles.of(self.files, self.loaded, begins, self.mould.style.compression)
        made = small.make_pages(self._repeated(begins))
        if not made:
            raise UnusualError
        origin = join_pages(self.files, begins, made)
        columns = self.files.example.columns
        names = [column.name for column in columns if column.first_leaf not in made]
        if not names:
            yield np.arange(len(ends)), self._assembled(origin, list(made), None, group_ends)
            return
        others = recode(small, self.pieces, names, self.mould)
        read = partial(read_groups, others, reference=self.files.example)
        for other in each_shape(len(begins), read, 1):
            whole, members, chosen_ends = whole_files(other.members, group_ends)
            if len(whole):
                kept = np.isin(np.arange(len(begins)), members)
                some = origin if kept.all() else origin.only(kept)
                both = other.only_members(members)
                yield whole, self._assembled(some, list(made), both, chosen_ends)

    def _repeated(self, begins: Numbers) -> dict[str, list[str]]:
        """Return the texts of keys that all files hold once in each row, row group by row group."""
        firsts = [self.pieces[number].repeated for number in begins.tolist()]
        return {
            name: [one[name].as_py() for one in firsts]
            for name, value in firsts[0].items()
            if value.type == pa.string() and all(name in one.repeated for one in self.pieces)
        }

    def _assembled(
        self, origin: Origin, leaves: Sequence[int], other: Alike | None, ends: Numbers
    ) -> Iterator[NewBytes]:
        """Return files of row groups side by side, with the columns that were encoded anew."""
        example = self.files.example
        (group,) = origin.groups
        picks = {
            leaf: Pick(origin, step, chunks)
            for step, (leaf, chunks) in enumerate(zip(leaves, group.chunks, strict=True))
        }
        version = example.struct.integer(FileMetaData.VERSION) or 1
        if other is not None:
            names = [column.name for column in other.example.columns]
            chunks = other.origin.groups[0].chunks
            for step, leaf in enumerate(leaves_of(example, names)):
                picks[leaf] = Pick(other.origin, step, chunks[step])
            version = max(version, other.example.struct.integer(FileMetaData.VERSION) or 1)
        cut = group.struct.cut(RowGroup.SORTING_COLUMNS)
        sorting = cut.first() if cut is not None and self.mould.style.sorting else None
        ordered = tuple(picks[leaf] for leaf in sorted(picks))
        picked = PickedGroup(group, ordered, group.rows, is_other=True, sorting=sorting)
        return assemble([picked], ends, begin_footer(example, version, {}))


def _cut(rows: Numbers, ends: Numbers) -> tuple[Numbers, Numbers]:
    """Return which file each row group begins with, and behind how many of them each new file ends.

    Args:
        rows: How many rows each file has.
        ends: Behind how many of the files each new file ends.
    """
    begins: list[int] = []
    group_ends: list[int] = []
    for first, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        some = rows[first:end]
        begins += (first + _like_sizes(some)).tolist()
        group_ends.append(len(begins))
    return np.array(begins), np.array(group_ends)


def _like_sizes(rows: Numbers) -> Numbers:
    """Return which files row groups of like size begin with, none of which is too large."""
    total = int(rows.sum())
    groups = -(-total // ROW_GROUP_ROWS)
    while True:
        numbers = (np.cumsum(rows) - rows) // -(-total // groups)
        begins: Numbers = np.flatnonzero(np.diff(numbers, prepend=-1))
        if np.add.reduceat(rows, begins).max() <= ROW_GROUP_ROWS:
            return begins
        groups += 1
