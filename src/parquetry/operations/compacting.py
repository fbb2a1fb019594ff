"""Many small files of a partition made into few large ones, in one commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.commits.table_link import holds_facts
from parquetry.errors import ParameterError
from parquetry.files.encoding import ROW_GROUP_ROWS
from parquetry.model.changes import Requirement
from parquetry.model.wording import bytes_text
from parquetry.operations.bin_packing import pack
from parquetry.operations.joints import Joint
from parquetry.operations.merging import merged
from parquetry.operations.moulds import Style, check_codec
from parquetry.operations.paged_joining import MOST_BYTES, MOST_FILES, stage_paged
from parquetry.operations.parts import Piece
from parquetry.operations.plans import OperationResult, Plan
from parquetry.operations.proving import prove_joined
from parquetry.operations.reshaped import MEGABYTE, ReshapingResult
from parquetry.operations.running import run_plan
from parquetry.operations.sort_order import common_sorting, in_sorted_order, overlapping
from parquetry.operations.surveying import Survey, take_survey
from parquetry.operations.working import in_bundles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.operations.parts import Part
    from parquetry.operations.surveyed import SortKey, SurveyedFile
    from parquetry.storage.protocol import Storage

TARGET_FILE_MB = 100
_SMALL_ROWS = ROW_GROUP_ROWS // 2  # of a new file
_LARGE_ENOUGH = 0.75  # of the target: rewriting such a file for a few rows more gains nothing


@dataclass(frozen=True)
class Bin:
    """Files of one partition that become one.

    Args:
        folder: The partition, relative.
        files: The files, in the order in which their rows will stand.
        sorting: By what all of them say that they are sorted.
        fills: The partition keys that some of the files hold; the others get them from the folder.
        repeated: The partition keys that all of the files are proved to hold as the folder says them.
    """

    folder: str
    files: tuple[SurveyedFile, ...]
    sorting: tuple[SortKey, ...] = ()
    fills: Mapping[str, pa.Scalar] = field(default_factory=dict)
    repeated: Mapping[str, pa.Scalar] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """The size of the files."""
        return sum(file.state.bytes for file in self.files)

    @property
    def rows(self) -> int:
        """The rows of the files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True, kw_only=True)
class CompactPlan(Plan):
    """Which files become one.

    Args:
        bins: The files to be, each with what it is made of.
        kept: The files that stay as they are.
        compression: The codec of what is written.
        holds_facts: Whether each new file must be proved to hold the old values.
    """

    bins: tuple[Bin, ...] = ()
    kept: tuple[SurveyedFile, ...] = ()
    compression: str | None = None
    holds_facts: bool = False

    @property
    def rows(self) -> int:
        """How many rows stand in other files afterwards."""
        return sum(one.rows for one in self.bins)

    def explain(self) -> str:
        """Return the plan as text for people."""
        if self.is_empty:
            return (
                f"compact {self.root}: nothing to do, {self.kept_files:,} files stay as they are."
            )
        return "\n".join(
            [
                f"compact {self.root} (version {self.base_version})",
                f"  files:      {len(self.retire):,} become {self.new_files:,}",
                f"              {self.kept_files:,} stay as they are",
                f"  rows:       {self.rows:,} move, none change",
                f"  bytes:      {bytes_text(self.bytes_before)}",
                f"  partitions: {len(self.partitions):,}",
            ]
        )


def plan_compact(
    home: Home,
    storage: Storage,
    *,
    target_file_size_mb: float = TARGET_FILE_MB,
    min_file_count: int = 2,
    max_file_size_mb: float | None = None,
    compression: str | None = None,
) -> CompactPlan:
    """Return which files of each partition would become one; nothing is written.

    Neighbours become one, in the order of their names, or of the column by which the files say that
    they are sorted.

    **Cost:** names and footers are read, no data.

    Args:
        home: The dataset.
        storage: The disk.
        target_file_size_mb: How large a file is to become, in MiB; none grows beyond it.
        min_file_count: How many files below the largest size a partition must have.
        max_file_size_mb: Files of this size and above stay as they are, in MiB; by default those of
            three quarters of the target.
        compression: The codec; without one bytes that are copied stay as they are compressed, and
            others get zstd.

    Raises:
        ParameterError: A size or count is not positive, or the codec is unknown.
        NotFoundError: There is no such dataset.
        LayoutError: The partition of a file is ambiguous.
        CorruptionError: A file is no Parquet file.
        SchemaMismatchError: Two files have types for a column that no type holds without loss.
    """
    _check(target_file_size_mb, min_file_count, max_file_size_mb, compression)
    target = int(target_file_size_mb * MEGABYTE)
    largest = int(max_file_size_mb * MEGABYTE) if max_file_size_mb else int(target * _LARGE_ENOUGH)
    survey = take_survey(home, storage)
    bins: list[Bin] = []
    for folder, group in groupby(survey.files, key=lambda file: file.state.folder):
        small = [file for file in group if file.state.bytes < largest]
        if len(small) >= min_file_count:
            bins += _bins(survey, folder, small, target)
    retired = tuple(file.state for one in bins for file in one.files)
    gone = set(retired)
    kept = tuple(file for file in survey.files if file.state not in gone)
    parameters = {
        "target_file_size_mb": target_file_size_mb,
        "min_file_count": min_file_count,
        "max_file_size_mb": max_file_size_mb,
        "compression": compression,
    }
    return CompactPlan(
        operation="compact",
        root=home.root,
        parameters=parameters,
        base_version=survey.version,
        rewrite=retired,
        kept_files=len(kept),
        new_files=len(bins),
        partitions=tuple(dict.fromkeys(one.folder for one in bins)),
        bytes_after=sum(one.bytes for one in bins),
        requirement=Requirement(),
        bins=tuple(bins),
        kept=kept,
        compression=compression,
        holds_facts=holds_facts(home, storage),
    )


