"""How a commit becomes visible here: all at once, or file by file."""

from __future__ import annotations

import posixpath
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.errors import AlreadyExistsError, NotFoundError, StorageError
from parquetry.model.findings import Finding
from parquetry.storage.exchange import ExchangeUnsupportedError
from parquetry.storage.folders import find_stat, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.home import Home
    from parquetry.model.findings import Guarantee
    from parquetry.storage.protocol import Storage


def probe_guarantee(home: Home, storage: Storage) -> Guarantee:
    """Return whether folders can be exchanged here, by exchanging two empty ones beside the dataset."""
    parent = posixpath.dirname(home.root)
    if find_stat(storage, home.staging) is not None:
        parent = home.staging
    folder = f"{parent}/.parquetry-probe-{uuid.uuid4().hex[:12]}"
    try:
        for path in (folder, f"{folder}/one", f"{folder}/other"):
            storage.make_folder(path)
        storage.exchange(f"{folder}/one", f"{folder}/other")
    except ExchangeUnsupportedError:
        return "renames"
    except (StorageError, NotFoundError, AlreadyExistsError):
        return "unknown"
    else:
        return "exchange"
    finally:
        with suppress(StorageError, NotFoundError):
            remove_tree(storage, folder)


def guarantee_findings(home: Home, guarantee: Guarantee) -> Iterator[Finding]:
    """Yield a note where readers of other tools may see a commit half done."""
    if guarantee == "renames":
        yield Finding(
            "note",
            "no-exchange",
            home.root,
            "This file system or system cannot exchange two folders in one step. Commits are safe, but "
            "for some milliseconds a reader of another tool may see files of both states.",
            "Keep other readers out while a commit runs, or keep the dataset on a local Linux or macOS "
            "file system.",
        )
