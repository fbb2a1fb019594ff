"""A dataset partitioned by other keys: every row moves to a new folder, in one commit."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from itertools import chain, islice
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from parquetry.commits.growing import GrowingTree
from parquetry.commits.kept_schema import find_kept_schema, keep_schema
from parquetry.commits.staged_files import proved_ahead
from parquetry.errors import ParquetryError, RequestError
from parquetry.model.schema import normal_schema, unite
from parquetry.operations.bundled_joining import MOST_GROUPS, stage_joints
from parquetry.operations.bundles import bundles_of
from parquetry.operations.joints import Joint
from parquetry.operations.moulds import Style
from parquetry.operations.plans import OperationResult
from parquetry.operations.proving import check_validation, prove_content
from parquetry.operations.repartition_plan import forecast, packed
from parquetry.operations.reshaped import ReshapingResult
from parquetry.operations.routing import Routes
from parquetry.operations.running import run_plan
from parquetry.operations.small_joints import stage_each
from parquetry.operations.spilling import Sorter
from parquetry.operations.working import counted, in_bundles, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.operations.proving import Validation
    from parquetry.operations.repartition_plan import RepartitionPlan
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.storage.protocol import Storage

Task: TypeAlias = "Sequence[SurveyedFile]"
"""Files that are read together."""

_AT_ONCE = 64  # files of one task that a thread takes
_SMALL_TASKS_ROWS = 131_072  # of tasks that are decoded together, by each of two threads
SMALL_ROWS = 8192
"""Row groups below are decoded: moving rows does not need large row groups, compacting makes them."""


class Repartitioning:
    """The staging of one plan: its new files, and what was found on the way.

    Args:
        plan: What is to be done.
        storage: The disk.
        staging: Where files are staged; several threads may ask for a place.
    """

    def __init__(self, plan: RepartitionPlan, storage: Storage, staging: Staging) -> None:
        self._plan, self._storage, self._staging = plan, storage, staging
        self._style = Style(plan.compression, SMALL_ROWS, constant=plan.keys)
        self._routes = Routes(plan.survey, plan.keys, plan.transform, plan.batch_rows)
        self._lock = Lock()
        self._transforming = Lock()
        self.rows = 0
        self._schemas: dict[int, pa.Schema] = {}  # by identity: there is one a task

    def stage(self) -> Iterator[NewFile]:
        """Write the new files, two at a time."""
        tasks = self._plan.tasks
        if len(tasks) == 1 and not self._is_told(tasks[0]):
            joints = self._joints(tasks[0], self._sorter(tasks[0]))
            few = [joints[at : at + _AT_ONCE] for at in range(0, len(joints), _AT_ONCE)]
            yield from in_bundles(self._write, few)
            return
        for files in counted(self._staged(tasks), len(tasks)):
            yield from files

    def _staged(self, tasks: Sequence[Task]) -> Iterator[list[NewFile]]:
        """Write the files of each task: of those of which no row has to be decoded, many together."""
        others: list[Task] = []
        told: list[Task] = []
        for task in tasks:
            (told if self._is_told(task) else others).append(task)
        for some in bundles_of(told, _groups_of, MOST_GROUPS):
            yield from self._stage_together(some)
        most = min(_SMALL_TASKS_ROWS, self._plan.batch_rows)
        for few in side_by_side(self._stage_some, bundles_of(others, _rows_of, most)):
            yield from few

    def _is_told(self, task: Task) -> bool:
        """Whether what is known of the files of a task says where all their rows go."""
        return len(self._routes.known(task)) == len(self._plan.keys)

    @property
    def schema(self) -> pa.Schema:
        """All columns of the new files."""
        distinct = dict.fromkeys(self._schemas.values())
        return unite([normal_schema(one) for one in distinct], self._plan.root)

    def checked(self, validate: Validation) -> list[NewFile]:
        """Write the new files, and return them once they are proved to hold the old rows.

        Raises:
            RequestError: They do not, since a transform has changed their number.
            CorruptionError: They do not, although there is no transform.
        """
        validate = check_validation(validate, self._plan)
        added = list(proved_ahead(self._storage, self._staging, self.stage()))
        if validate is not False:
            self.check_rows()
        if validate == "content":
            prove_content(self._plan.survey, [new.source for new in added])
        return added

    def check_rows(self) -> None:
        """Raise unless the new files hold as many rows as the old ones.

        Raises:
            RequestError: A transform has dropped or added rows.
        """
        if self.rows != self._plan.rows:
            raise RequestError(
                f"Row count mismatch after repartition: {self._plan.root} has {self._plan.rows:,} rows, "
                f"and {self.rows:,} came out of transform_fn. Nothing was changed. Look for a filter or "
                "a join in the function, or pass validate=False if rows are meant to go.",
                path=self._plan.root,
            )

    def _stage_together(self, tasks: Sequence[Task]) -> Iterator[list[NewFile]]:
        joints = [self._joints(task, self._sorter(task)) for task in tasks]
        every = [joint for some in joints for joint in some]
        files = stage_joints(every, self._storage, self._staging, self._style)
        for some in joints:
            yield list(islice(files, len(some)))

    def _stage_some(self, tasks: Sequence[Task]) -> list[list[NewFile]]:
        """Write the files of some tasks: of several if they have few rows."""
        loaded: Mapping[str, pa.Table] = {}
        if len(tasks) > 1 and self._plan.transform is None:
            loaded = self._routes.load_small([file for task in tasks for file in task])
        sorters = [self._sorter(task) for task in tasks]
        joints = [
            self._joints(task, sorter, loaded) for task, sorter in zip(tasks, sorters, strict=True)
        ]
        files = iter(self._write(list(chain.from_iterable(joints))))
        for sorter in sorters:
            for path in sorter.spilled:
                self._storage.unlink(path)
        return [list(islice(files, len(some))) for some in joints]

    def _sorter(self, task: Task) -> Sorter:
        known = self._routes.known(task)
        return Sorter(self._plan.keys, self._plan.batch_rows, self._storage, self._new_path, known)

    def _joints(
        self, task: Task, sorter: Sorter, loaded: Mapping[str, pa.Table] | None = None
    ) -> list[Joint]:
        if self._plan.transform is None:
            rows = self._routes.route(task, sorter, loaded or {})
        else:
            with self._transforming:  # the function of somebody who need not think of threads
                rows = self._routes.route(task, sorter)
        sorter.finish()
        with self._lock:
            self.rows += rows
        with self._staging.turn:  # for folders may be made
            joints = [
                Joint(folder, one, self._new_path_in(folder))
                for folder, parts in sorter.parts.items()
                for one in packed(parts, self._plan)
            ]
        for joint in joints:
            for part in joint.parts:
                self._schemas.setdefault(id(part.schema), part.schema)
        sorter.parts.clear()  # so that rows can go when they are written
        return joints

    def _new_path(self) -> str:
        with self._lock:
            return self._staging.new_path()

    def _new_path_in(self, folder: str) -> str:
        with self._lock:
            path = self._staging.new_path()
        return self._staging.placed(path, folder)

    def _write(self, joints: Sequence[Joint]) -> list[NewFile]:
        return stage_each(joints, self._storage, self._staging, self._style)


def _rows_of(task: Task) -> int:
    return sum(file.rows for file in task)


def _groups_of(task: Task) -> int:
    return sum(len(file.group_rows) for file in task)


def repartition(
    home: Home, storage: Storage, plan: RepartitionPlan, *, validate: Validation = True
) -> ReshapingResult:
    """Carry out a plan on the dataset itself, in one commit that exchanges its folder.

    Every column is stored in the files, those that name folders as well.

    **Guarantees:** every row stays, in its type. A crash leaves the dataset before or after, and the
    old files are kept as history, so `restore` brings them back.

    **Cost:** where the old folders tell the new ones, row groups of 8,192 rows or more are copied as
    bytes and whole files get a second name; the rest is decoded and encoded once. Memory holds
    `batch_rows` rows for each of two workers; more are written aside, one file at a time.

    Args:
        home: The dataset.
        storage: The disk.
        plan: What is to be done.
        validate: Whether to hold the number of rows against the dataset before anything is changed;
            with `"content"` all values, too.

    Raises:
        RequestError: A transform has dropped or added rows. Nothing was changed.
        ExecutorError: A transform failed. Nothing was changed.
        ConflictError: A file has changed or come since the plan. Nothing was changed; plan again.
        CorruptionError: A file is damaged. Nothing was changed.
        StorageError: The disk refused; `outcome` says whether the change will be true.
    """
    kept = find_kept_schema(home, storage)
    columns = [pa.schema([])]
    folders: set[str] = set()

    def stage(staging: Staging) -> list[NewFile]:
        old = {file.state.folder for file in plan.survey.files}
        staging.grown = GrowingTree(home, storage, staging, old)
        work = Repartitioning(plan, storage, staging)
        added = work.checked(validate)
        folders.update(posixpath.dirname(file.path) for file in added)
        columns.append(work.schema)
        if kept is not None:
            keep_schema(home, storage, work.schema, kept.partition_by)
        return added

    done = run_plan(home, storage, plan, stage)
    if kept is not None and done.version is not None:
        with suppress(ParquetryError):  # the folders say the same, and who appends next looks there
            keep_schema(home, storage, columns[-1], plan.keys)
    facts = {**vars(done), "num_partitions": len(folders)}
    return ReshapingResult(**facts, rows=plan.rows)


def foresee(plan: RepartitionPlan, storage: Storage) -> ReshapingResult:
    """Return what a plan would give; the size of the new files is taken to be that of the old."""
    found = forecast(plan, storage)
    facts = vars(OperationResult.of(plan, dry_run=True))
    facts |= {"files_after": found.files, "num_partitions": len(found.rows)}
    return ReshapingResult(**facts, rows=sum(found.rows.values()))
