"""Small documents that stand beside a dataset, replaced as a whole."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.commits.staging import new_draft
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage


def keep_document(home: Home, storage: Storage, path: str, content: bytes) -> None:
    """Write a document under a path of the same store, in a prepared home.

    **Guarantees:** after a crash or a loss of power the old document is there or the new one, whole.
    """
    draft = new_draft(home)
    write_file(storage, draft, content)
    storage.sync(draft)
    storage.rename(draft, path)
    storage.sync(posixpath.dirname(path))
