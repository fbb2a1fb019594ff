"""Files that a question holds on to, where they are replaced faster than it can read them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from parquetry.commits.owning import owned_folder
from parquetry.commits.settling import settled
from parquetry.errors import NotFoundError, StorageError
from parquetry.storage.folders import make_folders, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.access.conditions import Demand
    from parquetry.access.listing import Listing
    from parquetry.access.source import Source


@contextmanager
def held_listing(
    source: Source, references: Sequence[Sequence[Demand]] | None
) -> Iterator[Listing]:
    """Give a listing whose files stay until the block ends, whatever is committed meanwhile.

    Somebody who may not write, or a disk without hard links, gets a plain one.

    **Cost:** a hard link a file, some 70 µs each: for the question that has lost a race several times.
    """
    home, storage = source.home, source.storage
    try:
        make_folders(storage, home.pins)
        owned = owned_folder(storage, home.pins)
        folder = owned.__enter__()
    except StorageError:
        yield source.listing(references)
        return
    try:
        yield _linked(source, references, folder)
    finally:
        with suppress(StorageError, NotFoundError):  # what is left is vacuumed later
            remove_tree(storage, folder)
        owned.__exit__(None, None, None)


def _linked(source: Source, references: Sequence[Sequence[Demand]] | None, folder: str) -> Listing:
    """List and link while commits are kept out, so that nothing can go away in between."""
    with settled(source.home, source.storage):
        listing = source.settled_listing(references)
        held = [f"{folder}/{number}.pinned" for number in range(len(listing.files))]
        try:
            for path, link in zip(listing.files, held, strict=True):
                source.storage.link(path, link)
        except StorageError:
            return listing
    return replace(listing, files=held)
