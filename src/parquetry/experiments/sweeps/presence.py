"""Which units have rows: one walk over the folders, whatever they are partitioned by.

Where the names of folders and files tell grid and seed, no file is opened. Compacting and
repartitioning put several units into one file; such a file's two columns are read, once.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from parquetry.commits.home import Home
from parquetry.errors import NotFoundError
from parquetry.experiments.sweeps.places import DATASETS
from parquetry.experiments.sweeps.unit_columns import read_unit_columns
from parquetry.model.hive import decode_segment, value_text
from parquetry.storage.folders import find_stat
from parquetry.storage.listing import is_data_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from parquetry.experiments.sweeps.unit import Unit, UnitKey
    from parquetry.storage.protocol import Storage

    Admits = Callable[[str, str | None], bool]

_TAG = re.compile(r"-[0-9a-f]{12}-\d+$")  # what an appended or replaced unit's file has in its name


class Presence:
    """The rows of one store, by unit.

    **Cost:** one `scandir` a folder. A commit that is changing the folders is waited for.
    """

    def __init__(self, store: str, storage: Storage) -> None:
        self._store, self._storage = store, storage
        self._read: dict[tuple[str, int, int], frozenset[tuple[Any, Any]]] = {}

    def find_all(self) -> set[UnitKey]:
        """Return every unit of which there is a Parquet file."""
        return {key for name in DATASETS for key in self._walk_dataset(name, _admits_all)}

    def has(self, unit: Unit) -> bool:
        """Return whether there is a Parquet file of one unit; only its folders are looked at."""
        return any(
            key == unit.key
            for name in DATASETS
            for key in self._walk_dataset(name, _admits_only(unit.params))
        )

    def _walk_dataset(self, name: str, admits: Admits) -> Iterator[UnitKey]:
        home = Home.of(f"{self._store}/{name}")
        with self._quiet(home):
            yield from self._walk(home.root, None, None, admits)

    def _quiet(self, home: Home) -> AbstractContextManager[object]:
        """Keep commits from exchanging folders in the middle of a walk."""
        if find_stat(self._storage, home.lock) is None:
            return nullcontext()
        return self._storage.lock(home.lock, shared=True)

    def _walk(
        self, path: str, grid_id: str | None, seed: int | None, admits: Admits
    ) -> Iterator[UnitKey]:
        try:
            entries = self._storage.list_folder(path)
        except NotFoundError:
            return
        for name, kind in entries:
            if kind == "folder":
                if name[0] in "._":
                    continue
                key, text = _split(name)
                if admits(key, text):
                    below = f"{path}/{name}"
                    yield from self._walk(below, *_known(key, text, grid_id, seed), admits)
            elif kind != "other" and is_data_file(name):
                yield from self._units_of(f"{path}/{name}", name, grid_id, seed)

    def _units_of(
        self, path: str, name: str, grid_id: str | None, seed: int | None
    ) -> Iterator[UnitKey]:
        if grid_id is None or seed is None:
            for part in _TAG.sub("", name.removesuffix(".parquet")).split(","):
                grid_id, seed = _known(*_split(part), grid_id, seed)
        if grid_id is not None and seed is not None:
            yield (grid_id, seed)
            return
        for found_grid, found_seed in self._columns(path):
            either_grid = grid_id or found_grid
            either_seed = found_seed if seed is None else seed
            if either_grid is not None and either_seed is not None:
                yield (either_grid, either_seed)

    def _columns(self, path: str) -> frozenset[tuple[str | None, int | None]]:
        facts = self._storage.stat(path)
        cached = (path, facts.size, facts.mtime_ns)
        if cached not in self._read:
            self._read[cached] = read_unit_columns(path)
        return self._read[cached]


def _split(name: str) -> tuple[str, str | None]:
    """Return key and value of a `key=value` name; the key is empty if it is none."""
    key, equals, value = name.partition("=")
    if equals and "%" not in name and value[:1] != "_":  # nearly always: there is nothing to decode
        return key, value
    segment = decode_segment(name)
    return ("", None) if segment is None else (segment.key, segment.text)


def _known(
    key: str, text: str | None, grid_id: str | None, seed: int | None
) -> tuple[str | None, int | None]:
    if text is None:
        return grid_id, seed
    if key == "grid_id":
        return text, seed
    if key == "seed" and text.removeprefix("-").isdecimal():
        return grid_id, int(text)
    return grid_id, seed


def _admits_all(_key: str, _text: str | None) -> bool:
    return True


def _admits_only(params: Mapping[str, Any]) -> Admits:
    """Return whether a folder can hold rows of these parameters; it errs by admitting."""

    def admits(key: str, text: str | None) -> bool:
        value = params.get(key)
        if isinstance(value, str):
            return text == value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and text is not None:
            return _is_number(text, value)
        return True

    return admits


def _is_number(text: str, value: float) -> bool:
    """1 and 1.0 are the same parameter, and may name its folder either way."""
    try:
        return text == value_text(value) or float(text) == float(value)
    except (ValueError, OverflowError):
        return True
