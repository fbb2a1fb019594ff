"""The dataset's own folder laid out anew, by commits that can be undone."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from parquetry.commits.committing import commit
from parquetry.commits.log import read_records
from parquetry.commits.staging import open_staging
from parquetry.commits.table_link import holds_facts
from parquetry.errors import LayoutError
from parquetry.experiments.grids import GRIDS
from parquetry.model.changes import Change, NewFile
from parquetry.operations.surveying import take_survey
from parquetry.storage.folders import find_stat, remove_tree
from parquetry.tuning.migrations.batches import in_batches
from parquetry.tuning.migrations.notes import Notes, clear_leftovers, read_notes, write_notes
from parquetry.tuning.migrations.pieces import Workshop
from parquetry.tuning.migrations.schemas import folder_schema
from parquetry.tuning.migrations.watch import Steps, accept_all
from parquetry.tuning.replicas.folder import held_folder
from parquetry.tuning.replicas.manifest import Manifest
from parquetry.tuning.rewriting.row_order import RowOrder
from parquetry.tuning.rewriting.task import MEMORY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.access.conditions import Demand
    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.layouts import Layout
    from parquetry.model.records import CommitRecord
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.migrations.watch import Accept, Watch
    from parquetry.tuning.records import JobMode
    from parquetry.tuning.replicas.manifest import Piece
    from parquetry.tuning.rewriting.task import Rewriter

OPERATION = "lay out"


@dataclass(frozen=True)
class ActiveResult:
    """What came of laying a dataset out anew.

    Args:
        rows: The rows that were moved, in this call or in an earlier one of the same job.
        files: The files that hold them.
        row_groups: Their row groups.
        bytes: Their size.
        undo_to: The version to restore to undo it.
    """

    rows: int
    files: int
    row_groups: int
    bytes: int
    undo_to: int


def migrate_active(
    home: Home,
    storage: Storage,
    layout: Layout,
    rewriter: Rewriter,
    watch: Watch,
    *,
    job_id: int,
    mode: JobMode = "full",
    questions: Sequence[Sequence[Sequence[Demand]]] = (),
    memory_bytes: int = MEMORY_BYTES,
    accept: Accept | None = None,
) -> ActiveResult:
    """Lay the rows of a dataset out anew, folder by folder, and return what was done.

    The folders and what their names say stay as they are: within each, rows are ordered by the
    layout. With `full` it is one commit, with `incremental` one for each folder.

    **Guarantees:** those of `commit`, so `restore` undoes it. New files are proved to hold the rows of
    the old ones before they take their place, facts by their content hash. Files that come in the
    meantime stay as they are. A crash loses at most the part that is being written; the next call with
    the same job goes on.

    Raises:
        NotFoundError: There is no such dataset.
        LayoutError: The dataset is that of experiments, whose files are units of work.
        UnknownColumnError: The layout needs a column that the dataset does not have.
        ConflictError: Files changed in the meantime, or another process does the same.
        CorruptionError: The new files are not what they should be, and were discarded.
        StorageError: The disk refused; `outcome` says what became of it.
    """
    _refuse_experiments(home, storage)
    survey = take_survey(home, storage)
    RowOrder.of(layout, survey.columns.names)
    with held_folder(home, storage, f"{layout.layout_id}-active") as folder:
        of_facts = holds_facts(home, storage)
        shop = Workshop(storage, folder, layout, rewriter, memory_bytes, of_facts)
        work = _Migration(home, shop, survey, job_id, watch, accept or accept_all)
        work.run(mode, questions)
        result = work.result()
        remove_tree(storage, folder)
        return result


class _Migration:
    """The state of one call."""

    def __init__(
        self,
        home: Home,
        shop: Workshop,
        survey: Survey,
        job_id: int,
        watch: Watch,
        accept: Accept,
    ) -> None:
        self._home, self._shop, self._survey, self._job_id = home, shop, survey, job_id
        self._watch, self._accept = watch, accept

    def run(self, mode: JobMode, questions: Sequence[Sequence[Sequence[Demand]]]) -> None:
        done = {file.path for record in self._records() for file in record.added}
        todo = [file for file in self._survey.files if file.state.path not in done]
        groups = [g for batch in self._batches(todo, questions) for g in _alike(batch)]
        notes = read_notes(self._shop.storage, self._shop.folder)
        made = self._still_right(notes.made, groups)
        self._clear(made, notes)
        steps = Steps(self._watch, sum(file.state.bytes for group in groups for file in group))
        ready: list[tuple[tuple[SurveyedFile, ...], Piece]] = []
        for group in groups:
            told = steps.begun(sum(file.state.bytes for file in group))
            piece = made.get(_paths(group)) or self._make(
                group, Notes(None, notes.begun), told, ready
            )
            ready.append((group, piece))
            if mode == "incremental":
                self._commit(ready)
                ready = []
            else:
                self._note(ready)
        if ready:
            self._commit(ready)

    def result(self) -> ActiveResult:
        records = self._records()
        there = {
            file.state.path: file for file in take_survey(self._home, self._shop.storage).files
        }
        added = [file for record in records for file in record.added if file.path in there]
        return ActiveResult(
            sum(file.rows for file in added),
            len(added),
            sum(len(there[file.path].group_rows) for file in added),
            sum(file.bytes for file in added),
            min((record.version for record in records), default=self._survey.version + 1) - 1,
        )

    def _records(self) -> list[CommitRecord]:
        """Return the commits that this job has made: they tell what is done, whoever died when."""
        mine = {"layout": self._shop.layout.layout_id, "job": self._job_id}
        return [
            record
            for record in read_records(self._home, self._shop.storage)
            if record.operation == OPERATION and record.parameters == mine
        ]

    def _batches(
        self, files: Sequence[SurveyedFile], questions: Sequence[Sequence[Sequence[Demand]]]
    ) -> list[tuple[SurveyedFile, ...]]:
        whole = sum(file.state.bytes for file in files) + 1
        ordered = [
            file for one in in_batches(self._survey, files, questions, whole) for file in one
        ]
        return [tuple(group) for _, group in groupby(ordered, lambda file: file.state.folder)]

    def _make(
        self,
        group: tuple[SurveyedFile, ...],
        notes: Notes,
        told: Callable[[float], None],
        ready: Sequence[tuple[tuple[SurveyedFile, ...], Piece]],
    ) -> Piece:
        schema = folder_schema(self._survey, group)
        notes = replace(notes, made=self._manifest(ready))
        return self._shop.make(replace(self._survey, files=group), schema, notes, told)

    def _manifest(self, ready: Sequence[tuple[tuple[SurveyedFile, ...], Piece]]) -> Manifest:
        pieces = tuple(piece for _, piece in ready)
        return Manifest(self._shop.layout, self._survey.columns, pieces)

    def _note(self, ready: Sequence[tuple[tuple[SurveyedFile, ...], Piece]]) -> None:
        write_notes(self._shop.storage, self._shop.folder, Notes(self._manifest(ready)))

    def _still_right(
        self, made: Manifest | None, groups: Sequence[tuple[SurveyedFile, ...]]
    ) -> dict[tuple[str, ...], Piece]:
        """Return the pieces of an earlier attempt whose sources are unchanged, by their sources."""
        if made is None or made.columns != self._survey.columns:
            return {}
        states = {_paths(group): {file.state for file in group} for group in groups}
        found = {tuple(state.path for state in p.sources): p for p in made.pieces}
        return {
            paths: piece
            for paths, piece in found.items()
            if states.get(paths) == set(piece.sources)
        }

    def _clear(self, made: dict[tuple[str, ...], Piece], notes: Notes) -> None:
        needed = [file.name for piece in made.values() for file in piece.files]
        begun = notes.begun.names if notes.begun is not None else set()
        clear_leftovers(self._shop.storage, self._shop.folder, [*needed, *begun])

    def _commit(self, ready: Sequence[tuple[tuple[SurveyedFile, ...], Piece]]) -> None:
        self._accept(self._shop.folder, [piece for _, piece in ready])
        with open_staging(self._home, self._shop.storage) as staging:
            change = Change(
                OPERATION,
                {"layout": self._shop.layout.layout_id, "job": self._job_id},
                self._survey.version,
                tuple(file.state for group, _ in ready for file in group),
                tuple(new for group, piece in ready for new in self._staged(staging, group, piece)),
            )
            commit(self._home, self._shop.storage, staging, change)

    def _staged(
        self, staging: Staging, group: tuple[SurveyedFile, ...], piece: Piece
    ) -> list[NewFile]:
        """Give proved files a second name among those of the commit."""
        files = []
        for file in piece.files:
            source = staging.new_path()
            self._shop.storage.link(f"{self._shop.folder}/{file.name}", source)
            path = posixpath.join(group[0].state.folder, staging.final_name(source))
            files.append(NewFile(path, source, file.rows, file.bytes))
        return files


def _alike(files: Sequence[SurveyedFile]) -> list[tuple[SurveyedFile, ...]]:
    """Return files of one folder by what they say of themselves: of which table they are."""
    groups: dict[tuple[tuple[bytes, bytes], ...], list[SurveyedFile]] = {}
    for file in files:
        said = tuple(sorted((file.schema.metadata or {}).items()))
        groups.setdefault(said, []).append(file)
    return [tuple(group) for group in groups.values()]


def _paths(files: Sequence[SurveyedFile]) -> tuple[str, ...]:
    return tuple(file.state.path for file in files)


def _refuse_experiments(home: Home, storage: Storage) -> None:
    store = posixpath.dirname(home.root)
    if home.name in {"events", "seeds"} and find_stat(storage, f"{store}/{GRIDS}") is not None:
        raise LayoutError(
            f"{home.root} holds the units of experiments, which are told by their files, so its own "
            "folder is not laid out anew. Nothing was changed. Make a replica: its questions are "
            "answered from there."
        )
