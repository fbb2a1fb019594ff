"""Which version of a table a file holds: said in its metadata, else in its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.errors import ParameterError, SchemaMismatchError
from parquetry.files.batches import read_batches
from parquetry.files.footers import read_footer
from parquetry.model.table_tag import TABLE_KEY
from parquetry.tables.versions import Version

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

_COLUMN = "schema_version"


def find_file_version(path: str, table: str, footer: FileMetaData | None = None) -> Version | None:
    """Return the newest version of the table whose rows a file holds, or None if it does not say.

    **Cost**: the footer; and the column `schema_version` if neither metadata nor statistics tell.

    Raises:
        SchemaMismatchError: The file holds another table, or rows of several MAJOR versions.
        CorruptionError: The file cannot be read.
    """
    footer = footer or read_footer(path)
    said = (footer.metadata or {}).get(TABLE_KEY)
    texts = [said.decode()] if said else _texts(path, footer)
    versions = [_parse(text, table, path) for text in texts]
    if len({version.major for version in versions}) > 1:
        raise SchemaMismatchError(
            f"{path} holds rows of several MAJOR versions: {', '.join(sorted(texts))}. It was left as "
            "it is. Split it by `schema_version`."
        )
    return max(versions, default=None)


def _parse(text: str, table: str, path: str) -> Version:
    name, at, _ = text.rpartition("@")
    try:
        version = Version.parse(text)
    except ParameterError as error:
        raise SchemaMismatchError(
            f"{path} says that it is of version {text!r}, which is none. It was left as it is."
        ) from error
    if at and name != table:
        raise SchemaMismatchError(
            f"{path} holds rows of {text}, not of the table {table}. It was left as it is."
        )
    return version


def _texts(path: str, footer: FileMetaData) -> list[str]:
    """Return the distinct values of the column, from the statistics if they say all."""
    names = [footer.schema.column(place).path for place in range(footer.num_columns)]
    if _COLUMN not in names or footer.num_rows == 0:
        return []
    place = names.index(_COLUMN)
    found: set[str] = set()
    for group in range(footer.num_row_groups):
        statistics = footer.row_group(group).column(place).statistics
        if statistics is None or not statistics.has_min_max or statistics.min != statistics.max:
            return _read(path)
        found.add(str(statistics.min))
    return sorted(found)


def _read(path: str) -> list[str]:
    texts = {
        text
        for batch in read_batches(path, [_COLUMN])
        for text in batch[_COLUMN].unique().to_pylist()
    }
    return sorted(text for text in texts if text is not None)
