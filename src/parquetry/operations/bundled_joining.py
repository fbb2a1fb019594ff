"""Files that are joined of many small ones, put together at once: nothing of them is decoded.

What a file is made of is found out for the files of one shape together (`files/bundles`); what is left
for each is to read it, and to write its bytes behind those of the others.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.files.bundles.alike import WORTH_A_BUNDLE, read_alike, read_raw_footer
from parquetry.files.bundles.splicing import concatenate_alike, write_new
from parquetry.files.lockstep import UnusualError, each_shape
from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.model.changes import NewFile
from parquetry.operations.moulds import mould_of
from parquetry.operations.opened import SMALL_BYTES
from parquetry.operations.parts import Piece
from parquetry.operations.working import WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.commits.staging import Staging
    from parquetry.files.bundles.alike import Alike
    from parquetry.files.bundles.assembling import NewBytes
    from parquetry.files.lockstep import Numbers
    from parquetry.operations.joints import Joint
    from parquetry.operations.moulds import Style
    from parquetry.storage.protocol import Storage

MOST_FILES = 128
"""So many files are open at a time."""

_HELD_BYTES = 16 << 20  # of small files, whose bytes are read in one go


def files_at_once(files: int) -> int:
    """Return how many of some files are best joined together, so that all threads have work."""
    return min(MOST_FILES, max(files // (2 * WORKERS), 2 * WORTH_A_BUNDLE))


def stage_joints(
    joints: Sequence[Joint], storage: Storage, staging: Staging, style: Style
) -> list[NewFile]:
    """Stage several files, those together of which all parts are alike, and return them in their order.

    **Guarantees:** the new files are those that each joint would stage.

    **Cost:** bytes are read and written once. At most `MOST_FILES` files are open, and some megabytes
    of small ones in memory.

    Raises:
        ConflictError: Parts have not the rows that were planned.
        CorruptionError: A file is damaged.
        NotFoundError: A file does not exist any more.
        StorageError: The disk refuses.
    """
    some = [number for number, joint in enumerate(joints) if _is_copied(joint, style)]
    files = sum(len(joints[number].parts) for number in some)
    found: dict[int, NewFile] = {}
    if WORTH_A_BUNDLE <= files <= MOST_FILES:
        with ExitStack() as held:
            for place, new in _joined([joints[number] for number in some], style, held):
                joint = joints[some[place]]
                joint.check(new.rows, sum(part.rows for part in joint.parts))
                with storage.create(joint.source) as sink:
                    write_new(new, sink)
                path = joint.path(staging)
                found[some[place]] = NewFile(path, joint.source, new.rows, new.size)
    return [
        found[number] if number in found else joint.stage(storage, staging, style)
        for number, joint in enumerate(joints)
    ]


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


def _joined(
    joints: Sequence[Joint], style: Style, held: ExitStack
) -> Iterator[tuple[int, NewBytes]]:
    """Yield new files all of whose parts are alike, with their numbers."""
    pieces = [part for joint in joints for part in joint.parts if isinstance(part, Piece)]
    files = _opened(pieces, held)
    try:
        footers = [read_raw_footer(file) for file in files]
    except ParquetryError:  # which is told better where that file is joined alone
        return
    ends = np.cumsum([len(joint.parts) for joint in joints])
    read = partial(read_alike, files, footers)
    for alike in each_shape(len(files), read, WORTH_A_BUNDLE):
        first = pieces[int(alike.members[0])]
        if mould_of(alike.example, first, first.schema, style) is None:
            continue
        whole, chosen, chosen_ends = _whole_files(alike, ends)
        if len(whole):
            with suppress(UnusualError):  # before the first
                new = concatenate_alike(chosen, chosen_ends, alike.example)
                yield from zip(whole.tolist(), new, strict=True)


def _whole_files(alike: Alike, ends: Numbers) -> tuple[Numbers, Alike, Numbers]:
    """Return which new files are wholly of parts that are alike, these parts, and where each ends."""
    is_known = np.zeros(ends[-1], bool)
    is_known[alike.members] = True
    counts = np.diff(ends, prepend=0)
    is_whole = np.logical_and.reduceat(is_known, ends - counts)
    members = np.flatnonzero(np.repeat(is_whole, counts))
    return np.flatnonzero(is_whole), alike.only_members(members), np.cumsum(counts[is_whole])


def _opened(pieces: Sequence[Piece], held: ExitStack) -> list[FileBytes]:
    """Return the files of pieces, of small ones their bytes as far as there is room for them."""
    files: list[FileBytes] = []
    left = _HELD_BYTES
    for piece in pieces:
        file = held.enter_context(FileBytes.open(piece.path))
        if file.size <= min(left, SMALL_BYTES):
            left -= file.size
            file = file.loaded()
        files.append(file)
    return files
