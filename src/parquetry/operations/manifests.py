"""What a backup says of itself."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from parquetry.errors import (
    CorruptionError,
    FormatVersionError,
    NotFoundError,
)
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage


FORMAT = 1


MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself.

    Args:
        root: The dataset's folder.
        operation: The verb that was about to change it.
        parameters: What it was called with.
        base_version: The version of the dataset that the backup was made from.
        time: When, UTC, ISO 8601.
        files: The files that are kept: relative path and size.
        replaced_by: The relative paths of the files that took their place.
    """

    root: str
    operation: str
    parameters: dict[str, Any]
    base_version: int
    time: str
    files: tuple[tuple[str, int], ...]
    replaced_by: tuple[str, ...]

    def to_json(self) -> bytes:
        """Return the document."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, default=str).encode()

    @classmethod
    def from_json(cls, content: bytes, path: str) -> Manifest:
        """Return the manifest that a document holds.

        Raises:
            FormatVersionError: A newer parquetry wrote it.
            CorruptionError: It is no manifest.
        """
        try:
            document = json.loads(content)
            written = document.pop("format")
            document["files"] = tuple((str(name), int(size)) for name, size in document["files"])
            document["replaced_by"] = tuple(document["replaced_by"])
            manifest = cls(**document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptionError(
                f"{path} is not the manifest of a backup. Nothing was changed. The files beside it can "
                "still be read as Parquet.",
                path=path,
            ) from error
        if written > FORMAT:
            raise FormatVersionError(
                f"{path} was written by a newer parquetry. Nothing was changed. Update parquetry.",
                path=path,
            )
        return manifest


def read_manifest(backup: str | os.PathLike[str], storage: Storage | None = None) -> Manifest:
    """Return what a backup says of itself.

    Raises:
        NotFoundError: There is no backup; its making may have been cut short.
    """
    path = f"{os.path.realpath(os.fspath(backup))}/{MANIFEST}"
    try:
        content = (storage or LocalStorage()).read_bytes(path)
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no backup at {os.fspath(backup)}: it has no {MANIFEST}. Nothing was changed. "
            "Give the folder that the operation returned as `backup`.",
            path=path,
        ) from error
    return Manifest.from_json(content, path)
