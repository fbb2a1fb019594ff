"""Staging many small files of rows that are at hand: those of one schema are encoded by one writer."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from parquetry.commits.staged_files import write_staged
from parquetry.files.few_rows import FEW_ROWS, encode_each, middle_codec
from parquetry.operations.parts import Loose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.operations.joints import Joint
    from parquetry.operations.moulds import Style
    from parquetry.storage.protocol import Storage

_MOST_ROWS = 1 << 17
"""So many are encoded before they are written; their files are in memory twice."""

_Rows: TypeAlias = tuple["Joint", Loose]


def stage_each(
    joints: Sequence[Joint], storage: Storage, staging: Staging, style: Style
) -> list[NewFile]:
    """Stage files, and return them in their order.

    **Guarantees:** the new files are those that each joint would stage, but for the codec of small ones
    if the style leaves it open: that is chosen for those that are encoded together.

    Raises:
        ConflictError: Parts have not the rows that were planned.
        CorruptionError: A file is damaged.
        NotFoundError: A file does not exist any more.
        StorageError: The disk refuses.
    """
    small: dict[tuple[int, tuple[str, ...]], list[_Rows]] = defaultdict(list)
    for joint in joints:
        rows = _few_rows(joint, style)
        if rows is not None:
            small[id(rows.schema), rows.nans].append((joint, rows))
    found = {
        new.source: new
        for alike in small.values()
        for some in _batches(alike)
        for new in _stage_alike(some, storage, staging, style)
    }
    return [
        found[joint.source] if joint.source in found else joint.stage(storage, staging, style)
        for joint in joints
    ]


def _few_rows(joint: Joint, style: Style) -> Loose | None:
    """Return what a file is made of, if that is a few rows at hand and nothing else."""
    part = joint.parts[0]
    if len(joint.parts) > 1 or style.sorting or not isinstance(part, Loose):
        return None
    return part if 0 < part.rows <= FEW_ROWS else None


def _batches(alike: Sequence[_Rows]) -> Iterator[list[_Rows]]:
    batch: list[_Rows] = []
    held = 0
    for joint, rows in alike:
        if held + rows.rows > _MOST_ROWS:
            yield batch
            batch, held = [], 0
        batch.append((joint, rows))
        held += rows.rows
    yield batch


def _stage_alike(
    some: Sequence[_Rows], storage: Storage, staging: Staging, style: Style
) -> list[NewFile]:
    """Stage files of rows of one schema with the same NaN.

    Two threads that ask the system for one small thing after the other wait for each other each time, in
    the interpreter and in the system. So one of them does, while the other encodes.
    """
    first = some[0][1]
    tables = [_rows_of(joint, rows) for joint, rows in some]
    codec = style.compression or _codec(tables, first)
    contents = encode_each(tables, codec, style.constant, first.nans, first.schema)
    with staging.turn:
        return [
            write_staged(storage, staging, joint.path(staging), joint.source, rows.rows, content)
            for (joint, rows), content in zip(some, contents, strict=True)
        ]


def _rows_of(joint: Joint, rows: Loose) -> pa.Table:
    (table,) = rows.load()
    joint.check(table.num_rows, rows.rows)
    return table


def _codec(tables: Sequence[pa.Table], first: Loose) -> str:
    held = tables[0].nbytes if first.decoded_bytes is None else first.decoded_bytes
    return middle_codec(tables, held / first.rows)
