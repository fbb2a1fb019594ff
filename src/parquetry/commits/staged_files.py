"""Staged files proved: durable, and holding what was written, before a commit speaks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.commits.many import for_each
from parquetry.errors import CorruptionError
from parquetry.files.row_counts import count_rows_of
from parquetry.model.changes import checksum_of, new_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.storage.protocol import Storage

SHARE_BYTES = 16 << 20
"""Files are proved so many bytes at a time, which a disk writes in some ten milliseconds."""

_FEW_BYTES = 1 << 16  # reading so many takes no longer than understanding a footer


def write_staged(
    storage: Storage,
    staging: Staging,
    path: str,
    source: str,
    rows: int,
    content: bytes | memoryview,
) -> NewFile:
    """Write a staged file that is in memory, and return it; a small one is read back at once.

    Args:
        storage: The disk.
        staging: Where it is staged.
        path: Where it is to stand, relative to the dataset.
        source: Where it is written.
        rows: How many rows it has.
        content: Its bytes.

    Raises:
        CorruptionError: The file is not what was written.
        StorageError: The disk refused.
    """
    is_small = len(content) <= _FEW_BYTES
    storage.write_new(source, content, read_back=is_small)
    if is_small:
        staging.read_back.add(source)
    return new_file(path, source, rows, content)


def proved_ahead(storage: Storage, staging: Staging, files: Iterable[NewFile]) -> Iterator[NewFile]:
    """Yield staged files, and prove them meanwhile: other threads make the next ones while it waits.

    Those behind the last `SHARE_BYTES` are left to the commit.

    Raises:
        CorruptionError: A file is not what was written.
        StorageError: The disk refused.
    """
    waiting: list[NewFile] = []
    held = 0
    for new in files:
        yield new
        if new.source in staging.proved:
            continue
        waiting.append(new)
        held += new.bytes
        if held >= SHARE_BYTES:
            prove(storage, staging, waiting)
            waiting, held = [], 0


def prove(storage: Storage, staging: Staging, files: Sequence[NewFile]) -> None:
    """Make staged files durable if they are large, and read them back, unless that was done before.

    Raises:
        CorruptionError: A file is not what was written.
        StorageError: The disk refused.
    """
    left = [new for new in files if new.source not in staging.proved]
    if sum(new.bytes for new in left) >= SHARE_BYTES:
        storage.sync_all([new.source for new in left])
    _verify(storage, [new for new in left if new.source not in staging.read_back])
    staging.proved.update(new.source for new in left)


def _verify(storage: Storage, added: Sequence[NewFile]) -> None:
    """Read staged files back: all of their bytes if they are few, else their footers."""

    def is_whole(new: NewFile) -> bool:
        if new.checksum is None or new.bytes > _FEW_BYTES:
            return False
        return checksum_of(storage.read_bytes(new.source)) == new.checksum

    unproved = [
        new for new, is_same in zip(added, for_each(is_whole, added), strict=True) if not is_same
    ]
    counts = count_rows_of([new.source for new in unproved])
    for new, rows in zip(unproved, counts, strict=True):
        was_read_whole = new.checksum is not None and new.bytes <= _FEW_BYTES
        if rows == new.rows and not was_read_whole:
            continue
        wrong = f"{rows} rows where {new.rows} were written"
        if rows == new.rows:
            wrong = "other bytes than were written"
        raise CorruptionError(
            f"The staged file for {new.path} holds {wrong}. "
            "Nothing was changed. The disk or the memory of this machine cannot be trusted.",
            path=new.source,
        )
