"""What a conversion remembers, so that the next one only does what is new.

One small file a grid, under `.parquetry/conversions/` in the store. It may be deleted at any time:
then the CSVs are read again, and writing finds that nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from parquetry.errors import NotFoundError, ParquetryError
from parquetry.storage.folders import find_stat, make_folders, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.experiments.conversion.planning import GridPlan, PlannedRun, Target
    from parquetry.storage.protocol import Storage

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One CSV as it was converted.

    Args:
        digest: Of its bytes, and of what was made of them.
        seeds: The seeds of its rows.
        rows: How many rows of it stand in the dataset.
        paths: The files that were written; empty if the rows were there already.
    """

    digest: str
    seeds: tuple[int, ...]
    rows: int
    paths: tuple[str, ...]


def is_there(record: Record, storage: Storage) -> bool:
    """Return whether all files that were written stand where they were written."""
    return all(find_stat(storage, path) is not None for path in record.paths)


def conversions_folder(target: Target) -> str:
    """Return where the store keeps what is remembered of its conversions."""
    return f"{target.base_out}/.parquetry/conversions/{target.granularity}"


def input_digest(content: bytes, run: PlannedRun, grid: GridPlan, target: Target) -> str:
    """Return the hash of all that decides what becomes of a CSV."""
    meaning = [_FORMAT, run.seed, run.own_grid, grid.digest, target.granularity]
    head = json.dumps([*meaning, list(target.partition_by or ())])
    return hashlib.sha256(head.encode() + b"\0" + content).hexdigest()


def read_records(target: Target, grid_id: str, storage: Storage) -> dict[str, Record]:
    """Return what is remembered of a grid, by the absolute paths of its CSVs."""
    try:
        document = json.loads(storage.read_bytes(_path(target, grid_id)))
        if document["format"] != _FORMAT:
            return {}
        return {csv: _record(**fields) for csv, fields in document["csvs"].items()}
    except NotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ParquetryError):
            raise
        return {}  # a memory that cannot be read is none; nothing depends on it


def write_records(
    target: Target, grid_id: str, records: Mapping[str, Record], storage: Storage
) -> None:
    """Remember the CSVs of a grid, in one step."""
    csvs = {csv: asdict(record) for csv, record in sorted(records.items())}
    content = json.dumps({"format": _FORMAT, "csvs": csvs}, indent=1).encode()
    replace_file(storage, _path(target, grid_id), content)


def replace_file(storage: Storage, path: str, content: bytes) -> None:
    """Write a small file in one step, unless it has this content already."""
    if find_stat(storage, path) is not None and storage.read_bytes(path) == content:
        return
    make_folders(storage, posixpath.dirname(path))
    draft = f"{path}.{uuid.uuid4().hex}.draft"
    write_file(storage, draft, content)
    storage.rename(draft, path)


def _path(target: Target, grid_id: str) -> str:
    return f"{conversions_folder(target)}/{grid_id}.json"


def _record(digest: str, seeds: list[Any], rows: int, paths: list[Any]) -> Record:
    return Record(digest, tuple(map(int, seeds)), int(rows), tuple(map(str, paths)))
