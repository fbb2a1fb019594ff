"""What happens to the rows of a file, row group by row group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from parquetry.model.plain_numbers import array_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.operations.bounds import Flags
    from parquetry.operations.scope import ScopedFile

_ORDER: Literal["little"] = "little"


@dataclass(frozen=True, slots=True)
class Hits:
    """Some rows of a row group, in an eighth of a byte each; all of them in none.

    Args:
        rows: How many rows the row group has.
        count: How many of them are hit.
        packed: One bit a row, as Arrow has them; None if all are hit.
    """

    rows: int
    count: int
    packed: bytes | None

    @classmethod
    def of(cls, flags: Flags) -> Hits:
        """Return the rows whose flag is set."""
        count = int(np.count_nonzero(flags))
        packed = None if count == len(flags) else np.packbits(flags, bitorder=_ORDER).tobytes()
        return cls(len(flags), count, packed)

    @property
    def is_all(self) -> bool:
        """Whether no row is spared."""
        return self.packed is None

    def flags(self) -> Flags:
        """Return one flag a row."""
        if self.packed is None:
            return np.ones(self.rows, bool)
        packed = np.frombuffer(self.packed, np.uint8)
        return np.unpackbits(packed, count=self.rows, bitorder=_ORDER).astype(bool)

    def mask(self) -> pa.Array:
        """Return one flag a row for Arrow."""
        if self.packed is None:
            return array_of(self.flags())
        return pa.Array.from_buffers(pa.bool_(), self.rows, [None, pa.py_buffer(self.packed)])


@dataclass(frozen=True, slots=True)
class GroupEdit:
    """What happens to a row group.

    Args:
        leaving: The rows that leave the file.
        setting: The rows that get new values, whether or not they leave.
        moving: Those of the leaving rows that come back in other folders.
        folders: The relative folders where they do.
    """

    leaving: Hits | None = None
    setting: Hits | None = None
    moving: Hits | None = None
    folders: frozenset[str] = frozenset()

    @property
    def drops_all(self) -> bool:
        """Whether no row stays."""
        return self.leaving is not None and self.leaving.is_all


@dataclass(frozen=True)
class FileEdit:
    """What happens to a file.

    Args:
        file: The file.
        group_rows: How many rows each row group has.
        groups: What happens, by the number of the row group; nothing to those that are not there.
        setting: The columns that get new values, with the dataset's types.
        arriving: Rows that come to the file, in the dataset's types.
    """

    file: ScopedFile
    group_rows: tuple[int, ...]
    groups: Mapping[int, GroupEdit]
    setting: Mapping[str, pa.DataType] = field(default_factory=dict)
    arriving: pa.Table | None = None

    @property
    def rows_after(self) -> int:
        """How many rows the new file will have."""
        return self.rows_left + (0 if self.arriving is None else int(self.arriving.num_rows))

    @property
    def rows_left(self) -> int:
        """How many rows stay in the file."""
        return sum(self.group_rows) - self.rows_leaving

    @property
    def rows_leaving(self) -> int:
        """How many rows leave the file."""
        return sum(one.leaving.count for one in self.groups.values() if one.leaving is not None)

    @property
    def rows_setting(self) -> int:
        """How many rows get new values."""
        return sum(one.setting.count for one in self.groups.values() if one.setting is not None)

    @property
    def stored_setting(self) -> dict[str, pa.DataType]:
        """The columns to set that stand in the file, and not only in the names of its folders."""
        return {
            name: kind
            for name, kind in self.setting.items()
            if name in self.file.columns.names or name not in self.file.keys
        }

    @property
    def bytes_left(self) -> int:
        """About how many bytes the new file will have."""
        rows = sum(self.group_rows)
        return self.file.state.bytes * self.rows_left // rows if rows else 0
