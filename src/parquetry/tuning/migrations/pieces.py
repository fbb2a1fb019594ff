"""One piece of a replica made: rewritten, made durable, proved."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parquetry.errors import ConflictError, NotFoundError
from parquetry.files.skimming import stamp_of
from parquetry.model.changes import FileState
from parquetry.model.layouts import Layout
from parquetry.model.schema import normal_schema
from parquetry.storage.folders import find_stat
from parquetry.storage.time_stamps import let_time_tell
from parquetry.tuning.migrations.notes import BegunPiece, Notes, is_there, write_notes
from parquetry.tuning.replicas.bounds import bounded_columns, source_groups
from parquetry.tuning.replicas.manifest import Piece
from parquetry.tuning.rewriting.task import MEMORY_BYTES, RewriteTask
from parquetry.tuning.rewriting.verifying import check_rows, prove, sum_sources, summing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa

    from parquetry.operations.surveying import Survey
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.rewriting.task import Rewriter

_WRITTEN = 0.7  # the share of a piece that is done when its rows are written


@dataclass(frozen=True)
class Workshop:
    """Where and by what pieces are made.

    Args:
        storage: The disk.
        folder: Where the new files go; it is held.
        layout: How rows are to be laid out.
        rewriter: Who writes the rows.
        memory_bytes: The memory that it is to keep to.
        of_facts: Whether the new files are to take the place of facts.
    """

    storage: Storage
    folder: str
    layout: Layout
    rewriter: Rewriter
    memory_bytes: int = MEMORY_BYTES
    of_facts: bool = False

    def make(
        self, survey: Survey, schema: pa.Schema, notes: Notes, told: Callable[[float], None]
    ) -> Piece:
        """Return a piece with the rows of all files of a survey.

        **Guarantees:** its files are durable, hold exactly the rows of the sources, and have them in
        the layout's order; otherwise it is an error.

        Args:
            survey: The dataset, with the files that the piece is to stand for.
            schema: The columns of the new files, as they are declared there.
            notes: What an earlier attempt has finished; parts of the same sources are used again.
            told: Is told the share that is done, and may end the work.

        Raises:
            ConflictError: A source has changed in the meantime.
            CorruptionError: The new files are not what they should be.
            StorageError: The disk refused.
        """
        let_time_tell(max((file.state.mtime_ns for file in survey.files), default=0))
        sources = source_states(survey)
        begun = self._begin(notes, sources)
        kept = Notes(notes.made, begun)
        write_notes(self.storage, self.folder, kept)
        task = RewriteTask(
            survey,
            schema,
            self.layout,
            self.folder,
            begun.name,
            self.memory_bytes,
            frozenset(begun.parts),
        )
        for part in self.rewriter(task):
            self.storage.sync_all([*part.paths, self.folder])
            files = [(posixpath.basename(path), self._size(path)) for path in part.paths]
            begun = begun.with_part(part.number, files)
            write_notes(self.storage, self.folder, replace(kept, begun=begun))
            told(_WRITTEN * len(begun.parts) / part.total)
        return self._proved(survey, schema, begun, told)

    def _proved(
        self, survey: Survey, schema: pa.Schema, begun: BegunPiece, told: Callable[[float], None]
    ) -> Piece:
        told(_WRITTEN)
        columns = normal_schema(schema)
        names = [name for number in sorted(begun.parts) for name, _ in begun.parts[number]]
        wanted = bounded_columns([*self.layout.columns, *survey.keys], columns)
        summed = summing(columns, of_facts=self.of_facts)
        source = sum_sources(replace(survey, columns=columns), summed)
        told((1 + _WRITTEN) / 2)
        order = _within(self.layout, columns.names)
        proof = prove([f"{self.folder}/{name}" for name in names], columns, order, wanted, summed)
        check_rows(survey, source, proof.rows)
        if source_states(survey) != begun.sources:
            raise _changed(survey.root)
        return Piece(
            begun.sources,
            proof.files,
            proof.groups,
            source_groups(survey, survey.files, wanted),
            str(proof.rows),
        )

    def _begin(self, notes: Notes, sources: tuple[FileState, ...]) -> BegunPiece:
        """Return what an earlier attempt has left of a piece of the same sources, else a new one."""
        old = notes.begun
        if old is None or old.sources != sources:
            return BegunPiece(uuid.uuid4().hex[:8], sources)
        parts = {
            number: files
            for number, files in old.parts.items()
            if is_there(self.storage, self.folder, files)
        }
        return replace(old, parts=parts)

    def _size(self, path: str) -> int:
        facts = find_stat(self.storage, path)
        if facts is None:
            raise ConflictError(
                f"{path} was written and is gone. The dataset is as it was. Look for somebody who "
                "removes files there, and run it again.",
                path=path,
            )
        return facts.size


def _within(layout: Layout, names: Sequence[str]) -> Layout:
    """Return a layout for files that lack some columns, which their folder says: it has one value."""
    if set(layout.columns).issubset(names):
        return layout
    if layout.curve or layout.cuts:
        return Layout(row_group_rows=layout.row_group_rows)
    return replace(
        layout,
        partition_by=tuple(key for key in layout.partition_by if key.column in names),
        sort_by=tuple(name for name in layout.sort_by if name in names),
    )


def source_states(survey: Survey) -> tuple[FileState, ...]:
    """Return what the files of a survey are now, as questions will compare them.

    Raises:
        ConflictError: One is gone.
    """
    return tuple(_states(survey))


def _states(survey: Survey) -> Iterable[FileState]:
    for file in survey.files:
        try:
            found = stamp_of(survey.path_of(file))
        except NotFoundError as error:
            raise _changed(survey.root) from error
        yield FileState(file.state.path, found.bytes, found.mtime_ns, found.inode)


def _changed(root: str) -> ConflictError:
    return ConflictError(
        f"Files of {root} have changed while they were laid out anew. The new files were discarded and "
        "the dataset is as others have left it. Plan again and retry.",
        path=root,
    )
