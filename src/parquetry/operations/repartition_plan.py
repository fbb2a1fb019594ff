"""What it takes to partition a dataset by other keys, decided without writing anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parquetry.commits.table_link import holds_facts, refuse_unheld
from parquetry.errors import ParameterError
from parquetry.model.changes import Requirement
from parquetry.model.names import refuse_text
from parquetry.model.wording import bytes_text
from parquetry.operations.bin_packing import pack
from parquetry.operations.moulds import check_codec
from parquetry.operations.plans import Plan
from parquetry.operations.reshaped import MEGABYTE
from parquetry.operations.routing import Routes, not_found
from parquetry.operations.spilling import Sorter
from parquetry.operations.surveying import take_survey
from parquetry.operations.transforming import name_of
from parquetry.operations.working import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.commits.home import Home
    from parquetry.operations.parts import Part
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey
    from parquetry.operations.transforming import Transform
    from parquetry.storage.protocol import Storage

BATCH_ROWS = 1_000_000
TARGET_FILE_MB = 128
_BATCH_BYTES = 48 * MEGABYTE  # of decoded rows, for each of two workers
_DECODED_TO_ENCODED = 2  # whole numbers and times are half as large before they are compressed
_FEWEST_ROWS = 4096
_BY_ROWS = "Change rows by update or upsert, which do, or make a new dataset with Repartitioner."


@dataclass(frozen=True, kw_only=True)
class RepartitionPlan(Plan):
    """Which files are read together, and how their rows find their new partition.

    Args:
        keys: The new keys.
        survey: The dataset.
        tasks: Files that share their values of the keys that stay; no other task has rows for the
            same partitions, unless a transform changes these values.
        transform: A function that all rows pass through.
        compression: The codec of what is written; None leaves copied bytes as they are.
        batch_rows: How many rows are taken at a time.
        rows_per_file: How many rows a new file has at most.
        holds_facts: Whether the new files must be proved to hold the old values.
    """

    keys: tuple[str, ...]
    survey: Survey
    tasks: tuple[tuple[SurveyedFile, ...], ...]
    transform: Transform | None = None
    compression: str | None = None
    batch_rows: int = BATCH_ROWS
    rows_per_file: int = field(default=1 << 20)
    holds_facts: bool = False

    @property
    def rows(self) -> int:
        """How many rows the dataset has."""
        return sum(file.rows for file in self.survey.files)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.tasks

    @property
    def is_implied(self) -> bool:
        """Whether the old folders alone tell the new ones, so that nothing needs to be decoded."""
        return self.transform is None and all(key in self.survey.keys for key in self.keys)

    def explain(self) -> str:
        """Return the plan as text for people."""
        old = list(self.survey.keys)
        if self.is_empty:
            return f"repartition {self.root}: nothing to do, it is partitioned by {old}."
        how = "by the folders alone" if self.is_implied else "by the values in the rows"
        if self.transform is not None:
            how = f"by what {name_of(self.transform)} makes of the rows"
        return "\n".join(
            [
                f"repartition {self.root} (version {self.base_version})",
                f"  keys:  {old} -> {list(self.keys)}, {how}",
                f"  files: {len(self.survey.files):,} leave, in {len(self.tasks):,} groups",
                f"  rows:  {self.rows:,}, none is lost",
                f"  bytes: {bytes_text(self.bytes_before)}",
            ]
        )


@dataclass(frozen=True)
class Forecast:
    """What a repartition will give.

    Args:
        rows: The rows of each new partition, by its relative folder.
        files: How many files there will be.
    """

    rows: Counter[str]
    files: int


def plan_repartition(
    home: Home,
    storage: Storage,
    keys: Sequence[str],
    *,
    transform: Transform | None = None,
    batch_rows: int = BATCH_ROWS,
    compression: str | None = None,
    target_file_size_mb: float = TARGET_FILE_MB,
    in_place: bool = True,
) -> RepartitionPlan:
    """Return what it takes to partition a dataset by other keys; nothing is written.

    **Cost:** names and footers are read, no data.

    Args:
        home: The dataset.
        storage: The disk.
        keys: The new keys, outermost first; none for one folder without partitions.
        transform: A function that gets all rows, batch by batch, as Polars frames, and gives them back.
        batch_rows: How many rows it gets at a time, at most, and how many are held in memory.
        compression: The codec; without one bytes that are copied stay as they are compressed, and
            others get zstd, and files of some hundred rows snappy.
        target_file_size_mb: How large a new file is to become at most, about, in MiB.
        in_place: Whether the dataset itself is to change; then there is nothing to do if it has these
            keys already.

    Raises:
        RequestError: The dataset is of a table, and a function was to change its rows in place.
        UnknownColumnError: A key is no column of the dataset, and there is no function to make it.
        ParameterError: A key is named twice, a size is not positive, or the codec is unknown.
        NotFoundError: There is no such dataset.
        LayoutError: The partition of a file is ambiguous.
        CorruptionError: A file is no Parquet file.
        SchemaMismatchError: Two files have types for a column that no type holds without loss.
    """
    refuse_text(keys, "The partition keys")
    if transform is not None and in_place:
        refuse_unheld(home, storage, "pass rows through a function in", _BY_ROWS)
    wanted = tuple(keys)
    _check(wanted, batch_rows, target_file_size_mb, compression)
    survey = take_survey(home, storage, wanted)
    missing = [key for key in wanted if key not in survey.columns.names]
    if missing and transform is None:
        raise not_found(missing, survey.columns.names, f"The dataset {home.root}")
    states = tuple(file.state for file in survey.files)
    rows = sum(file.rows for file in survey.files)
    is_there = in_place and transform is None and wanted == tuple(survey.keys)
    per_row = max(1, sum(state.bytes for state in states)) / max(1, rows)
    return RepartitionPlan(
        operation="repartition",
        root=home.root,
        parameters={
            "keys": list(wanted),
            "transform_fn": name_of(transform),
            "compression": compression,
        },
        base_version=survey.version,
        rewrite=() if is_there else states,
        bytes_after=sum(state.bytes for state in states),
        requirement=Requirement(("",), survey.seen),
        keys=wanted,
        survey=survey,
        tasks=() if is_there or not rows else _tasks(survey, wanted),
        transform=transform,
        compression=compression,
        batch_rows=_rows_at_once(survey, batch_rows, bounded=transform is None),
        holds_facts=holds_facts(home, storage),
        rows_per_file=max(1, int(target_file_size_mb * MEGABYTE / per_row)),
    )


def _check(keys: tuple[str, ...], batch_rows: int, target: float, compression: str | None) -> None:
    if len(set(keys)) != len(keys):
        raise ParameterError(f"A key is named twice in {list(keys)}. Nothing was changed.")
    if batch_rows <= 0 or target <= 0:
        raise ParameterError(
            f"batch_size ({batch_rows}) and the size of a file ({target} MiB) must be more than 0. "
            "Nothing was changed."
        )
    check_codec(compression)


def _tasks(survey: Survey, keys: tuple[str, ...]) -> tuple[tuple[SurveyedFile, ...], ...]:
    places = [place for place, key in enumerate(survey.keys) if key in keys]
    tasks: dict[tuple[str | None, ...], list[SurveyedFile]] = defaultdict(list)
    for file in survey.files:
        tasks[tuple(file.texts[place] for place in places)].append(file)
    return tuple(tuple(files) for files in tasks.values())


def _rows_at_once(survey: Survey, most: int, *, bounded: bool) -> int:
    """Return how many rows are decoded before they are parted; a function gets what it asked for."""
    rows = sum(file.rows for file in survey.files)
    decoded = sum(file.decoded_bytes for file in survey.files) * _DECODED_TO_ENCODED
    if not bounded or not rows or not decoded:
        return most
    return min(most, max(_FEWEST_ROWS, int(_BATCH_BYTES * rows / decoded)))


def forecast(plan: RepartitionPlan, storage: Storage) -> Forecast:
    """Return which partitions a plan will give, and how many files.

    **Cost:** nothing more is read if the old folders or the statistics tell; otherwise the columns of
    the new keys are decoded, and with a transform all columns.

    Raises:
        UnknownColumnError: The transform does not give a key.
        LayoutError: A value cannot name a folder.
        CorruptionError: A file cannot be decoded.
    """
    routes = Routes(plan.survey, plan.keys, plan.transform, plan.batch_rows, only_keys=True)
    rows: Counter[str] = Counter()
    files = 0

    def look(task: tuple[SurveyedFile, ...]) -> dict[str, list[Part]]:
        sorter = Sorter(plan.keys, plan.batch_rows, storage, None, routes.known(task))
        routes.route(task, sorter)
        sorter.finish()
        return sorter.parts

    for found in in_order(look, plan.tasks) if plan.transform is None else map(look, plan.tasks):
        for folder, parts in found.items():
            rows[folder] += sum(part.rows for part in parts)
            files += len(packed(parts, plan))
    return Forecast(rows, files)


def packed(parts: Sequence[Part], plan: RepartitionPlan) -> list[tuple[Part, ...]]:
    """Return the parts of one partition, file by file."""
    if len(parts) == 1:
        return [tuple(parts)]
    return pack(parts, lambda part: part.rows, plan.rows_per_file)