def _check(target: float, count: int, largest: float | None, compression: str | None) -> None:
    for name, value in (
        ("target_file_size_mb", target),
        ("min_file_count", count),
        ("max_file_size_mb", largest),
    ):
        if value is not None and value <= 0:
            raise ParameterError(f"{name} must be more than 0, not {value}. Nothing was changed.")
    check_codec(compression)


def _bins(survey: Survey, folder: str, files: Sequence[SurveyedFile], target: int) -> Iterator[Bin]:
    sorting = common_sorting(files)
    ordered = in_sorted_order(files)
    for found in pack(ordered, lambda file: file.state.bytes, target):
        if len(found) > 1:
            yield Bin(folder, found, sorting, _fills(survey, found), _repeated(survey, found))


def _fills(survey: Survey, files: Sequence[SurveyedFile]) -> dict[str, pa.Scalar]:
    """Return the keys that only some of the files hold, as the folder of them all says them."""
    held = [set(file.schema.names) for file in {id(f.schema): f for f in files}.values()]
    mixed = set.union(*held) - set.intersection(*held)
    return {
        key: pa.scalar(survey.path_value(key, files[0]), kind)
        for key, kind in survey.keys.items()
        if key in mixed
    }


def _repeated(survey: Survey, files: Sequence[SurveyedFile]) -> dict[str, pa.Scalar]:
    """Return the keys that all files are proved to hold as the folder says them."""
    found = [survey.repeated(file) for file in files]
    return {
        key: value for key, value in found[0].items() if all(o.get(key) == value for o in found)
    }


def compact(home: Home, storage: Storage, plan: CompactPlan) -> ReshapingResult:
    """Carry out a plan in one commit.

    **Guarantees:** every row stays, in the same partition and type; row groups that are large are the
    same bytes. A crash leaves the dataset before or after, and the old files are kept as history.
    Files that come while it runs stay as they are.

    **Cost:** row groups of 32,768 rows or more are copied as bytes. Columns of numbers of smaller ones
    are put together page by page, where readers are not worse off for it; other columns, and files
    unlike the others, are decoded and encoded together; sorted files that overlap are merged. Memory
    is that of a few row groups, whatever the size of a partition; of a row group of each file that is
    merged. Files of facts are decoded once more, old and new, to prove that they hold the same rows.

    Raises:
        ConflictError: A file of the plan has changed. Nothing was changed; plan again.
        CorruptionError: A file is damaged. Nothing was changed.
        StorageError: The disk refused; `outcome` says whether the change will be true.
    """
    done = run_plan(home, storage, plan, lambda staging: stage_bins(storage, staging, plan))
    return result_of(plan, done)


def stage_bins(storage: Storage, staging: Staging, plan: CompactPlan) -> Iterator[NewFile]:
    """Write the new files of a plan, some at a time; where they hold facts, each is proved."""

    def write(bundle: Sequence[tuple[Bin, str]]) -> list[NewFile]:
        style = Style(plan.compression, sorting=bundle[0][0].sorting)
        joints = [Joint(one.folder, _parts(plan.root, one), source) for one, source in bundle]
        new = stage_paged(joints, storage, staging, style)
        for (one, _), file in zip(bundle, new, strict=True):
            if plan.holds_facts:
                pieces = [_piece(plan.root, one, old) for old in one.files]
                prove_joined(pieces, file.source, plan.root)
        return new

    runs = [list(some) for _, some in groupby(plan.bins, key=lambda one: one.sorting)]
    bundles = [bundle for run in runs for bundle in _bundles(run)]
    return in_bundles(write, [[(one, staging.new_path()) for one in bundle] for bundle in bundles])


def _bundles(bins: Sequence[Bin]) -> list[list[Bin]]:
    """Return new files in bundles that are worked on at once."""
    bundles: list[list[Bin]] = []
    files = held = 0
    for one in bins:
        files, held = files + len(one.files), held + one.bytes
        if not bundles or files > MOST_FILES or held > MOST_BYTES:
            bundles.append([])
            files, held = len(one.files), one.bytes
        bundles[-1].append(one)
    return bundles


def _parts(root: str, one: Bin) -> Sequence[Part]:
    parts: list[Part] = []
    for group in overlapping(one.files, one.sorting):
        pieces = [_piece(root, one, file) for file in group]
        parts.append(pieces[0] if len(pieces) == 1 else merged(pieces, one.sorting))
    return parts


def _piece(root: str, one: Bin, file: SurveyedFile) -> Piece:
    fills = {k: value for k, value in one.fills.items() if k not in file.schema.names}
    path = f"{root}/{file.state.path}"
    return Piece(path, file.schema, file.group_rows, None, fills, one.repeated)


def result_of(
    plan: CompactPlan, done: OperationResult | None = None, *, target_dir: str | None = None
) -> ReshapingResult:
    """Return what came of a plan; without an outcome, what would come of it."""
    facts = vars(done or OperationResult.of(plan, dry_run=True))
    partitions = len(plan.partitions)
    return ReshapingResult(
        **facts, rows=plan.rows, partitions_compacted=partitions, target_dir=target_dir
    )
