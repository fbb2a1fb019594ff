"""Doing something again and again until Ctrl+C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def repeat(run: Callable[[], None], *, every_seconds: float | None) -> None:
    """Run once, or again and again; Ctrl+C between two runs is how one ends that."""
    run()
    while every_seconds is not None:
        try:
            time.sleep(every_seconds)
        except KeyboardInterrupt:
            from parquetry.cli.rendering import say

            say("stopped")
            return
        run()
