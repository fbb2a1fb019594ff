"""What a conversion tells: values only, nothing printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.experiments.conversion.granularity import Granularity


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file or folder that was not converted.

    Args:
        path: Its path below the root.
        reason: Why, and what to do.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that its owner might want to know, and that stopped nothing.

    Args:
        path: The file or folder that it is about, below the root.
        text: What was found or decided.
    """

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run has a parameter or a seed.

    Args:
        key: The parameter.
        value: Its value as text.
        source: The file or the name that says so.
        rule: The rule that read it; see `rules.RULES`.
        overruled: Whether another source came first, so that this value plays no part.
    """

    key: str
    value: str
    source: str
    rule: str
    overruled: bool = False


@dataclass(frozen=True, slots=True)
class ConvertedRun:
    """One CSV that was converted, would be, or need not be.

    Args:
        csv: Its path below the root.
        grid_id: The id of its parameters.
        seeds: The seeds of its rows.
        rows: How many rows of it stand in the dataset.
        units_written: How many units, one a seed, were written or would be.
        units_unchanged: How many stood there already, with the same content.
        reasons: Where its parameters and its seed come from.
    """

    csv: str
    grid_id: str
    seeds: tuple[int, ...]
    rows: int
    units_written: int
    units_unchanged: int
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What a conversion did, or would do.

    Args:
        csv_dir: Where the CSVs stand.
        base_out: The store that they were converted into.
        granularity: Whether rows became events or one summary a seed.
        dry_run: Whether nothing was written on purpose.
        runs: The CSVs that are right, by path.
        bad_files: What was not converted, and why; all else was.
        remarks: What stopped nothing, but may surprise.
    """

    csv_dir: str
    base_out: str
    granularity: Granularity
    dry_run: bool
    runs: tuple[ConvertedRun, ...]
    bad_files: tuple[BadFile, ...]
    remarks: tuple[Remark, ...]

    @property
    def units_written(self) -> int:
        """How many units, one a grid and seed, were written or would be."""
        return sum(run.units_written for run in self.runs)

    @property
    def units_unchanged(self) -> int:
        """How many units were left as they are, because nothing about them has changed."""
        return sum(run.units_unchanged for run in self.runs)

    @property
    def files_failed(self) -> int:
        """How many files and folders were not converted."""
        return len(self.bad_files)

    @property
    def rows(self) -> int:
        """How many rows of these CSVs stand in the dataset, or would."""
        return sum(run.rows for run in self.runs)

    @property
    def grids(self) -> tuple[str, ...]:
        """The ids of the parameter sets, sorted."""
        return tuple(sorted({run.grid_id for run in self.runs}))
