"""Whole files made of others: the commonest uses of a splicer, each one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.errors import ParameterError
from parquetry.files.splicing.source import Source
from parquetry.files.splicing.splicer import Spliced, Splicer

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence

    from parquetry.files.splicing.copying import Sink
    from parquetry.files.splicing.terms import FloatBounds


def concatenate(
    sources: Sequence[str | os.PathLike[str]], sink: Sink, *, float_bounds: FloatBounds = "proven"
) -> Spliced:
    """Write one file that holds the row groups of several, in their order.

    The first file gives schema, column order and metadata.

    **Guarantees**: a call that raises leaves an unfinished sink and no other trace.

    **Cost**: reads and writes every byte once, decodes none; one source is open at a time.

    Args:
        sources: The files, at least one.
        sink: The new file; see `Splicer`.
        float_bounds: Which bounds of float columns stay; see `Splicer`.

    Raises:
        ParameterError: If there is no source.
        SchemaMismatchError: If the files do not mean the same by the same column names.
        RequestError: If bytes of one may not be copied.
        CorruptionError: If one is damaged.
        NotFoundError: If one does not exist.
        StorageError: If the disk refuses.
    """
    if not sources:
        raise ParameterError("There are no files to concatenate. Nothing was written.")
    with Source.open(sources[0]) as first:
        splicer = Splicer(sink, first.footer, float_bounds=float_bounds)
        splicer.copy_row_groups(first)
    for path in sources[1:]:
        with Source.open(path) as source:
            splicer.copy_row_groups(source)
    return splicer.finish()


def drop_row_groups(
    source: str | os.PathLike[str],
    keep: Collection[int],
    sink: Sink,
    *,
    float_bounds: FloatBounds = "proven",
) -> Spliced:
    """Write a file that holds some of the row groups of another, in their order there.

    **Guarantees** and **Cost** as of `concatenate`.

    Args:
        source: The file.
        keep: The numbers of the row groups that stay; none gives an empty file with its schema.
        sink: The new file; see `Splicer`.
        float_bounds: Which bounds of float columns stay; see `Splicer`.

    Raises:
        NotFoundError: If there is no such file, or no row group of a number.
        RequestError: If its bytes may not be copied.
        CorruptionError: If it is damaged.
        StorageError: If the disk refuses.
    """
    with Source.open(source) as opened:
        splicer = Splicer(sink, opened.footer, float_bounds=float_bounds)
        splicer.copy_row_groups(opened, sorted(set(keep)))
        return splicer.finish()
