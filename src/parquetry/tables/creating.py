"""Making a dataset one of a table: its schema kept, its folders' keys fixed, before the first row."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from parquetry.commits.kept_schema import check_keys, find_kept_schema, keep_schema
from parquetry.commits.table_link import TableLink, find_table_link, keep_table_link
from parquetry.errors import (
    AlreadyExistsError,
    LayoutError,
    NotFoundError,
    ParameterError,
    SchemaMismatchError,
)
from parquetry.files.footers import read_footer
from parquetry.model.table_tag import TableTag
from parquetry.storage.folders import make_folders
from parquetry.storage.listing import Tree
from parquetry.tables.diff import diff
from parquetry.tables.exports_arrow import plain_arrow_schema
from parquetry.tables.kept_tables import check_schema, find_table, keep_table_schema
from parquetry.tables.schema import TableSchema
from parquetry.tables.versions import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage


def create_table(
    home: Home, storage: Storage, schema: TableSchema, partition_by: Sequence[str] | None = None
) -> None:
    """Make a dataset of a table, empty, unless it is there.

    **Guarantees:** of two processes that create the same dataset with different schemas, one is
    refused. A crash leaves a dataset of the table or none; creating it again completes it.

    Args:
        home: The dataset.
        storage: The disk.
        schema: The table.
        partition_by: The keys of its folders; what the schema recommends if left out.

    Raises:
        ParameterError: The schema is none.
        LayoutError: A key must not name folders, or the dataset is there and has other keys.
        UnknownColumnError: A key is no column of the table.
        AlreadyExistsError: The dataset is there and is of another table, or of none; or the store
            knows another table under this name and version.
    """
    _refuse_no_schema(schema)
    keys = check_partitions(schema, partition_by)
    if not _is_there(home, storage, schema, partition_by):
        home.prepare(storage)
        made = make_folders(storage, home.schemas)
        storage.sync_all([posixpath.dirname(folder) for folder in made])
        with storage.lock(f"{home.schemas}/lock"):
            if not _is_there(home, storage, schema, partition_by):
                _create(home, storage, schema, keys)
    made = make_folders(storage, home.root)
    storage.sync_all([posixpath.dirname(folder) for folder in made])


def _refuse_no_schema(schema: object) -> None:
    if not isinstance(schema, TableSchema):
        raise ParameterError(
            f"A dataset of a table is created with a TableSchema, not with {type(schema).__name__}. "
            "Nothing was changed. Declare one: TableSchema(name, (column(name, type), …)); a dataset "
            "without a table needs no creating, just append to it."
        )


def evolve_table(home: Home, storage: Storage, schema: TableSchema) -> None:
    """Let a dataset of a table take rows of a newer MINOR version; no file is touched.

    **Guarantees:** the dataset is of the old version or of the new one, whatever crashes. Files of both
    are read together: what the old ones lack is NULL.

    Raises:
        NotFoundError: The dataset is of no table.
        SchemaMismatchError: The change is MAJOR, or larger than the step of the version.
        AlreadyExistsError: The store knows another table under this name and version.
    """
    if find_table_link(home, storage) is None:
        raise NotFoundError(
            f"{home.root} is of no table, so there is no version to go on from. Nothing was changed. "
            "Create it with this schema instead.",
            path=home.root,
        )
    with storage.lock(f"{home.schemas}/lock"):
        found = find_table(home, storage)
        if found is None or found.identifier == schema.identifier:
            check_schema(home, storage, schema)
            return
        change = diff(found, schema)
        is_later = Version.parse(schema.version) > Version.parse(found.version)
        if change.level == "major" or not change.is_declared or not is_later:
            raise SchemaMismatchError(
                f"{home.root} cannot go on from {found.identifier} to {schema.identifier}: only a later "
                "MINOR version reads the rows that are there. Nothing was changed. Create a dataset of "
                f"the new version beside it.\n{change.describe()}"
            )
        kept = find_kept_schema(home, storage)
        _create(home, storage, schema, kept.partition_by if kept is not None else ())


def _create(home: Home, storage: Storage, schema: TableSchema, keys: tuple[str, ...]) -> None:
    keep_table_schema(home, storage, schema)
    keep_schema(home, storage, plain_arrow_schema(schema), keys)
    version = Version.parse(schema.version)
    tag = TableTag(schema.name, version.major, version.minor)
    keep_table_link(home, storage, TableLink(tag, schema.kind))


def check_partitions(
    schema: TableSchema, partition_by: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return the keys that a dataset of a table is to be partitioned by.

    Raises:
        LayoutError: A key has too many values, or values that text does not keep exactly.
        UnknownColumnError: A key is no column of the table.
    """
    keys = schema.partition_by if partition_by is None else tuple(partition_by)
    for key in keys:
        if not schema.column(key).may_partition:
            raise LayoutError(
                f"{schema.identifier} cannot be partitioned by {key!r}: it has too many values, or "
                "values that the name of a folder does not keep exactly. Nothing was changed. Partition "
                f"by {_listed(schema.partition_by)}, as the schema recommends, or by another column "
                f"than {_listed(schema.forbidden_partitions)}."
            )
    if len(set(keys)) < len(keys):
        raise LayoutError(
            f"{schema.identifier} cannot be partitioned by ({', '.join(keys)}): a key occurs twice. "
            "Nothing was changed."
        )
    return keys


