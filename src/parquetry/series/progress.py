"""How far a session is: shown on a terminal, told to a callback, or kept quiet."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a session is.

    Args:
        run_id: The run.
        scenarios: Scenarios that are finished, with those of earlier attempts.
        all_scenarios: Scenarios of the study.
        blocks: Blocks that were solved now.
        all_blocks: Blocks that are to be solved now.
    """

    run_id: str
    scenarios: int
    all_scenarios: int
    blocks: int
    all_blocks: int


@contextmanager
def shown(callback: Callable[[Progress], None] | None) -> Iterator[Callable[[Progress], None]]:
    """Give a function that tells of progress: the callback, else a bar on a terminal, else nothing."""
    if callback is not None:
        yield callback
    elif sys.stderr.isatty():
        with _bar() as update:
            yield update
    else:
        yield _ignore


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("solving", total=None)

        def update(state: Progress) -> None:
            words = f"{state.scenarios}/{state.all_scenarios} scenarios"
            bar.update(task, description=words, completed=state.blocks, total=state.all_blocks)

        yield update


def _ignore(state: Progress) -> None:
    del state
