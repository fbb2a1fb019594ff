"""Progress of long work: a bar in a terminal, nothing when piped."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def tracked(items: Iterable[T], *, total: int, text: str) -> Iterator[T]:
    """Yield the items, with a bar on standard error while that is a terminal."""
    if not _is_watched():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(
        items, description=text, total=total, console=Console(stderr=True), transient=True
    )


@contextmanager
def counted(text: str) -> Iterator[Callable[[int, int | None, str], None] | None]:
    """Give a callback of (done, total, what) that moves a bar, or None where nobody watches.

    A total of None stands for one that is not known.
    """
    if not _is_watched():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total, _what: bar.update(task, completed=done, total=total)


def _is_watched() -> bool:
    """Return whether a bar can be drawn, and `DBOPT_PLAIN=1` does not ask for plain text."""
    return sys.stderr.isatty() and os.environ.get("DBOPT_PLAIN", "") in {"", "0"}
