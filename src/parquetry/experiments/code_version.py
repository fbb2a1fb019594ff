"""Which version of the user's code is running, from the files of its git repository."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def find_code_version() -> str | None:
    """Return the commit that is checked out where this process works, or None outside a repository.

    Only files are read; git need not be installed.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        head = folder / ".git" / "HEAD"
        if head.is_file():
            return _commit_of(folder / ".git", head.read_text().strip())
    return None


def _commit_of(git: Path, head: str) -> str | None:
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    loose = git / name
    if loose.is_file():
        return loose.read_text().strip()
    packed = git / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)
