"""Which version of the user's code is running, from the files of its git repository."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def find_code_version() -> str | None:
    """Return the commit that is checked out where this process works, or None if there is none.

    Only files are read; git need not be installed.
    """
    try:
        here = Path.cwd()
        found = (_find_git(folder / ".git") for folder in (here, *here.parents))
        git = next((folder for folder in found if folder is not None), None)
        return None if git is None else _commit_of(git)
    except (
        OSError,
        ValueError,
    ):  # a folder that is gone or may not be read: not worth a failed run
        return None


def _find_git(place: Path) -> Path | None:
    """Return git's own folder, which in worktrees and submodules is where a file `.git` points."""
    if place.is_file():
        place = place.parent / place.read_text().strip().removeprefix("gitdir: ")
    return place if (place / "HEAD").is_file() else None


def _commit_of(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    common = git / "commondir"  # a worktree has its branches in the repository that it belongs to
    shared = git / common.read_text().strip() if common.is_file() else git
    loose, packed = shared / name, shared / "packed-refs"
    if loose.is_file():
        return loose.read_text().strip()
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)