def check_layout(home: Home, storage: Storage, keys: Sequence[str]) -> None:
    """Raise `LayoutError` if a dataset is of a table that must not be partitioned by some keys."""
    table = find_table(home, storage)
    if table is not None:
        check_partitions(table, [key for key in keys if key in table.column_names])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _is_there(
    home: Home, storage: Storage, schema: TableSchema, partition_by: Sequence[str] | None
) -> bool:
    """Return whether the dataset is of this table already; raise if it is something else."""
    if find_table_link(home, storage) is None:
        _refuse_untyped(home, storage, schema)
        check_schema(home, storage, schema)
        return False
    found = find_table(home, storage)
    if found is not None and found.identifier == schema.identifier:
        check_schema(home, storage, schema)
        kept = find_kept_schema(home, storage)
        if partition_by is not None and kept is not None:
            check_keys(home, kept.partition_by, tuple(partition_by))
        return True
    is_version = found is not None and found.name == schema.name
    told = f"\n{diff(found, schema).describe()}" if found is not None and is_version else ""
    raise AlreadyExistsError(
        f"{home.root} is a dataset of {found and found.identifier}, and was to be made one of "
        f"{schema.identifier}. Nothing was changed. Give the new dataset another name; to a later MINOR "
        f"version it goes on by Dataset.evolve.{told}",
        path=home.root,
    )


def _refuse_untyped(home: Home, storage: Storage, schema: TableSchema) -> None:
    """Refuse a dataset that has columns or rows already, which nobody has held to the table.

    Where all files say that they are of the table it has only lost its link, and gets it back.
    """
    kept = find_kept_schema(home, storage)
    has_other_columns = kept is not None and not kept.schema.equals(plain_arrow_schema(schema))
    if has_other_columns or not all(_says(path, schema) for path in _files(home, storage)):
        raise AlreadyExistsError(
            f"{home.root} is a dataset without a table already, and was to be made one of "
            f"{schema.identifier}: nobody has held its rows to that. Nothing was changed. Create the "
            "table under another name and append the rows there.",
            path=home.root,
        )


def _files(home: Home, storage: Storage) -> list[str]:
    return Tree(home.root, storage).files() if os.path.isdir(home.root) else []


def _says(path: str, schema: TableSchema) -> bool:
    """Return whether a file says that its rows were held to a table, in this MAJOR version."""
    tag = TableTag.of_metadata(read_footer(path).metadata)
    own = Version.parse(schema.version)
    return tag is not None and (tag.table, tag.major) == (schema.name, own.major)
