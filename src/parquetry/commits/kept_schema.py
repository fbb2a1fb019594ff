"""The union of all columns that were ever written to a dataset, kept beside it.

Runs write different columns; views and scans need to know all of them without opening every file. The
kept schema also fixes the type of a column: later rows are cast to it if that loses nothing.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types as pt

from parquetry.commits.staging import new_draft
from parquetry.errors import (
    CorruptionError,
    FormatVersionError,
    LayoutError,
    NotFoundError,
    SchemaMismatchError,
)
from parquetry.model.casting import cast_lossless
from parquetry.model.schema import unite, unite_types
from parquetry.storage.folders import find_stat, write_file
from parquetry.storage.listing import Tree

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_FORMAT = 1


@dataclass(frozen=True)
class KeptSchema:
    """All columns of a dataset with their types, and the keys that its folders are named by."""

    schema: pa.Schema
    partition_by: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return the document: readable columns, and the exact Arrow schema beside them."""
        document = {
            "format": _FORMAT,
            "partition_by": list(self.partition_by),
            "columns": [{"name": field.name, "type": str(field.type)} for field in self.schema],
            "arrow": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
        }
        return json.dumps(document, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes, path: str) -> KeptSchema:
        """Return the kept schema of a file."""
        try:
            document = json.loads(content)
            if document["format"] > _FORMAT:
                raise FormatVersionError(
                    f"{path} was written by a newer parquetry. Nothing was changed. Update parquetry.",
                    path=path,
                )
            buffer = pa.py_buffer(base64.b64decode(document["arrow"]))
            return cls(pa.ipc.read_schema(buffer), tuple(document["partition_by"]))
        except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise CorruptionError(
                f"The kept schema {path} cannot be read. The data is whole; remove this file and it is "
                "made again from the data files.",
                path=path,
            ) from error


def find_kept_schema(home: Home, storage: Storage) -> KeptSchema | None:
    """Return what is kept of a dataset's columns, or None; cached by the file's time and number."""
    facts = find_stat(storage, home.schema)
    if facts is None:
        return None
    key = (facts.mtime_ns, facts.inode)
    known = _known.get(home.schema)
    if known is None or known[0] != key:
        known = (key, KeptSchema.from_json(storage.read_bytes(home.schema), home.schema))
        _known[home.schema] = known
    return known[1]


_known: dict[str, tuple[tuple[int, int], KeptSchema]] = {}


def fit(table: pa.Table, kept: KeptSchema, where: str) -> tuple[pa.Table, pa.Schema]:
    """Return the table in the kept types, and the kept schema with the table's new columns.

    Columns without a type (all NULL) are left out unless the kept schema knows them.

    Raises:
        SchemaMismatchError: A column can be neither cast nor widened without loss.
    """
    if table.schema.equals(kept.schema):
        return table, kept.schema
    known = {field.name: field.type for field in kept.schema}
    fields, fresh = [], []
    for field in table.schema:
        if pt.is_null(field.type) and field.name not in known:
            continue
        target = known.get(field.name)
        if target is None or not _fits(table, field, target, where):
            target = field.type if target is None else _wider(field, target, where)
            fresh.append(pa.field(field.name, target))
        fields.append(pa.field(field.name, target))
    schema = unite([kept.schema, pa.schema(fresh)], where) if fresh else kept.schema
    fields.sort(key=lambda field: schema.get_field_index(field.name))  # one order in all files
    return cast_lossless(table, pa.schema(fields), where), schema


def _fits(table: pa.Table, field: pa.Field, target: pa.DataType, where: str) -> bool:
    if field.type == target:
        return True
    try:
        cast_lossless(table.select([field.name]), pa.schema([(field.name, target)]), where)
    except SchemaMismatchError:
        if unite_types(field.type, target) in {None, target}:
            raise
        return False
    return True


def _wider(field: pa.Field, target: pa.DataType, where: str) -> pa.DataType:
    wider = unite_types(field.type, target)
    if wider is None:
        raise SchemaMismatchError(
            f"The column {field.name!r} is {field.type} here and {target} in {where}. "
            "Nothing was written."
        )
    return wider


def keep_schema(home: Home, storage: Storage, schema: pa.Schema, keys: tuple[str, ...]) -> None:
    """Add columns to what is kept, if any are new; safe against others doing the same.

    Raises:
        LayoutError: The dataset is partitioned by other keys.
        SchemaMismatchError: Another writer has just given a column a type that does not unite.
    """
    kept = find_kept_schema(home, storage)
    if kept is not None and kept.partition_by == keys and kept.schema.equals(schema):
        return
    with storage.lock(f"{home.schema}.lock"):
        kept = find_kept_schema(home, storage) or KeptSchema(pa.schema([]), keys)
        if kept.partition_by != keys and _keys_of_folders(home, storage) != keys:
            check_keys(home, kept.partition_by, keys)
        _write(home, storage, KeptSchema(unite([kept.schema, schema], home.root), keys))


def replace_kept_schema(home: Home, storage: Storage, kept: KeptSchema) -> None:
    """Keep exactly this of a dataset, whatever was kept before."""
    with storage.lock(f"{home.schema}.lock"):
        _write(home, storage, kept)


def _write(home: Home, storage: Storage, kept: KeptSchema) -> None:
    draft = new_draft(home)
    write_file(storage, draft, kept.to_json())
    storage.sync(draft)
    storage.rename(draft, home.schema)
    storage.sync(home.state)


def _keys_of_folders(home: Home, storage: Storage) -> tuple[str, ...] | None:
    """Return the keys of the folders: once a dataset was repartitioned, or that undone, they tell."""
    with suppress(NotFoundError):
        folder = Tree(home.root, storage).first()
        return None if folder is None else folder.keys
    return None


def check_keys(home: Home, found: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """Raise `LayoutError` unless the keys of a dataset are the ones that are asked for."""
    if found != wanted:
        raise LayoutError(
            f"{home.root} is partitioned by {list(found)}, and was to be written by {list(wanted)}. "
            "Nothing was written. Write with the same keys, or repartition the dataset first."
        )
