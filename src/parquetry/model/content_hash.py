"""A hash of rows that does not depend on their order: equal content has equal hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.model.frames import Rows, one_table
from parquetry.model.row_hashing import hash_rows, total

if TYPE_CHECKING:
    import pyarrow as pa

_FULL = 2**64
_AT_ONCE = 131_072  # rows whose hashes fit a core's cache


@dataclass(frozen=True)
class ContentHash:
    """The number of rows, and the sum of their hashes; hashes of parts add up to that of the whole.

    Equal content has equal hashes. Different content has different ones, but for an accident of the
    order of 2^-64; see `row_hashing` for what counts as equal. A row that occurs twice counts twice.
    """

    rows: int = 0
    low: int = 0
    high: int = 0

    def __add__(self, other: ContentHash) -> ContentHash:
        return ContentHash(
            self.rows + other.rows, (self.low + other.low) % _FULL, (self.high + other.high) % _FULL
        )

    def __str__(self) -> str:
        """Return it as text: the version of the rules, the rows, 128 bits."""
        return f"rows1:{self.rows}:{self.high:016x}{self.low:016x}"


def hash_frame(rows: Rows) -> ContentHash:
    """Return the hash of a frame."""
    return hash_table(one_table(rows))


def hash_table(table: pa.Table) -> ContentHash:
    """Return the hash of an Arrow table, whatever its types.

    Raises:
        SchemaMismatchError: A column's type has no hash.
    """
    whole = ContentHash()
    for start in range(0, table.num_rows, _AT_ONCE):
        part = table.slice(start, _AT_ONCE)
        low, high = total(hash_rows(part))
        whole += ContentHash(part.num_rows, low, high)
    return whole
