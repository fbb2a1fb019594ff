"""Typed tables: what a row of a dataset must be, declared once, held to on every write.

`schema` is the value that everything is made from; `validation` holds rows against it; `diff`,
`upgrades` and `reading` let it change; `key_search` finds keys that exist already; `content` proves
that two sets of files hold the same rows; `exports_*` and `documentation` tell it to others. The tables
of a research project that came with the package are in `squiggle`, an example of a pack of one's own.
"""

from __future__ import annotations

from parquetry.tables.columns import IDENTIFIER, NOW, Column, column
from parquetry.tables.failures import Failure, Failures
from parquetry.tables.rules import (
    Check,
    LengthIs,
    NormIs,
    NullUnless,
    SameJsonKeys,
    SameLength,
    SameLengthAsOneOf,
)
from parquetry.tables.schema import TableSchema

__all__ = [
    "IDENTIFIER",
    "NOW",
    "Check",
    "Column",
    "Failure",
    "Failures",
    "LengthIs",
    "NormIs",
    "NullUnless",
    "SameJsonKeys",
    "SameLength",
    "SameLengthAsOneOf",
    "TableSchema",
    "column",
]
