"""What is finished of a migration, for whoever goes on with it: a small file beside the new files."""

from __future__ import annotations

import json
import posixpath
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from parquetry.commits.dead_layouts import MANIFEST, UNFINISHED
from parquetry.commits.owning import OWNER
from parquetry.errors import NotFoundError, ParquetryError
from parquetry.model.changes import FileState
from parquetry.storage.folders import find_stat
from parquetry.tuning.replicas.folder import write_document
from parquetry.tuning.replicas.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.storage.protocol import Storage

FORMAT = 1


@dataclass(frozen=True)
class BegunPiece:
    """A piece of which some parts are written, durably.

    Args:
        name: What the names of its files begin with.
        sources: What it is made from.
        parts: The names and sizes of the files of each finished part, by its number.
    """

    name: str
    sources: tuple[FileState, ...]
    parts: Mapping[int, tuple[tuple[str, int], ...]] = field(default_factory=dict)

    def with_part(self, number: int, files: Sequence[tuple[str, int]]) -> BegunPiece:
        """Return the piece with one more part finished."""
        return replace(self, parts={**self.parts, number: tuple(files)})

    @property
    def names(self) -> set[str]:
        """The names of its files."""
        return {name for files in self.parts.values() for name, _ in files}


@dataclass(frozen=True)
class Notes:
    """What is finished of a migration.

    Args:
        made: The pieces that are finished and proved.
        begun: The piece that is being written.
    """

    made: Manifest | None = None
    begun: BegunPiece | None = None

    def to_json(self) -> bytes:
        """Return the document."""
        document: dict[str, Any] = {"format": FORMAT, "made": None, "begun": None}
        if self.made is not None:
            document["made"] = self.made.to_json().decode()
        if self.begun is not None:
            document["begun"] = {
                "name": self.begun.name,
                "sources": [[s.path, s.bytes, s.mtime_ns, s.inode] for s in self.begun.sources],
                "parts": {str(number): files for number, files in self.begun.parts.items()},
            }
        return json.dumps(document).encode()


def read_notes(storage: Storage, folder: str) -> Notes:
    """Return what is finished in a folder; nothing, if nobody has noted anything that can be read."""
    path = f"{folder}/{UNFINISHED}"
    try:
        document = json.loads(storage.read_bytes(path))
        if document["format"] != FORMAT:
            return Notes()
        made = document["made"] and Manifest.from_json(document["made"].encode(), path)
        return Notes(made or None, _begun(document["begun"]))
    except (NotFoundError, ParquetryError, ValueError, KeyError, TypeError):
        return Notes()


def _begun(document: Mapping[str, Any] | None) -> BegunPiece | None:
    if document is None:
        return None
    return BegunPiece(
        document["name"],
        tuple(FileState(*one) for one in document["sources"]),
        {
            int(number): tuple((name, size) for name, size in files)
            for number, files in document["parts"].items()
        },
    )


def write_notes(storage: Storage, folder: str, notes: Notes) -> None:
    """Note what is finished, durably; the files must be durable."""
    write_document(storage, f"{folder}/{UNFINISHED}", notes.to_json())


def forget_notes(storage: Storage, folder: str) -> None:
    """Note that nothing is unfinished."""
    with suppress(NotFoundError):
        storage.unlink(f"{folder}/{UNFINISHED}")


def clear_leftovers(storage: Storage, folder: str, needed: Iterable[str]) -> None:
    """Remove files that neither a manifest nor notes mention; call it while the folder is held."""
    keep = {MANIFEST, UNFINISHED, OWNER, *map(posixpath.basename, needed)}
    for name, kind in storage.list_folder(folder):
        if kind == "file" and name not in keep:
            with suppress(NotFoundError):
                storage.unlink(f"{folder}/{name}")


def is_there(storage: Storage, folder: str, files: Iterable[tuple[str, int]]) -> bool:
    """Return whether files stand in a folder with the sizes that were noted."""
    for name, size in files:
        facts = find_stat(storage, f"{folder}/{name}")
        if facts is None or facts.size != size:
            return False
    return True
