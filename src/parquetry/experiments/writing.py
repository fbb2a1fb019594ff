"""Writing runs: `write_event_rows` and `write_seed_rows`, for one process or ten thousand."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from parquetry.commits.home import Home
from parquetry.commits.kept_schema import KeptSchema, check_keys, find_kept_schema, fit, keep_schema
from parquetry.commits.new_folders import NewFolders
from parquetry.commits.table_link import refuse_unheld
from parquetry.errors import ParameterError, ParquetryError
from parquetry.experiments.canonical import params_members
from parquetry.experiments.grids import register_grid
from parquetry.experiments.rows import begin, cut_units
from parquetry.experiments.units import place_new, resolve, stage_unit
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from typing import Unpack

    from parquetry.experiments.hashing import CanonOptions
    from parquetry.experiments.rows import Unit
    from parquetry.experiments.units import Mode, StagedUnit
    from parquetry.model.frames import Rows
    from parquetry.storage.protocol import Storage

PartitionBy = Sequence[str] | Literal["narrow", "wide"] | None

_NARROW = {"events": ("grid_id", "seed"), "seeds": ("grid_id",)}
WIDE = (
    "algo",
    "accountant",
    "gamma_bar",
    "gamma_split",
    "target_PT",
    "target_ST",
    "delete_ratio",
    "rho_total",
    "grid_id",
    "seed",
)
_MODES = ("replace", "append", "skip", "error")
_APPEND = "Append the rows by Dataset.append, which does, or write to a store of another name."
_WAVE_UNITS = 256
_WAVE_BYTES = 64_000_000
_WAVE_SECONDS = 1.0  # a run that yields slowly should not lose an hour of units


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a call wrote.

    Args:
        grid_id: The grid of the rows.
        units_written: How many units are new or have new content.
        units_unchanged: How many were there already, the same or to be skipped.
        rows: The rows of the written units.
        bytes: The size of their files.
        paths: Their files.
    """

    grid_id: str
    units_written: int = 0
    units_unchanged: int = 0
    rows: int = 0
    bytes: int = 0
    paths: tuple[str, ...] = ()


def write_event_rows(
    rows: Rows,
    base_out: str | os.PathLike[str],
    params: Any,
    *,
    partition_by: PartitionBy = None,
    mode: Mode = "replace",
    storage: Storage | None = None,
    **options: Unpack[CanonOptions],
) -> WriteReport:
    """Write the events of one grid, one unit a seed, and say what was written.

    **Guarantees:** each unit is there whole or not at all, for every reader, after a crash as well. Any
    number of processes may write at once, the same unit too: the last one stays. Units of one call are
    independent of each other.

    **Cost:** one file a unit. A call that writes one unit syncs its file, its new folder and the folder
    above; the units of one call share their syncs, and what has come is made durable every second, so
    that many seeds are written fastest in one call. Memory is that of a batch of the rows, however many
    units there are.

    Args:
        rows: Dicts, a Polars, pandas or Arrow table, or an iterator of batches. Each row has a `seed`,
            or the parameters have one.
        base_out: The store's folder; made if absent.
        params: The parameters, with or without their `grid_id`; kept once in `grids/`.
        partition_by: The folder keys of a new dataset: `"narrow"` is `grid_id, seed`, `"wide"` begins
            with the algorithm's parameters. An existing dataset keeps its own.
        mode: What to do with a unit that is there already: `replace` it (one with the same rows is not
            touched), `append` to it, `skip` it, or raise an `error`.
        storage: The disk; the local one if not given.
        options: What was chosen about the canonical form, as for `attach_grid_id`.

    Raises:
        RequestError: The dataset is of a table.
        ParameterError: The parameters have no canonical form, there is no seed, or there are no rows.
        SchemaMismatchError: A column has another type than in earlier runs, and a cast would lose.
        LayoutError: The dataset has other partition keys, or a value cannot name a folder.
        AlreadyExistsError: The mode is `error` and a unit is there.
        StorageError: The disk refused.
    """
    return _write("events", rows, base_out, params, partition_by, mode, storage, options)


def write_seed_rows(
    rows: Rows,
    base_out: str | os.PathLike[str],
    params: Any,
    *,
    partition_by: PartitionBy = None,
    mode: Mode = "replace",
    storage: Storage | None = None,
    **options: Unpack[CanonOptions],
) -> WriteReport:
    """Write the summaries of one grid's seeds, and say what was written.

    It takes, guarantees and raises what `write_event_rows` does; the narrow folders are `grid_id`
    alone, with one file a seed.
    """
    return _write("seeds", rows, base_out, params, partition_by, mode, storage, options)


