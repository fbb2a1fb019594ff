"""The sweep of the demonstration, and the writer that gets killed."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.demo.optimisers import FUNCTIONS, OPTIMISERS, run
from parquetry.experiments.writing import write_event_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET = 200
SEEDS = 5
PROCESSES = 4
_SPAWN = multiprocessing.get_context("spawn")


def parameter_sets() -> list[dict[str, Any]]:
    """Return the grid: every optimiser on every function, in two sizes."""
    grid = itertools.product(OPTIMISERS, FUNCTIONS, (2, 10))
    return [{"algo": a, "function": f, "dimensions": d, "step": 0.5} for a, f, d in grid]


def write_runs(base_out: str, params: dict[str, Any], budget: int = BUDGET) -> int:
    """Run all seeds of one parameter set and write them; return the number of events."""
    rows = [event for seed in range(SEEDS) for event in run(params, seed, budget)]
    return write_event_rows(rows, base_out, params).rows


def run_sweep(base_out: str) -> Iterator[int]:
    """Run the whole grid in four processes that write at once; yield the events of each set."""
    with ProcessPoolExecutor(PROCESSES, mp_context=_SPAWN) as pool:
        jobs = [pool.submit(write_runs, base_out, params) for params in parameter_sets()]
        for job in jobs:
            yield job.result()


def rewrite_forever(base_out: str) -> None:
    """Replace every unit by one of another length, again and again, until somebody kills this."""
    for budget in itertools.cycle((BUDGET // 2, BUDGET)):
        for params in parameter_sets():
            write_runs(base_out, params, budget)


@dataclass(frozen=True, slots=True)
class Murder:
    """How a writer died: after how many seconds, with which exit code (-9: killed)."""

    seconds: float
    exit_code: int | None


def kill_a_writer(base_out: str, log_folder: str, commits: int) -> Murder:
    """Start a writer that replaces units, wait for some commits, and kill it without warning."""
    before = len(os.listdir(log_folder)) if os.path.isdir(log_folder) else 0
    writer = _SPAWN.Process(target=rewrite_forever, args=(base_out,))
    writer.start()
    started = time.monotonic()
    while writer.is_alive() and time.monotonic() - started < 30:  # noqa: PLR2004  seconds
        if os.path.isdir(log_folder) and len(os.listdir(log_folder)) >= before + commits:
            break
        time.sleep(0.001)
    if writer.pid is not None:
        os.kill(writer.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    writer.join()
    return Murder(time.monotonic() - started, writer.exitcode)
