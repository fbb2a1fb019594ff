"""Files that are joined of many small ones, put together at once: nothing of them is decoded.

What a file is made of is found out for the files of one shape together (`files/bundles`); what is left
for each is to read it, and to write its bytes behind those of the others.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.files.bundles.alike import WORTH_A_BUNDLE, read_alike, read_raw_footer
from parquetry.files.bundles.glimpsed_file import GlimpsedFile
from parquetry.files.bundles.splicing import concatenate_alike, write_new
from parquetry.files.lockstep import UnusualError, each_shape
from parquetry.model.changes import NewFile
from parquetry.operations.moulds import mould_of
from parquetry.operations.parts import Piece
from parquetry.operations.working import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.commits.staging import Staging
    from parquetry.files.bundles.assembling import NewBytes
    from parquetry.files.lockstep import Numbers
    from parquetry.operations.joints import Joint
    from parquetry.operations.moulds import Style
    from parquetry.storage.protocol import Storage

MOST_GROUPS = 1024
"""So many row groups are looked at together."""


def stage_joints(
    joints: Sequence[Joint], storage: Storage, staging: Staging, style: Style
) -> Iterator[NewFile]:
    """Stage several files, two at a time, and yield them in their order.

    **Guarantees:** the new files are those that each joint would stage.

    **Cost:** what files alike consist of is found out for all of them at once; then bytes are read and
    written once. Memory holds the ends of the files, if these are of `MOST_GROUPS` row groups at most.

    Raises:
        ConflictError: Parts have not the rows that were planned.
        CorruptionError: A file is damaged.
        NotFoundError: A file does not exist any more.
        StorageError: The disk refuses.
    """
    found = _found_together(joints, style)

    def write(number: int) -> NewFile:
        joint, new = joints[number], found.get(number)
        if new is None:
            return joint.stage(storage, staging, style)
        joint.check(new.rows, sum(part.rows for part in joint.parts))
        with storage.create(joint.source) as sink:
            write_new(new, sink)
        return NewFile(joint.path(staging), joint.source, new.rows, new.size)

    return side_by_side(write, range(len(joints)))


def _found_together(joints: Sequence[Joint], style: Style) -> dict[int, NewBytes]:
    """Return what files consist of that were looked at together, by their numbers."""
    copied = [number for number, joint in enumerate(joints) if _is_copied(joint, style)]
    pieces = [part for n in copied for part in joints[n].parts if isinstance(part, Piece)]
    groups = sum(len(piece.group_rows) for piece in pieces)
    if len(pieces) < WORTH_A_BUNDLE or groups > MOST_GROUPS:
        return {}
    new = _joined([joints[number] for number in copied], style)
    return {copied[place]: one for place, one in new}


def _is_copied(joint: Joint, style: Style) -> bool:
    """Whether all row groups of a file to be are copied as bytes, as far as can be told beforehand."""
    first = joint.parts[0]
    return (
        len(joint.parts) > 1
        and style.compression is None
        and all(
            isinstance(part, Piece)
            and part.groups is None
            and not part.constants
            and min(part.group_rows, default=0) >= style.small_rows
            and (part.schema is first.schema or part.schema.equals(first.schema))
            for part in joint.parts
        )
    )


def _joined(joints: Sequence[Joint], style: Style) -> Iterator[tuple[int, NewBytes]]:
    """Yield new files all of whose parts are alike, with their numbers."""
    pieces = [part for joint in joints for part in joint.parts if isinstance(part, Piece)]
    try:
        files = [GlimpsedFile.of(piece.path) for piece in pieces]
        footers = [read_raw_footer(file) for file in files]
    except ParquetryError:  # which is told better where that file is joined alone
        return
    ends = np.cumsum([len(joint.parts) for joint in joints])
    read = partial(read_alike, files, footers)
    for alike in each_shape(len(files), read, WORTH_A_BUNDLE):
        first = pieces[int(alike.members[0])]
        if mould_of(alike.example, first, first.schema, style) is None:
            continue
        whole, members, chosen_ends = whole_files(alike.members, ends)
        if len(whole):
            chosen = alike.only_members(members)
            with suppress(UnusualError):  # before the first
                new = concatenate_alike(chosen, chosen_ends, alike.example)
                yield from zip(whole.tolist(), new, strict=True)


def whole_files(found: Numbers, ends: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return which new files are wholly of parts that were found, these parts, and where each ends.

    Args:
        found: Which parts these are.
        ends: Behind how many parts each new file ends.
    """
    is_known = np.zeros(ends[-1], bool)
    is_known[found] = True
    counts = np.diff(ends, prepend=0)
    is_whole = np.logical_and.reduceat(is_known, ends - counts)
    members = np.flatnonzero(np.repeat(is_whole, counts))
    return np.flatnonzero(is_whole), members, np.cumsum(counts[is_whole])
