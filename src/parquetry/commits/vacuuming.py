"""Forgetting old history, and clearing away what dead processes left."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from parquetry.commits.dead_layouts import dead_layouts, remove_dead_layouts
from parquetry.commits.finishing import recover
from parquetry.commits.log import read_records, record_name
from parquetry.commits.owning import OWNER, abandoned, remove_abandoned
from parquetry.commits.settling import settled
from parquetry.commits.staging import old_drafts, open_staging
from parquetry.errors import NotFoundError, ParameterError
from parquetry.model.lifetimes import moments
from parquetry.storage.folders import find_stat, remove_tree, walk_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

Keep = str | timedelta | int
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_OWNERLESS_NS = 86_400_000_000_000  # after a day nobody is just about to lock a folder of his own


@dataclass(frozen=True, slots=True)
class VacuumPlan:
    """What a vacuum would remove.

    Args:
        forget: The commits whose retired files go; the states before them can then not be shown.
        stagings: The staging folders of dead processes, and single files that they staged and that are
            a day old: absolute paths.
        pins: The pins of dead processes: absolute paths.
        layouts: Folders and files of replicas that nobody uses any more: absolute paths.
        files: How many files that is.
        bytes: How many bytes it frees. A file that has another name somewhere frees none.
    """

    forget: tuple[int, ...]
    stagings: tuple[str, ...]
    pins: tuple[str, ...]
    layouts: tuple[str, ...]
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class VacuumReport:
    """What a vacuum removed, or with `dry_run` would remove.

    Args:
        bytes_freed: How many bytes of the disk that freed.
        files_removed: How many names of files went.
        commits_forgotten: The commits whose retired files went.
        stagings_removed: How many staging folders of dead processes went.
        pins_removed: How many pins of dead processes went.
        layouts_removed: How many folders and files of replicas went that nobody uses.
        dry_run: Whether nothing was done.
    """

    bytes_freed: int
    files_removed: int
    commits_forgotten: tuple[int, ...]
    stagings_removed: int
    pins_removed: int
    layouts_removed: int
    dry_run: bool


def parse_keep(keep: Keep) -> timedelta | int:
    """Return how long history is kept, or of how many commits.

    `"7d"`, `"12h"`, `"30m"`, `"45s"`, `"2w"` and a timedelta are ages; a whole number is how many of
    the last commits can still be undone.

    Raises:
        ParameterError: It is none of these, or negative.
    """
    match keep:
        case timedelta() if keep >= timedelta(0):
            return keep
        case int() if not isinstance(keep, bool) and keep >= 0:
            return keep
        case str() if found := re.fullmatch(r"\s*(\d+)\s*([smhdw])\s*", keep.lower()):
            try:
                return timedelta(**{_UNITS[found[2]]: int(found[1])})
            except OverflowError:
                return timedelta.max
    raise ParameterError(
        f"keep={keep!r} is no age: write '7d', '12h', '30m', '2w', a timedelta, or a whole number for "
        "how many commits to keep. Nothing was removed."
    )


def plan_vacuum(home: Home, storage: Storage, keep: Keep = "7d") -> VacuumPlan:
    """Return what a vacuum would remove; nothing is written.

    Raises:
        ParameterError: `keep` is no age.
    """
    wanted = parse_keep(keep)
    with settled(home, storage):
        return _plan(home, storage, wanted)


def vacuum(
    home: Home, storage: Storage, keep: Keep = "7d", *, dry_run: bool = False
) -> VacuumReport:
    """Forget the files that commits retired longer ago than `keep`, and clear away what died.

    So go what dead processes staged or pinned, and what replicas held that were retired.

    The records stay in the log. States that need a forgotten file can no longer be read or restored;
    every state of the last `keep` can.

    **Guarantees:** the dataset itself is not touched. The history of a commit goes in one rename, so a
    crash leaves each commit's history whole or gone. Readers of old versions may meet "file not
    found" unless they hold a pin.

    **Cost:** one rename a forgotten commit while the dataset is locked; then one unlink a file.

    Raises:
        ParameterError: `keep` is no age.
        StorageError: The disk refused; what is left goes with the next vacuum.
    """
    wanted = parse_keep(keep)
    if dry_run or find_stat(storage, home.state) is None:
        plan = plan_vacuum(home, storage, wanted)
    else:
        plan = _clear(home, storage, wanted)
    return VacuumReport(
        plan.bytes,
        plan.files,
        plan.forget,
        len(plan.stagings),
        len(plan.pins),
        len(plan.layouts),
        dry_run,
    )


def _clear(home: Home, storage: Storage, keep: timedelta | int) -> VacuumPlan:
    with open_staging(home, storage) as staging:
        with storage.lock(home.lock):
            recover(home, storage)
            plan = _plan(home, storage, keep)
            for version in plan.forget:
                name = record_name(version)
                storage.rename(f"{home.history}/{name}", f"{staging.folder}/{name}")
            storage.sync_all([home.history, staging.folder])
            for folder in (*plan.stagings, *plan.pins):
                _remove(storage, folder)
        for version in plan.forget:
            remove_tree(storage, f"{staging.folder}/{record_name(version)}")
        if plan.layouts:
            remove_dead_layouts(home, storage)
        return plan


def _remove(storage: Storage, path: str) -> None:
    with suppress(NotFoundError):  # its owner lived after all and removed it
        if not storage.stat(path).is_folder:
            storage.unlink(path)
        elif find_stat(storage, f"{path}/{OWNER}") is not None:
            remove_abandoned(storage, path)
        else:
            remove_tree(storage, path)


def _plan(home: Home, storage: Storage, keep: timedelta | int) -> VacuumPlan:
    forget = _old_versions(home, storage, keep)
    stagings = sorted({*_dead(storage, home.staging), *old_drafts(home, storage)})
    pins = _dead(storage, home.pins)
    layouts = dead_layouts(home, storage)
    history = [f"{home.history}/{record_name(version)}" for version in forget]
    files, freed = _weigh(storage, [*history, *stagings, *pins, *layouts])
    return VacuumPlan(tuple(forget), tuple(stagings), tuple(pins), tuple(layouts), files, freed)


def _old_versions(home: Home, storage: Storage, keep: timedelta | int) -> list[int]:
    """Return the commits with history that are all older than what is to be kept."""
    records = read_records(home, storage)
    if isinstance(keep, int):
        old = {record.version for record in records[: max(0, len(records) - keep)]}
    else:
        oldest = time.time_ns() - keep // timedelta(microseconds=1) * 1000
        times = moments(records)
        young = [record.version for record in records if times[record.version] > oldest]
        old = {record.version for record in records if not young or record.version < min(young)}
    folders = {f"{home.history}/{record_name(version)}": version for version in sorted(old)}
    return [version for path, version in folders.items() if find_stat(storage, path) is not None]


def _dead(storage: Storage, parent: str) -> list[str]:
    """Return the folders of dead owners, and those that have had no owner for a day."""
    found = set(abandoned(storage, parent))
    with suppress(NotFoundError):
        for name, kind in storage.list_folder(parent):
            folder = f"{parent}/{name}"
            facts = find_stat(storage, folder)
            if kind != "folder" or facts is None or find_stat(storage, f"{folder}/{OWNER}"):
                continue
            if time.time_ns() - facts.mtime_ns > _OWNERLESS_NS:
                found.add(folder)
    return sorted(found)


def _weigh(storage: Storage, folders: Iterable[str]) -> tuple[int, int]:
    """Return how many files these are, or stand below these folders, and how many bytes go with them.

    A file's bytes go only if all its names are among these.
    """
    names: Counter[int] = Counter()
    facts = {}
    for folder in folders:
        with suppress(NotFoundError):
            paths = [folder]
            if storage.stat(folder).is_folder:
                paths = [f"{folder}/{relative}" for relative, _ in walk_files(storage, folder)]
            for found in map(storage.stat, paths):
                names[found.inode] += 1
                facts[found.inode] = found
    freed = sum(facts[i].size for i, count in names.items() if count >= facts[i].links)
    return names.total(), freed
