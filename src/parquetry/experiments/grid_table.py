"""The parameters of all grids as one table, so that SQL can select and group by them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from parquetry.errors import NotFoundError
from parquetry.experiments.grids import GRIDS, grid_file, read_grid
from parquetry.model.hive import decode_segment
from parquetry.storage.folders import find_stat
from parquetry.storage.time_stamps import is_told_by_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from parquetry.storage.protocol import Storage

_parsed: dict[str, dict[str, Any]] = {}  # params.json never changes, so it is parsed once
_tables: dict[str, tuple[int, pa.Table]] = {}  # of a store, while its folder of grids is as it was


def read_grids(store: str, storage: Storage, only: Iterable[str] | None = None) -> pa.Table:
    """Return one row a grid: `grid_id`, its parameters, `code_version` and `created`.

    Nested parameters become columns with dotted names, lists become JSON text. A parameter that is
    whole in one grid and a fraction in another is a float; one that mixes other types is JSON text.

    Args:
        store: The store's folder.
        storage: The disk.
        only: The ids to read; all if not given.
    """
    if only is not None:
        return _table([_row(store, storage, grid_id) for grid_id in only])
    changed = find_stat(storage, f"{store}/{GRIDS}")
    known = _tables.get(store)
    if known is not None and changed is not None and known[0] == changed.mtime_ns:
        return known[1]
    rows = [_row(store, storage, grid_id) for grid_id in _list_ids(store, storage)]
    table = _table(rows)
    if changed is not None and is_told_by_time(changed.mtime_ns) and None not in rows:
        _tables[store] = (changed.mtime_ns, table)
    return table


def _table(found: Iterable[dict[str, Any] | None]) -> pa.Table:
    rows = [row for row in found if row is not None]
    names: dict[str, None] = dict.fromkeys(("grid_id",))
    for row in rows:
        names.update(dict.fromkeys(row))
    names |= dict.fromkeys(("code_version", "created"))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _list_ids(store: str, storage: Storage) -> list[str]:
    try:
        found = storage.list_folder(f"{store}/{GRIDS}")
    except NotFoundError:
        return []
    segments = (decode_segment(name) for name, kind in found if kind == "folder")
    return sorted(s.text for s in segments if s is not None and s.key == "grid_id" and s.text)


def _row(store: str, storage: Storage, grid_id: str) -> dict[str, Any] | None:
    path = grid_file(store, grid_id)
    if path not in _parsed:
        try:
            document = read_grid(storage, path)
        except NotFoundError:
            return None
        _parsed[path] = {
            "grid_id": grid_id,
            **dict(flatten(document["params"])),
            "code_version": document.get("code_version"),
            "created": document.get("created"),
        }
    return _parsed[path]


def flatten(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the parameters with dotted names for nested ones, and JSON text for lists and tags."""
    for key, value in params.items():
        if isinstance(value, dict) and not any(name.startswith("$") for name in value):
            yield from flatten(value, f"{prefix}{key}.")
        elif isinstance(value, (dict, list)):
            yield prefix + key, json.dumps(value, ensure_ascii=False)
        else:
            yield prefix + key, value


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pa.array(values, pa.string())
    if kinds == {int, float}:
        return pa.array([None if v is None else float(v) for v in values])
    if len(kinds) > 1:
        return pa.array([None if v is None else json.dumps(v) for v in values])
    try:
        return pa.array(values)
    except OverflowError:
        return pa.array([None if v is None else json.dumps(v) for v in values])
