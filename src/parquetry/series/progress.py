"""How far a session is: shown on a terminal, told to a callback, or kept quiet."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parquetry.series.work import WorkItem, WorkResult


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


@dataclass(slots=True)
class Tally:
    """What a session has done so far.

    Args:
        run_id: The run.
        all_scenarios: Scenarios of the study.
        scenarios: Scenarios that are finished.
        kept: Those of them that were finished now.
        blocks: Blocks that were solved now.
        all_blocks: Blocks that are to be solved now.
        work_seconds: How long the workers were at it, together.
        data_seconds: How much of that went into data.
    """

    run_id: str
    all_scenarios: int
    scenarios: int
    kept: int = 0
    blocks: int = 0
    all_blocks: int = 0
    work_seconds: float = 0.0
    data_seconds: float = 0.0

    def add(self, item: WorkItem, result: WorkResult) -> None:
        """Count an item."""
        self.blocks += len(item.blocks)
        self.work_seconds += result.seconds
        self.data_seconds += result.data_seconds

    def state(self) -> Progress:
        """Return how far the session is."""
        return Progress(
            self.run_id, self.scenarios, self.all_scenarios, self.blocks, self.all_blocks
        )


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
