"""Questions before something is changed, which scripts answer with `--yes`."""

from __future__ import annotations

import sys

import typer


def confirm(question: str, *, yes: bool) -> bool:
    """Return whether to go on: because of `--yes`, or because the user says so.

    Raises:
        typer.BadParameter: Nobody is there to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here; say --yes, or --dry-run to look only")
    return bool(typer.confirm(question))
