"""Working a sweep off with one function."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.experiments.sweeps.sweep import Sweep
    from parquetry.experiments.sweeps.unit import Unit


def work_off(sweep: Sweep, function: Callable[[Unit], Any], lease_seconds: float) -> None:
    """Call the function with one claimed unit after the other; recorded failures do not end it."""
    for claim in sweep.claims(lease_seconds=lease_seconds):
        try:
            with claim as unit:
                function(unit)
        except Exception:
            if not claim.has_failed:
                raise


def run_workers(
    sweep: Sweep, function: Callable[[Unit], Any], workers: int, lease_seconds: float
) -> None:
    """Work a sweep off in this process, or in several new ones."""
    if workers < 1:
        raise ParameterError(f"workers={workers!r}: expected 1 or more. Nothing was run.")
    if workers == 1:
        work_off(sweep, function, lease_seconds)
        return
    # Spawned, not forked: this process may have threads, those of Polars for one.
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawning) as pool:
        tasks = [pool.submit(work_off, sweep, function, lease_seconds) for _ in range(workers)]
        for task in tasks:
            task.result()
