"""The text of a question without its values: two texts of one template ask for the same columns."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""(?P<name>"(?:[^"]|"")*")|(?P<text>'(?:[^']|'')*')|(?P<number>(?<![\w$])\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)"""
)
_PLACES = re.compile(r"\b(?:group|order)\s+by\b", re.IGNORECASE)
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=1_024)  # asked for before a question is answered, and when it is logged
def template_of(sql: str) -> str:
    """Return a query with `?` for each value.

    What a text in it begins with stays visible if it is a wildcard: `LIKE '%x'` asks for more than
    `LIKE 'x%'`. Numbers after GROUP BY or ORDER BY stay, since they can be places of columns.
    """
    places = _PLACES.search(sql)
    end = places.start() if places else len(sql)
    without = _TOKEN.sub(lambda found: _replaced(found, end), sql)
    return _SPACE.sub(" ", _LIST.sub("(?)", without)).strip().lower()


def _replaced(found: re.Match[str], end: int) -> str:
    if found["text"] is not None:
        return f"'{found['text'][1]}'" if found["text"][1] in "%_" else "?"
    if found["number"] is not None and found.start() < end:
        return "?"
    return found[0]
