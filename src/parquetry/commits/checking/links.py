"""Symbolic links: engines disagree on whether to follow them, and count their rows twice."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.model.findings import Finding, printable
from parquetry.storage.folders import find_stat
from parquetry.storage.links import find_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.checking.survey import Survey
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_ADVICE = "Replace the link by what it leads to, or delete it."


def link_findings(home: Home, storage: Storage, seen: Survey) -> Iterator[Finding]:
    """Yield every link with where it leads."""
    links = [file.path for file in seen.data if file.is_link]
    links += [path for path, kind in seen.others if kind == "link"]
    for path in sorted(links):
        yield _judged(home, storage, path)


def _judged(home: Home, storage: Storage, path: str) -> Finding:
    target = find_target(storage, f"{home.root}/{path}")
    facts = None if target is None else find_stat(storage, target)
    shown = printable(path)
    if facts is None:
        return Finding(
            "error",
            "dangling-link",
            shown,
            "This link leads nowhere, or round in a circle. Polars fails; DuckDB and PyArrow skip it, "
            "so rows may be missing.",
            _ADVICE,
        )
    if not facts.is_folder:
        return Finding(
            "warning",
            "link-to-file",
            shown,
            f"This link leads to {printable(target or '')}. If that file is data as well, its rows "
            "count twice.",
            _ADVICE,
        )
    if facts.inode in _inodes_above(home, storage, path):
        return Finding(
            "error",
            "link-loop",
            shown,
            "This link leads to a folder above it. Polars fails, and PyArrow reads the rows again and "
            "again.",
            "Delete the link.",
        )
    return Finding(
        "warning",
        "link-to-folder",
        shown,
        f"This link leads to the folder {printable(target or '')}. Polars and PyArrow follow it, "
        "DuckDB and parquetry do not.",
        _ADVICE,
    )


def _inodes_above(home: Home, storage: Storage, path: str) -> set[int]:
    folder, inodes = f"{home.root}/{path}", set()
    while folder != posixpath.dirname(folder):
        folder = posixpath.dirname(folder)
        facts = find_stat(storage, folder)
        if facts is not None:
            inodes.add(facts.inode)
    return inodes
