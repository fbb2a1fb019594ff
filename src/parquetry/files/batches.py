"""Columns of a file, batch by batch, with errors that name the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.errors import CorruptionError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyarrow.parquet import FileMetaData

BATCH_ROWS = 131_072


def read_batches(
    path: str,
    columns: Sequence[str] | None = None,
    row_groups: Sequence[int] | None = None,
    dictionaries: Sequence[str] = (),
    footer: FileMetaData | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, in their order.

    **Cost:** memory for a batch, and for the encoded columns of a row group.

    Args:
        path: The file.
        columns: The columns to read, and their order; without them all.
        row_groups: The numbers of the row groups to read; without them all.
        dictionaries: Columns of text that stay dictionaries, which spares making most of the texts.
        footer: The file's footer, where it was read before.

    Raises:
        CorruptionError: The file cannot be read.
        NotFoundError: It does not exist any more.
    """
    try:
        with pa.OSFile(path) as file:
            reader = pq.ParquetFile(file, metadata=footer, read_dictionary=list(dictionaries))
            for batch in reader.iter_batches(BATCH_ROWS, row_groups=row_groups, columns=columns):
                yield batch if columns is None else batch.select(columns)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist any more.", path=path) from error
    except (pa.ArrowException, OSError) as error:
        raise CorruptionError(
            f"{path} cannot be read: {str(error).splitlines()[0]}. It was left as it is.", path=path
        ) from error
