"""What a replica is made of and from: one immutable document, replaced as a whole."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from parquetry.errors import CorruptionError, FormatVersionError, ParquetryError
from parquetry.model.changes import FileState
from parquetry.model.layouts import Layout

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ReplicaFile:
    """A file of a replica: its name in the replica's folder, rows, size and row groups."""

    name: str
    rows: int
    bytes: int
    row_groups: int


@dataclass(frozen=True, eq=False)
class Piece:
    """Files that hold exactly the rows of some source files.

    Args:
        sources: The source files as they were when the piece was made.
        files: The files of the piece, in the order of the layout.
        groups: What is known of the row groups of `files`; see `group_bounds`.
        source_groups: The same of the row groups of `sources`.
        digest: A sum over the rows that does not depend on their order, the same in both.
    """

    sources: tuple[FileState, ...]
    files: tuple[ReplicaFile, ...]
    groups: pa.Table
    source_groups: pa.Table
    digest: str

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(file.rows for file in self.files)

    @property
    def size_bytes(self) -> int:
        """The size of its files."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, eq=False)
class Manifest:
    """A replica.

    Args:
        layout: How its rows are laid out.
        columns: The columns of the dataset when it was begun, in normal form.
        pieces: What it is made of.
    """

    layout: Layout
    columns: pa.Schema
    pieces: tuple[Piece, ...] = ()

    @cached_property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(piece.rows for piece in self.pieces)

    @cached_property
    def files(self) -> tuple[ReplicaFile, ...]:
        """All its files, piece by piece."""
        return tuple(file for piece in self.pieces for file in piece.files)

    @property
    def size_bytes(self) -> int:
        """The size of its files."""
        return sum(piece.size_bytes for piece in self.pieces)

    def to_json(self) -> bytes:
        """Return the document."""
        document = {
            "format": FORMAT,
            "layout": json.loads(self.layout.to_json()),
            "columns": [f"{field.name}: {field.type}" for field in self.columns],
            "arrow": _packed(self.columns.serialize().to_pybytes()),
            "files": [file.name for file in self.files],
            "pieces": [_piece_document(piece) for piece in self.pieces],
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes, path: str) -> Manifest:
        """Return the replica of a document.

        Raises:
            FormatVersionError: A newer parquetry wrote it.
            CorruptionError: It is no manifest.
        """
        try:
            document = json.loads(content)
            written = int(document["format"])
            if written <= FORMAT:
                layout = Layout.from_json(json.dumps(document["layout"]))
                columns = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(document["arrow"])))
                return cls(layout, columns, tuple(map(_piece, document["pieces"])))
        except FormatVersionError:
            raise
        except (ValueError, TypeError, KeyError, pa.ArrowException, ParquetryError) as error:
            raise CorruptionError(
                f"The manifest of a replica {path} cannot be read: {error}. The dataset is not touched "
                "by this and is read from its own files. Vacuum it, and make the replica again.",
                path=path,
            ) from error
        raise FormatVersionError(
            f"{path} has format {written}; this parquetry knows formats up to {FORMAT}. Nothing was "
            "changed; the dataset is read from its own files. Update parquetry to use this replica.",
            path=path,
        )


def _piece_document(piece: Piece) -> dict[str, Any]:
    return {
        "sources": [[one.path, one.bytes, one.mtime_ns, one.inode] for one in piece.sources],
        "files": [[one.name, one.rows, one.bytes, one.row_groups] for one in piece.files],
        "groups": _table_text(piece.groups),
        "source_groups": _table_text(piece.source_groups),
        "digest": piece.digest,
    }


def _piece(document: dict[str, Any]) -> Piece:
    return Piece(
        tuple(FileState(*one) for one in document["sources"]),
        tuple(ReplicaFile(*one) for one in document["files"]),
        _table(document["groups"]),
        _table(document["source_groups"]),
        document["digest"],
    )


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _table_text(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_table(table)
    return _packed(sink.getvalue().to_pybytes())


def _table(text: str) -> pa.Table:
    return pa.ipc.open_stream(pa.py_buffer(base64.b64decode(text))).read_all()
