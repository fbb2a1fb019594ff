"""Small solvers at the top of a module, as sessions want them, and the studies that they solve."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from parquetry.series.converting import write_series
from parquetry.series.database import DataBase
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.scenarios import ScenarioBuilder
from parquetry.series.structures import ConstantData
from parquetry.series.study import Study, TimeScope


def write_small_study(folder: Path) -> None:
    """Write the series of the small study."""
    rng = np.random.default_rng(11)
    write_series(folder / "wind.parquet", rng.random((100, 7)) * 1000, block_length=10)
    write_series(folder / "price.parquet", rng.random((100, 1)), block_length=10)
    write_series(folder / "share.parquet", rng.random((1, 7)), block_length=10)


def small_database(folder: Path, builder: ScenarioBuilder | None = None) -> DataBase:
    """Return a database over wind, price and share: one of each kind."""
    made = DataBase(builder)
    group = None if builder is None else "weather"
    made.add_data("farm", "wind", LazyTimeScenarioSeriesData(folder / "wind.parquet"), group)
    made.add_data("market", "price", LazyTimeSeriesData(folder / "price.parquet"))
    made.add_data("farm", "share", LazyScenarioSeriesData(folder / "share.parquet"), group)
    made.add_data("plant", "cost", ConstantData(30.0))
    return made


def small_study(folder: Path, scenarios: int = 5, last: int = 96) -> Study:
    """Return a study over 94 steps, which is no multiple of any block."""
    builder = ScenarioBuilder({"weather": np.array([3, 0, 6, 3, 1, 2, 5])})
    return Study(small_database(folder, builder), TimeScope(3, last), range(scenarios))


def balance(block: Any, scenario_ids: Any, values: Any, carry: Any) -> tuple[Any, Any]:
    """Return what each step costs: separable in time and scenarios, so every mode must agree."""
    del carry
    cost = values["farm", "wind"] * values["farm", "share"] + values["market", "price"]
    cost = cost + values["plant", "cost"]
    return tidy(block, scenario_ids, {"cost": cost}), None


def accumulate(block: Any, scenario_ids: Any, values: Any, carry: Any) -> tuple[Any, Any]:
    """Return a level that goes on from block to block."""
    start = np.zeros(len(scenario_ids)) if carry is None else carry
    level = start + np.cumsum(values["farm", "wind"], axis=0)
    kept = len(block.kept) - 1
    return tidy(block, scenario_ids, {"level": level}), level[kept]


def tidy(block: Any, scenario_ids: Any, columns: dict[str, Any]) -> pl.DataFrame:
    """Return one row a step and scenario."""
    steps, count = list(block.timesteps), len(scenario_ids)
    flat = {name: np.asarray(values).T.reshape(-1) for name, values in columns.items()}
    return pl.DataFrame(
        {"scenario": np.repeat(scenario_ids, len(steps)), "timestep": steps * count} | flat
    )


def fail_in_block_3_of_scenario_2(block: Any, ids: Any, values: Any, carry: Any) -> tuple[Any, Any]:
    """Raise once."""
    if block.index == 3 and 2 in ids:
        raise RuntimeError("the model is infeasible")
    return balance(block, ids, values, carry)


def fail_unless_mended(block: Any, ids: Any, values: Any, carry: Any) -> tuple[Any, Any]:
    """Raise in scenario 3 as long as a file is not there."""
    if 3 in ids and not os.path.exists(os.environ["PARQUETRY_TEST_MENDED"]):
        raise RuntimeError("no licence")
    with open(os.environ["PARQUETRY_TEST_MENDED"] + ".log", "a", encoding="utf-8") as log:
        log.write(f"{ids[0]}:{block.index}\n")
    return balance(block, ids, values, carry)


@dataclass(frozen=True)
class Mortal:
    """Takes its worker with it in scenario 2, without a word, as long as a file is not there."""

    mended: str

    def __call__(self, block: Any, ids: Any, values: Any, carry: Any) -> tuple[Any, Any]:
        if 2 in ids and not os.path.exists(self.mended):
            os._exit(3)
        return balance(block, ids, values, carry)


def kill_me_in_scenario_3(block: Any, ids: Any, values: Any, carry: Any) -> tuple[Any, Any]:
    """End the whole process without a word, as a scheduler does."""
    if 3 in ids and block.index == 1 and not os.environ.get("PARQUETRY_TEST_SURVIVE"):
        os._exit(9)
    return balance(block, ids, values, carry)


def slow_balance(block: Any, ids: Any, values: Any, carry: Any) -> tuple[Any, Any]:
    """Take a moment."""
    time.sleep(0.02)
    return balance(block, ids, values, carry)
