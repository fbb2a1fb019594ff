"""A replica made, completed or refreshed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parquetry.operations.surveying import take_survey
from parquetry.tuning.migrations.batches import BATCH_BYTES, in_batches
from parquetry.tuning.migrations.notes import (
    Notes,
    clear_leftovers,
    forget_notes,
    read_notes,
)
from parquetry.tuning.migrations.pieces import Workshop, source_states
from parquetry.tuning.migrations.schemas import replica_schema
from parquetry.tuning.migrations.watch import Steps, accept_all
from parquetry.tuning.replicas.folder import find_manifest, held_folder, write_manifest
from parquetry.tuning.replicas.manifest import Manifest
from parquetry.tuning.rewriting.row_order import RowOrder
from parquetry.tuning.rewriting.task import MEMORY_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.conditions import Demand
    from parquetry.commits.home import Home
    from parquetry.model.layouts import Layout
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.migrations.watch import Accept, Watch
    from parquetry.tuning.records import JobMode
    from parquetry.tuning.replicas.manifest import Piece
    from parquetry.tuning.rewriting.task import Rewriter

_SMALL_GROUPS = 8  # pieces of fewer row groups are made anew with what comes


def migrate_replica(
    home: Home,
    storage: Storage,
    layout: Layout,
    rewriter: Rewriter,
    watch: Watch,
    *,
    mode: JobMode = "full",
    questions: Sequence[Sequence[Sequence[Demand]]] = (),
    memory_bytes: int = MEMORY_BYTES,
    batch_bytes: int = BATCH_BYTES,
    accept: Accept | None = None,
) -> Manifest:
    """Make a replica hold the rows of the dataset as it is now, and return what it is made of.

    With `full` all rows are laid out together and the replica is of use when they are; with
    `incremental` a few files at a time, each of use at once, and what is there and still right stays.

    **Guarantees:** the dataset is not touched. The replica changes in single steps, each of which
    leaves it right: whoever routes by it reads from the dataset what it does not stand for. A crash
    loses at most the part that is being written; the next call goes on.

    Raises:
        NotFoundError: There is no such dataset.
        UnknownColumnError: The layout needs a column that the dataset does not have.
        ConflictError: Files changed in the meantime, or another process works on this replica.
        CorruptionError: The new files are not what they should be, and were discarded.
        StorageError: The disk refused.
    """
    accept = accept or accept_all
    survey = take_survey(home, storage)
    RowOrder.of(layout, survey.columns.names)
    with held_folder(home, storage, layout.layout_id) as folder:
        notes = read_notes(storage, folder)
        present = find_manifest(home, storage, layout.layout_id)
        shop = Workshop(storage, folder, layout, rewriter, memory_bytes)
        work = _Migration(survey, shop, notes, watch, accept)
        if mode == "full":
            made = work.all_at_once(present)
        else:
            made = work.batch_by_batch(present, questions, batch_bytes)
        forget_notes(storage, folder)
        return made


class _Migration:
    """The state of one call."""

    def __init__(
        self, survey: Survey, shop: Workshop, notes: Notes, watch: Watch, accept: Accept
    ) -> None:
        self._survey, self._shop, self._notes, self._watch = survey, shop, notes, watch
        self._accept = accept
        self._schema = replica_schema(survey)

    def all_at_once(self, present: Manifest | None) -> Manifest:
        is_whole = not self._uncovered(self._valid(present))
        if present is not None and is_whole and len(present.pieces) <= 1:
            return present
        self._clear(present)
        told = Steps(self._watch, 1).begun(1)
        piece = self._shop.make(self._survey, self._schema, self._notes, told)
        self._accept(self._shop.folder, (piece,))
        return self._publish((piece,))

    def batch_by_batch(
        self,
        present: Manifest | None,
        questions: Sequence[Sequence[Sequence[Demand]]],
        batch_bytes: int,
    ) -> Manifest:
        pieces = self._valid(present)
        todo = self._uncovered(pieces)
        small = self._shop.layout.row_group_rows * _SMALL_GROUPS
        if todo:
            pieces = tuple(piece for piece in pieces if piece.rows >= small)
            todo = self._uncovered(pieces)
        self._clear(present)
        steps = Steps(self._watch, sum(file.state.bytes for file in todo))
        made = present or Manifest(self._shop.layout, self._survey.columns)
        for batch in in_batches(self._survey, todo, questions, batch_bytes):
            told = steps.begun(sum(file.state.bytes for file in batch))
            some = replace(self._survey, files=batch)
            piece = self._shop.make(some, self._schema, self._notes, told)
            self._accept(self._shop.folder, (piece,))
            pieces = (*pieces, piece)
            made = self._publish(pieces)
        return made if todo else self._publish(pieces)

    def _publish(self, pieces: tuple[Piece, ...]) -> Manifest:
        made = Manifest(self._shop.layout, self._survey.columns, pieces)
        write_manifest(self._shop.storage, self._shop.folder, made)
        return made

    def _valid(self, present: Manifest | None) -> tuple[Piece, ...]:
        """Return the pieces whose sources are all there, unchanged, and whose columns still fit."""
        if present is None or not _fits(present, self._survey):
            return ()
        states = set(source_states(self._survey))
        return tuple(piece for piece in present.pieces if states.issuperset(piece.sources))

    def _uncovered(self, pieces: Sequence[Piece]) -> list[SurveyedFile]:
        covered = {state.path for piece in pieces for state in piece.sources}
        return [file for file in self._survey.files if file.state.path not in covered]

    def _clear(self, present: Manifest | None) -> None:
        needed = [file.name for file in present.files] if present is not None else []
        begun = self._notes.begun.names if self._notes.begun is not None else set()
        clear_leftovers(self._shop.storage, self._shop.folder, [*needed, *begun])


def _fits(manifest: Manifest, survey: Survey) -> bool:
    types = {field.name: field.type for field in survey.columns}
    return all(types.get(field.name) == field.type for field in manifest.columns)
