"""Names and texts as SQL writes them, whatever characters they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def quote_identifier(name: str) -> str:
    """Return a name as SQL writes a column, table or schema."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_list(names: Iterable[str]) -> str:
    """Return several names, quoted, with commas between them."""
    return ", ".join(map(quote_identifier, names))


def glob_literal(path: str) -> str:
    """Return a path as a pattern that matches only this path.

    DuckDB takes every path for a pattern; each special character is put into brackets of its own.
    """
    if not any(special in path for special in "*?[{"):
        return path
    return "".join(f"[{one}]" if one in "*?[{" else one for one in path)


def unescape_glob(pattern: str) -> str:
    """Return what `glob_literal` was given; several patterns may stand in one text."""
    return re.sub(r"\[([\[*?{])\]", r"\1", pattern)


def fold(name: str) -> bytes:
    """Return what is the same for two names that SQL takes for one: the case of A to Z is nothing."""
    return name.encode("utf-8", "surrogatepass").lower()
