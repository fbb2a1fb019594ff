"""What processes of their own do with a sweep; importable, so that they can be spawned."""

from __future__ import annotations

import os
import time
from pathlib import Path

import polars as pl

from parquetry.experiments.sweeps import Sweep, Unit
from parquetry.experiments.writing import write_event_rows

GRID = {"algo": ["a", "b"], "gamma_bar": [0.5, 1]}


def rows(unit: Unit) -> list[dict[str, object]]:
    return [{"event_id": i, "regret": unit.seed / 7} for i in range(2)]


def write(store: Path, unit: Unit) -> None:
    """Put one small file where `write_event_rows` would, without its cost."""
    folder = Path(store) / "events" / f"grid_id={unit.grid_id}" / f"seed={unit.seed}"
    folder.mkdir(parents=True)
    pl.DataFrame({"event_id": [0]}).write_parquet(folder / "data.parquet")


def run_logged(store: Path, log: Path, start: Path) -> None:
    """Work a sweep off; a unit that anybody runs a second time is an error."""
    while not start.exists():
        time.sleep(0.001)
    for claim in Sweep(store).claims():
        with claim as unit:
            (log / f"{unit.index}").write_text(str(os.getpid()))  # for whoever reads the folder
            with open(log / f"{unit.index}.once", "x"):
                pass
            write(store, unit)


def hold(store: Path, lease_seconds: float, held: Path) -> None:
    """Claim a unit, say which, and never finish."""
    claim = Sweep(store).claim_next("the one that dies", lease_seconds)
    assert claim is not None
    with claim as unit:
        held.with_suffix(".part").write_text(str(unit.index))
        held.with_suffix(".part").rename(held)
        time.sleep(600)


def write_or_fail(unit: Unit) -> None:
    """Write the rows of a unit to the store that the environment names; odd seeds fail."""
    if unit.seed % 2:
        raise ArithmeticError(f"seed {unit.seed} diverged")
    write_event_rows(rows(unit), os.environ["SWEEP_STORE"], unit.params)
