"""Writing a series as an uncompressed Arrow file, once for each content."""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from parquetry.commits.home import Home
from parquetry.errors import AlreadyExistsError, NotFoundError
from parquetry.files.encoder import told
from parquetry.model.plain_numbers import array_of
from parquetry.storage.folders import find_stat, make_folders
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from parquetry.series.source import SeriesSource

# what writing may hold; a block that straddles two batches is copied twice
_BATCH_BYTES = 64 * 1024 * 1024
_DIGEST_BYTES = 16
_LAYOUT = b"arrow-columns-1"
_digests: dict[tuple[object, ...], str] = {}


def write_mapped(source: SeriesSource, folder: str | None = None) -> str:
    """Return the path of a series' Arrow file, which is written if no such content was written before.

    Args:
        source: The series.
        folder: Where such files stand; the state folder beside the series' folder if none is given.

    **Guarantees:** the file appears whole or not at all; many processes may ask at once.
    **Cost:** the first time, everything is read, hashed and written; later it is hashed.
    """
    storage = LocalStorage()
    folder = folder or f"{Home.of(os.path.dirname(source.path)).state}/mapped"
    target = f"{folder}/{_digest(source)}.arrow"
    if find_stat(storage, target) is not None:
        return target
    make_folders(storage, os.path.abspath(folder))
    staged = f"{target}.{uuid.uuid4().hex[:12]}.part"
    try:
        with told(), storage.create(staged) as file:
            _write_arrow(source, file)
        storage.sync(staged)
        with suppress(AlreadyExistsError):  # somebody else has written the same content
            storage.link(staged, target)
        storage.sync(folder)
    finally:
        with suppress(NotFoundError):  # it was never made
            storage.unlink(staged)
    return target


def _digest(source: SeriesSource) -> str:
    key = tuple(file.stamp for file in source.files)
    if key not in _digests:
        state = hashlib.blake2b(_LAYOUT, digest_size=_DIGEST_BYTES)
        for file in source.files:
            with open(file.path, "rb") as content:
                while piece := content.read(1 << 20):
                    state.update(piece)
        _digests[key] = state.hexdigest()
    return _digests[key]


def _write_arrow(source: SeriesSource, sink: BinaryIO) -> None:
    schema = pa.schema(
        [pa.field(str(n), pa.float64(), nullable=False) for n in range(source.columns)]
    )
    rows = max(1, _BATCH_BYTES // (8 * max(1, source.columns)))
    everything = np.arange(source.columns)
    with pa.ipc.new_file(sink, schema) as writer:
        for first in range(0, source.rows, rows):
            steps = range(first, min(first + rows, source.rows))
            matrix = source.load(steps, everything).T
            writer.write_batch(
                pa.RecordBatch.from_arrays([array_of(row) for row in matrix], schema=schema)
            )
