"""Footers: what a Parquet file says of itself, read without its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.errors import CorruptionError, NotFoundError, StorageError

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData


def read_footer(path: str) -> FileMetaData:
    """Return a file's footer as PyArrow's `FileMetaData`.

    Raises:
        CorruptionError: The file is no Parquet file, is cut off or is encrypted.
        NotFoundError: It does not exist.
        StorageError: It cannot be read.
    """
    try:
        with pa.OSFile(path) as file:
            return pq.read_metadata(file)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist any more.", path=path) from error
    except (pa.ArrowException, ValueError) as error:
        raise CorruptionError(
            f"{path} is not a Parquet file that can be read: {_first_line(error)}. It was left as it "
            "is. Move it out of the dataset, or restore it from a backup.",
            path=path,
        ) from error
    except PermissionError as error:
        raise StorageError(
            f"Could not read {path}: Permission denied. Check the owner and the permissions of the "
            "file.",
            path=path,
            errno=error.errno,
        ) from error
    except OSError as error:
        raise StorageError(f"Could not read {path}: {_first_line(error)}.", path=path) from error


def count_rows(path: str) -> int:
    """Return the number of rows that a file's footer tells."""
    return int(read_footer(path).num_rows)


def read_schema(path: str) -> pa.Schema:
    """Return the Arrow schema of a file, as its writer declared it."""
    footer = read_footer(path)
    try:
        return footer.schema.to_arrow_schema()
    except pa.ArrowException as error:
        raise CorruptionError(
            f"{path} has a schema that cannot be understood: {_first_line(error)}. It was left as it "
            "is. Move it out of the dataset.",
            path=path,
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
