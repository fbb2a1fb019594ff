"""What a file of a typed table says of itself: which table its rows are of, and in which version."""

from __future__ import annotations

import re
from dataclasses import dataclass

TABLE_KEY = b"parquetry.table"
"""The key of a file's metadata under which its table and version stand."""
_IDENTIFIER = re.compile(r"([^/@]+)@(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class TableTag:
    """A table and its version, `runs@2.0`."""

    table: str
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.table}@{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> TableTag | None:
        """Return the tag of a text, or None if it is none."""
        found = _IDENTIFIER.fullmatch(text)
        return None if found is None else cls(found[1], int(found[2]), int(found[3]))

    @classmethod
    def of_metadata(cls, metadata: dict[bytes, bytes] | None) -> TableTag | None:
        """Return the tag in the metadata of an Arrow schema, or None if there is none."""
        text = (metadata or {}).get(TABLE_KEY)
        return None if text is None else cls.parse(text.decode(errors="replace"))
