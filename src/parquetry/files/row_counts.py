"""How many rows files hold, by their footers; those of many alike are read together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.files.footer_table import WORTH_A_WALK, read_together
from parquetry.files.footers import KnownFooters, count_rows, footer_batches, parse_footer

if TYPE_CHECKING:
    from collections.abc import Sequence


def count_rows_of(paths: Sequence[str]) -> list[int]:
    """Return the number of rows that each file's footer tells.

    **Cost:** one read a file, and little more where many footers have one shape; memory for some
    megabytes of footers.

    Raises:
        CorruptionError: A file is no Parquet file, is cut off or is encrypted.
        NotFoundError: A file does not exist.
        StorageError: A file cannot be read.
    """
    if len(paths) < WORTH_A_WALK:
        return [count_rows(path) for path in paths]
    counts: list[int] = []
    for footers in footer_batches(paths, KnownFooters()):
        these = paths[len(counts) : len(counts) + len(footers)]
        tables, alone = read_together(footers)
        found = {n: int(parse_footer(footers[n], these[n]).num_rows) for n in alone}
        for table in tables:
            found |= zip(table.members.tolist(), table.rows.sum(axis=1).tolist(), strict=True)
        counts += [found[number] for number in range(len(footers))]
    return counts
