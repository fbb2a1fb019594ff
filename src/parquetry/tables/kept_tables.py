"""The table schemas of a store: one JSON document for each table and version."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from parquetry.commits.documents import keep_document
from parquetry.commits.table_link import find_table_link
from parquetry.errors import AlreadyExistsError, CorruptionError
from parquetry.storage.folders import find_stat
from parquetry.tables.diff import diff
from parquetry.tables.schema import TableSchema

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_ENDING = ".json"


def find_table(home: Home, storage: Storage) -> TableSchema | None:
    """Return the schema of the table that a dataset is of, or None if it is of none.

    Raises:
        CorruptionError: The dataset is of a table that the store does not know.
    """
    link = find_table_link(home, storage)
    if link is None:
        return None
    schema = find_schema(home.schemas, storage, str(link.tag))
    if schema is None:
        raise CorruptionError(
            f"{home.root} is of the table {link.tag}, and {home.schemas} has no schema of it. The data "
            f"is whole. Bring the schema back, or remove {home.table} and create the table again.",
            path=home.table,
        )
    return schema


def find_schema(folder: str, storage: Storage, identifier: str) -> TableSchema | None:
    """Return the schema of `name@MAJOR.MINOR` from a store's folder of schemas, or None."""
    path = f"{folder}/{identifier}{_ENDING}"
    if find_stat(storage, path) is None:
        return None
    return _parse(storage.read_bytes(path))


@lru_cache(maxsize=256)
def _parse(content: bytes) -> TableSchema:
    return TableSchema.from_json(content)


def list_schemas(folder: str, storage: Storage) -> list[TableSchema]:
    """Return the schemas of a store's folder of schemas, by name and version."""
    if find_stat(storage, folder) is None:
        return []
    names = [name for name, _ in storage.list_folder(folder) if name.endswith(_ENDING)]
    found = [find_schema(folder, storage, name.removesuffix(_ENDING)) for name in names]
    return sorted((schema for schema in found if schema), key=_order)


def _order(schema: TableSchema) -> tuple[str, int, int]:
    major, _, minor = schema.version.partition(".")
    return schema.name, int(major), int(minor)


def check_schema(home: Home, storage: Storage, schema: TableSchema) -> bool:
    """Return whether the store has a schema already.

    Raises:
        AlreadyExistsError: It has another one under the same name and version.
    """
    kept = find_schema(home.schemas, storage, schema.identifier)
    if kept is None:
        return False
    found = diff(kept, schema)
    if found.level != "none":
        raise AlreadyExistsError(
            f"The store knows {schema.identifier} as another table, and a version never changes once it "
            f"is used. Nothing was changed. Give the new schema the version {found.required_version}.\n"
            f"{found.describe()}",
            path=home.schemas,
        )
    return True


def keep_table_schema(home: Home, storage: Storage, schema: TableSchema) -> None:
    """Keep a schema in the store of a dataset, durably, unless it is there."""
    if not check_schema(home, storage, schema):
        path = f"{home.schemas}/{schema.identifier}{_ENDING}"
        keep_document(home, storage, path, schema.to_json().encode())
