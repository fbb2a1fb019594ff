"""The bytes of many small files in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.files.splicing.structs import WIDEST_VARINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.lockstep import Numbers


class Loaded(NamedTuple):
    """The bytes of files, one file behind the other.

    Args:
        files: The files, which hold no bytes of their own.
        whole: The bytes, and some to spare behind them.
        starts: Where each file begins there.
    """

    files: Sequence[FileBytes]
    whole: bytes
    starts: Numbers


def load(paths: Sequence[str], most: int) -> Loaded | None:
    """Return the bytes of files, None if these are more than so many.

    Raises:
        NotFoundError: There is no such file.
        StorageError: A file cannot be read.
    """
    contents: list[bytes] = []
    held = 0
    for path in paths:
        with FileBytes.open(path) as file:
            contents.append(file.read_disk(0, file.size))
        held += len(contents[-1])
        if held > most:
            return None
    sizes = np.array([len(content) for content in contents], np.int64)
    whole = b"".join((*contents, bytes(WIDEST_VARINT)))
    starts = np.cumsum(sizes) - sizes
    spans = zip(paths, starts.tolist(), (starts + sizes).tolist(), strict=True)
    view = memoryview(whole)
    return Loaded([FileBytes(path, data=view[a:b]) for path, a, b in spans], whole, starts)
