"""The partition keys of a dataset: their types, and whether files or paths tell their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types as pt

from parquetry.model.schema import unite_types

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.commits.kept_schema import KeptSchema
    from parquetry.files.skimming import FileSchema


def find_key_types(
    keys: Sequence[str],
    kept: KeptSchema | None,
    columns: Sequence[pa.Schema],
    in_paths: Mapping[str, pa.DataType],
) -> dict[str, pa.DataType]:
    """Return the types of keys: as in the files, else as kept, else as the folders look.

    Args:
        keys: The keys.
        kept: The kept schema, if there is one.
        columns: The columns of files.
        in_paths: The types that the values in paths look like.
    """
    types = {}
    schemas = [*columns, kept.schema if kept else pa.schema([])]
    for key in keys:
        stored = [s.field(key).type for s in schemas if key in s.names]
        known = [kind for kind in stored if not pt.is_null(kind)]
        kind = known[0] if known else in_paths.get(key)
        for other in known[1:]:
            kind = unite_types(kind, other) or kind
        if kind is not None:
            types[key] = kind
    return types


def trusted_keys(
    kept: KeptSchema | None, keys: Sequence[str], schemas: Sequence[FileSchema]
) -> set[str]:
    """Return the keys that the files hold themselves and that parquetry put there."""
    ours = set(kept.partition_by) if kept else set()
    return {key for key in keys if key in ours and all(key in s.columns.names for s in schemas)}


def unknown_keys(keys: Sequence[str], columns: pa.Schema) -> list[str]:
    """Return the keys whose types no file tells."""
    return [key for key in keys if key not in columns.names or pt.is_null(columns.field(key).type)]
