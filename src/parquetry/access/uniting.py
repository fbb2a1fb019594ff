"""The columns of a whole dataset, from the columns of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.errors import SchemaMismatchError
from parquetry.model.schema import unite, unite_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from parquetry.files.skimming import FileSchema


def unite_files(known: pa.Schema, files: Sequence[FileSchema], where: str) -> pa.Schema:
    """Return the columns that are known of a dataset, with those of its files.

    Args:
        known: What is kept beside the dataset, or was seen before.
        files: The distinct schemas of the files.
        where: What messages call the dataset.

    Raises:
        SchemaMismatchError: A column has types that no type holds without loss, or a file has no
            columns or the same column twice.
    """
    for file in files:
        _check_names(file)
    try:
        return unite([known, *(file.columns for file in files)], where)
    except SchemaMismatchError:
        _name_two_files(known, files, where)
        raise


def _check_names(file: FileSchema) -> None:
    names = file.columns.names
    if not names:
        raise SchemaMismatchError(
            f"{file.example} has no columns, and rows without columns cannot be read. Nothing was "
            "changed. Move the file out of the dataset.",
            path=file.example,
        )
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SchemaMismatchError(
            f"{file.example} has the column {twice!r} twice, so it is not clear which is meant. Nothing "
            "was changed. Write the file again with two names.",
            path=file.example,
        )


def _name_two_files(known: pa.Schema, files: Sequence[FileSchema], where: str) -> None:
    """Raise the error that says which two files do not fit together."""
    first = {field.name: (field.type, f"what is kept of {where}") for field in known}
    for file in files:
        for field in file.columns:
            kind, owner = first.setdefault(field.name, (field.type, file.example))
            if unite_types(kind, field.type) is None:
                raise SchemaMismatchError(
                    f"The column {field.name!r} is {kind} in {owner} and {field.type} in "
                    f"{file.example}, and no type holds both without loss. Nothing was changed. Cast "
                    "the column in one of them, or give it another name.",
                    path=file.example,
                )
