"""Programs whose files carry known defects, by what they wrote into `created_by`.

A file has one `created_by`, so bytes of such a file lose the only mark by which readers know to
treat them with care. Either they are not copied, or what is wrong with them is left behind.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from parquetry.files.splicing.fields import ColumnMetaData
from parquetry.files.splicing.structs import zigzag

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.files.splicing.footer import Chunk, Footer

_CREATED_BY = re.compile(r"(?P<name>.*?)\s+version\s+(?P<version>\d+(?:\.\d+)*)")
_LONGEST = 200  # nobody needs more to say who he is
_DELTA_BYTE_ARRAY = 7
_UNCOMPRESSED = 0


class Writer(NamedTuple):
    """A program and its version; an unknown version is before all others."""

    name: str
    version: tuple[int, ...]

    @classmethod
    def of(cls, created_by: str) -> Writer:
        """Return the writer that `created_by` names."""
        return _writer_of(created_by[:_LONGEST])

    def is_before(self, name: str, *version: int) -> bool:
        """Whether this is that program before that version."""
        return self.name == name and self.version < version


@lru_cache(maxsize=64)  # the files of a dataset have few writers
def _writer_of(created_by: str) -> Writer:
    found = _CREATED_BY.match(created_by)
    if found is None:
        return Writer(created_by.strip(), ())
    return Writer(found["name"], tuple(map(int, found["version"].split("."))))


def find_distrust(footer: Footer) -> str | None:
    """Return why readers do not believe the bounds in a file, or nothing if they do."""
    writer = Writer.of(footer.created_by)
    if not writer.name:
        return "it does not say what wrote it, as files of the writers of PARQUET-251 do not"
    if writer.is_before("parquet-mr", 1, 10):
        return "its writer, parquet-mr before 1.10, compared text by signed bytes (PARQUET-251)"
    if writer.is_before("parquet-cpp", 1, 3):
        return "its writer, parquet-cpp before 1.3, compared text by signed bytes (PARQUET-1025)"
    return None


def is_doubtful(footer: Footer) -> bool:
    """Return whether it depends on the pages of a file if it can be read under another `created_by`."""
    writer = Writer.of(footer.created_by)
    return writer.is_before("parquet-mr", 1, 8) or writer.is_before("parquet-cpp", 2)


def find_defect(footer: Footer) -> str | None:
    """Return why the pages of a file can only be read under its own `created_by`, or nothing."""
    writer = Writer.of(footer.created_by)
    if writer.is_before("parquet-mr", 1, 2, 9):
        return "its writer left dictionary headers out of the sizes of chunks (PARQUET-816)"
    if writer.is_before("parquet-mr", 1, 8) and _any(footer, _has_delta_strings):
        return "its writer let delta-encoded strings run on across pages (PARQUET-246)"
    if writer.is_before("parquet-cpp", 2) and _any(footer, _is_compressed):
        return "its writer may have marked compressed pages as plain ones (ARROW-10353)"
    return None


def _any(footer: Footer, test: Callable[[Chunk], bool]) -> bool:
    return any(test(chunk) for group in footer.row_groups for chunk in group.chunks)


def _has_delta_strings(chunk: Chunk) -> bool:
    # Encodings are numbers of one byte each; a false alarm costs a re-encoding and no data.
    return zigzag(_DELTA_BYTE_ARRAY) in (chunk.metadata.raw(ColumnMetaData.ENCODINGS) or b"")[1:]


def _is_compressed(chunk: Chunk) -> bool:
    return chunk.metadata.integer(ColumnMetaData.CODEC) != _UNCOMPRESSED