def _write(
    name: str,
    rows: Rows,
    base_out: str | os.PathLike[str],
    params: Any,
    partition_by: PartitionBy,
    mode: Mode,
    storage: Storage | None,
    options: CanonOptions,
) -> WriteReport:
    if mode not in _MODES:
        raise ParameterError(
            f"mode={mode!r} is unknown; choose one of {', '.join(_MODES)}. Nothing was written."
        )
    disk = storage or LocalStorage()
    home = Home.of(os.path.join(os.fspath(base_out), name))
    refuse_unheld(home, disk, "write units of an experiment to", _APPEND)
    keys = _choose_keys(home, disk, name, partition_by)
    members = params_members(params)
    tables = begin(rows, members)
    home.prepare(disk)
    grid_id = register_grid(home.store, disk, params, options)
    writer = _Writer(home, disk, keys, grid_id, mode)
    try:
        for unit in cut_units(tables, members, grid_id, keys):
            writer.add(unit)
        return writer.finish()
    except ParquetryError as error:
        _say_what_stands(error, writer.report)
        raise
    finally:
        writer.clear()


def _say_what_stands(error: ParquetryError, report: WriteReport) -> None:
    """Units are independent: those that were written before one failed are there."""
    if report.units_written:
        error.message += f" {report.units_written} units of this call were written before."
        if error.outcome == "unchanged":
            error.outcome = "changed"


def _choose_keys(
    home: Home, storage: Storage, name: str, partition_by: PartitionBy
) -> tuple[str, ...]:
    named = {None: _NARROW[name], "narrow": _NARROW[name], "wide": WIDE}
    if partition_by is None or isinstance(partition_by, str):
        if partition_by not in named:
            raise ParameterError(
                f"partition_by={partition_by!r} is unknown; give 'narrow', 'wide' or a list of columns. "
                "Nothing was written."
            )
        wanted = named[partition_by]
    else:
        wanted = tuple(partition_by)
    kept = find_kept_schema(home, storage)
    if kept is None:
        return wanted
    if partition_by is not None:
        check_keys(home, kept.partition_by, wanted)
    return kept.partition_by


class _Writer:
    """Gathers staged units into waves, so that the units of a wave share their syncs."""

    def __init__(
        self,
        home: Home,
        storage: Storage,
        keys: tuple[str, ...],
        grid_id: str,
        mode: Mode,
    ) -> None:
        self._home, self._storage = home, storage
        self._keys, self._mode = keys, mode
        self._kept = find_kept_schema(home, storage) or KeptSchema(pa.schema([]), keys)
        self._wave: list[StagedUnit] = []
        self._wave_bytes = 0
        self._wave_began = 0.0
        self._folders = NewFolders(home, storage)
        self.report = WriteReport(grid_id)

    def add(self, unit: Unit) -> None:
        table, schema = fit(unit.table, self._kept, self._home.root)
        if schema is not self._kept.schema:
            self._kept = KeptSchema(schema, self._keys)
        mode = "append" if unit.is_continuation else self._mode
        if not self._wave:
            self._wave_began = time.monotonic()
        staged = stage_unit(
            self._home, self._storage, self._folders, unit, self.report.grid_id, table, mode
        )
        self._wave.append(staged)
        self._wave_bytes += staged.bytes
        is_full = len(self._wave) >= _WAVE_UNITS or self._wave_bytes >= _WAVE_BYTES
        if is_full or time.monotonic() - self._wave_began >= _WAVE_SECONDS:
            self._flush()

    def finish(self) -> WriteReport:
        self._flush()
        return self.report

    def clear(self) -> None:
        """Remove the drafts of units that found no place; what cannot be removed is swept later."""
        wave, self._wave = self._wave, []
        for unit in wave:
            with suppress(ParquetryError):
                self._storage.unlink(unit.source)
        self._folders.discard()

    def _flush(self) -> None:
        if not self._wave:
            return
        home, storage, folders = self._home, self._storage, self._folders
        keep_schema(home, storage, self._kept.schema, self._keys)
        storage.sync_all([*(unit.source for unit in self._wave), *folders.unsynced])
        placed = place_new(home, storage, folders, self._wave)
        for unit, path in zip(self._wave, placed, strict=True):
            self._count(unit, path or resolve(home, storage, unit))
            if not path:
                storage.unlink(unit.source)
        folders.discard()
        self._folders = NewFolders(home, storage)
        self._wave, self._wave_bytes = [], 0

    def _count(self, unit: StagedUnit, path: str) -> None:
        report = self.report
        if not path:
            self.report = replace(report, units_unchanged=report.units_unchanged + 1)
            return
        self.report = replace(
            report,
            units_written=report.units_written + 1,
            rows=report.rows + unit.table.num_rows,
            bytes=report.bytes + unit.bytes,
            paths=(*report.paths, path),
        )
