"""Hourly dispatch of a small power system, week by week, over a hundred wind scenarios.

A load is served by wind, three thermal plants that ramp slowly, and a storage that is handed on from
week to week. Each week looks one day ahead, so that the storage is not emptied on its last evening.
Every week of every scenario is a linear programme for HiGHS.

    python examples/dispatch.py --scenarios 100 --workers 2 --folder dispatch --chart

The series are real (wind of the GemsPy studies, load of PyPSA's model of Texas) where they stand beside
the checkout, and generated otherwise. It needs `highspy`; the chart also needs
`pip install 'parquetry[charts]'`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import highspy
import numpy as np
import polars as pl

from parquetry.series import (
    ConstantData,
    DataBase,
    MaterializationStrategy,
    ResolutionConfig,
    SimulationSession,
    Study,
    TimeScope,
    convert_series,
    open_series,
    write_series,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from parquetry.series import Block, BlockValues, SessionReport

    Floats = NDArray[np.float64]

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "power"
HOURS = 8760
WEEK = 168
DAY = 24


@dataclass(frozen=True)
class Plant:
    """A thermal plant: capacity and ramp in MW (per hour), cost in euros per MWh."""

    name: str
    capacity: float
    ramp: float
    cost: float


PLANTS = (
    Plant("coal", 4500.0, 200.0, 35.0),
    Plant("gas", 3500.0, 800.0, 60.0),
    Plant("oil", 2500.0, 2500.0, 140.0),
)
STORAGE_POWER, STORAGE_ENERGY, EFFICIENCY = 1000.0, 8000.0, 0.9
UNSERVED_COST = 3000.0
NAMES = [*(plant.name for plant in PLANTS), "wind", "charge", "discharge", "level", "unserved"]
WIND, CHARGE, DISCHARGE, LEVEL, UNSERVED = range(len(PLANTS), len(PLANTS) + 5)


@dataclass(frozen=True)
class State:
    """What one week hands to the next: the plants' output and the storage's level, both in MW(h)."""

    output: tuple[float, ...]
    level: float


START = State(tuple(0.5 * plant.capacity for plant in PLANTS), 0.5 * STORAGE_ENERGY)


def solve(
    block: Block, scenario_ids: tuple[int, ...], values: BlockValues, carry: State | None
) -> tuple[pl.DataFrame, State]:
    """Return the cheapest dispatch of a block of one scenario, and the state at its end."""
    load = np.asarray(values["city", "load"])[:, 0]
    available = np.asarray(values["farm", "wind"])[:, 0] * float(values["farm", "scale"])
    dispatch = solve_dispatch(load, np.minimum(available, load.max() * 2), carry or START)
    end = dispatch[len(block.kept) - 1]
    state = State(tuple(end[: len(PLANTS)].tolist()), float(end[LEVEL]))
    columns = {name: dispatch[:, number] for number, name in enumerate(NAMES)}
    costs = dispatch[:, : len(PLANTS)] @ [plant.cost for plant in PLANTS]
    table = pl.DataFrame({"timestep": list(block.timesteps), "load": load} | columns).with_columns(
        cost=costs + UNSERVED_COST * dispatch[:, UNSERVED],
        scenario=pl.lit(scenario_ids[0]),
    )
    return table, state


def solve_dispatch(load: Floats, wind: Floats, start: State) -> Floats:
    """Return the cheapest dispatch as (hours, quantities in the order of `NAMES`)."""
    solver = highspy.Highs()
    solver.silent()
    solver.passModel(build_problem(load, wind, start))
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(
            f"HiGHS ended with {solver.modelStatusToString(solver.getModelStatus())}"
        )
    found: Floats = np.array(solver.getSolution().col_value).reshape(len(load), len(NAMES))
    return found


def build_problem(load: Floats, wind: Floats, start: State) -> highspy.HighsLp:
    """Return the linear programme: one column an hour and quantity, hour by hour.

    Its rows are, for each hour, the balance of power, the balance of the storage, and the plants' ramps.
    """
    hours, width, plants = len(load), len(NAMES), len(PLANTS)
    row_lower, row_upper = _bounds_of_rows(load, start)
    problem = highspy.HighsLp()
    problem.num_col_, problem.num_row_ = hours * width, hours * (2 + plants)
    cost = np.zeros(width)
    cost[:plants] = [plant.cost for plant in PLANTS]
    cost[[CHARGE, UNSERVED]] = (
        0.01,
        UNSERVED_COST,
    )  # a cent keeps the storage from idling in a circle
    problem.col_cost_ = np.tile(cost, hours)
    problem.col_lower_ = np.zeros(hours * width)
    problem.col_upper_ = _upper_bounds(wind)
    problem.row_lower_, problem.row_upper_ = row_lower, row_upper
    starts, columns, coefficients = _matrix(hours)
    problem.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    problem.a_matrix_.start_ = starts
    problem.a_matrix_.index_ = columns
    problem.a_matrix_.value_ = coefficients
    return problem


def _upper_bounds(wind: Floats) -> Floats:
    upper = np.full((len(wind), len(NAMES)), np.inf)
    upper[:, : len(PLANTS)] = [plant.capacity for plant in PLANTS]
    upper[:, WIND] = wind
    upper[:, CHARGE] = upper[:, DISCHARGE] = STORAGE_POWER
    upper[:, LEVEL] = STORAGE_ENERGY
    return upper.ravel()


def _bounds_of_rows(load: Floats, start: State) -> tuple[Floats, Floats]:
    hours, plants = len(load), len(PLANTS)
    ramps = np.array([plant.ramp for plant in PLANTS])
    lower, upper = np.empty((hours, 2 + plants)), np.empty((hours, 2 + plants))
    lower[:, 0] = upper[:, 0] = load
    lower[:, 1] = upper[:, 1] = 0.0
    lower[0, 1] = upper[0, 1] = start.level
    lower[:, 2:], upper[:, 2:] = -ramps, ramps
    lower[0, 2:] += start.output
    upper[0, 2:] += start.output
    return lower.ravel(), upper.ravel()


def _matrix(hours: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Return the rows of all hours, compressed; the first hour has no hour before it."""
    plants = range(len(PLANTS))
    balance = [
        *((p, 1.0) for p in plants),
        (WIND, 1.0),
        (CHARGE, -1.0),
        (DISCHARGE, 1.0),
        (UNSERVED, 1.0),
    ]
    storage = [(LEVEL, 1.0), (CHARGE, -EFFICIENCY), (DISCHARGE, 1 / EFFICIENCY)]
    before = len(NAMES)  # columns of the hour before
    later = [
        balance,
        [*storage, (LEVEL - before, -1.0)],
        *([(p, 1.0), (p - before, -1.0)] for p in plants),
    ]
    first = [balance, storage, *([(p, 1.0)] for p in plants)]
    shift = (np.arange(1, hours) * before)[:, None]
    columns = np.concatenate([_columns(first), (_columns(later)[None, :] + shift).ravel()])
    values = np.concatenate([_values(first), np.tile(_values(later), hours - 1)])
    sizes = [*map(len, first), *(list(map(len, later)) * (hours - 1))]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return starts.astype(np.int32), columns.astype(np.int32), values


def _columns(rows: list[list[tuple[int, float]]]) -> NDArray[np.int64]:
    return np.array([column for row in rows for column, _ in row])


def _values(rows: list[list[tuple[int, float]]]) -> Floats:
    return np.array([value for row in rows for _, value in row])


def prepare_series(folder: Path, real: Path = REAL) -> str:
    """Write the series of the study as Parquet, and return where they come from."""
    folder.mkdir(parents=True, exist_ok=True)
    wind = real / "gems" / "wind_ts_base028.txt"
    if wind.is_file():
        shutil.copyfile(wind, folder / "wind.txt")
        convert_series(folder, WEEK)
        load, source = real_load(real), "real"
    else:
        load, generated = generate_series()
        write_series(folder / "wind.parquet", generated, WEEK)
        source = "generated"
    write_series(folder / "load.parquet", load[:, None], WEEK)
    return source


def real_load(real: Path) -> Floats:
    """Return a year of hourly load in MW from three-hourly values."""
    table = real / "pypsa/examples/networks/model-energy/model-energy/loads-p_set.csv"
    three_hourly = np.loadtxt(table, delimiter=",", skiprows=1, usecols=1)
    return np.interp(np.arange(HOURS), np.arange(0, HOURS, 3), three_hourly)


def generate_series(scenarios: int = 100) -> tuple[Floats, Floats]:
    """Return a load with days, weeks and seasons, and wind that is slow to change; both in MW."""
    rng = np.random.default_rng(2024)
    hour = np.arange(HOURS)
    season = 600 * np.cos(2 * np.pi * hour / HOURS)
    load = (
        5200
        + season
        + 900 * np.sin(2 * np.pi * (hour % DAY - 8) / DAY)
        - 500 * (hour // DAY % 7 >= 5)
    )
    state = np.zeros((HOURS, scenarios))
    noise = rng.normal(size=(HOURS, scenarios))
    for step in range(1, HOURS):
        state[step] = 0.97 * state[step - 1] + 0.24 * noise[step]
    return load + rng.normal(0, 60, HOURS), 8600 / (1 + np.exp(-1.6 * state + 0.6))


def build_study(folder: Path, scenarios: int, weeks: int) -> Study:
    """Return the study over some weeks from the start of the year; 53 make a whole year."""
    database = DataBase()
    database.add_data("city", "load", open_series(folder, "load", scenario=False))
    database.add_data("farm", "wind", open_series(folder, "wind"))
    database.add_data("farm", "scale", ConstantData(0.6))  # the farm is smaller than the region's
    return Study(database, TimeScope(0, min(HOURS, weeks * WEEK) - 1), range(scenarios))


def run(folder: Path, scenarios: int, weeks: int, workers: int, strategy: str) -> SessionReport:
    """Return the report of the session; a second call goes on where the first was stopped."""
    study = build_study(folder / "data-series", scenarios, weeks)
    config = ResolutionConfig("sequential-subproblems", WEEK + DAY, block_overlap=DAY)
    output = folder / "results" / "dispatch"
    options: dict[str, Any] = {
        "materialization": MaterializationStrategy(strategy),
        "run_id": f"weeks-{weeks}",
        "output": output,
    }
    if workers == 1:
        return SimulationSession(study, config, solve, **options).run()
    with open_pool(workers) as executor:
        return SimulationSession(study, config, solve, executor, **options).run()


def open_pool(workers: int) -> ProcessPoolExecutor:
    """Return workers that begin as fresh processes: a forked one lacks the threads of Polars."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def draw(report: SessionReport, folder: Path) -> list[Path]:
    """Write a chart of the results as PNG and as a web page, and return both."""
    import altair as alt

    alt.data_transformers.disable_max_rows()
    charts = alt.vconcat(_week_chart(report), _storage_chart(report), _cost_chart(report))
    charts = charts.resolve_scale(color="independent").properties(
        title="Hourly dispatch, week by week, over all wind scenarios"
    )
    paths = [folder / "dispatch.png", folder / "dispatch.html"]
    charts.save(paths[0], scale_factor=2)
    charts.save(paths[1], inline=True)
    return paths


def _week_chart(report: SessionReport) -> Any:
    """Return who serves the load in the third week of the first scenario."""
    import altair as alt

    sources = [*(plant.name for plant in PLANTS), "wind", "discharge", "unserved"]
    colours = ["#5b4a42", "#d98c3f", "#a33b3b", "#4c8fb5", "#6aa56e", "#000000"]
    week = report.scan().filter(pl.col("scenario") == 0).collect()
    last = int(week["timestep"].to_numpy().max())
    start = max(0, min(2 * WEEK, last + 1 - WEEK))
    week = week.filter(pl.col("timestep").is_between(start, start + WEEK - 1))
    long = week.unpivot(sources, index="timestep", variable_name="source", value_name="power")
    long = long.with_columns(
        order=pl.col("source").replace_strict(sources, list(range(len(sources))))
    )
    area = (
        alt.Chart(long)
        .mark_area()
        .encode(
            x=alt.X(
                "timestep:Q", title="hour of the year", scale=alt.Scale(nice=False, zero=False)
            ),
            y=alt.Y("power:Q", title="MW", stack="zero"),
            color=alt.Color(
                "source:N", title=None, scale=alt.Scale(domain=sources, range=colours), sort=sources
            ),
            order="order:O",
        )
    )
    demand = week.with_columns(demand=pl.col("load") + pl.col("charge"))
    line = (
        alt.Chart(demand)
        .mark_line(color="black", strokeWidth=1.2)
        .encode(x="timestep:Q", y="demand:Q")
    )
    title = "One week of scenario 0: who serves the load (line: load and charging)"
    return (area + line).properties(width=760, height=240, title=title)


def _storage_chart(report: SessionReport) -> Any:
    """Return the storage's level over all scenarios: middle and range, day by day."""
    import altair as alt

    daily = (
        report.scan()
        .group_by((pl.col("timestep") // DAY).alias("day"))
        .agg(
            middle=pl.col("level").median(),
            low=pl.col("level").quantile(0.1),
            high=pl.col("level").quantile(0.9),
        )
        .sort("day")
        .collect()
    )
    base = alt.Chart(daily).encode(
        x=alt.X("day:Q", title="day of the year", scale=alt.Scale(nice=False))
    )
    level = alt.Y("low:Q", title="MWh", scale=alt.Scale(domain=[0, STORAGE_ENERGY]))
    band = base.mark_area(opacity=0.3, color="#6aa56e").encode(y=level, y2="high:Q")
    line = base.mark_line(color="#2f6b35").encode(y="middle:Q")
    title = "Storage level: median and 80 % range of hours and scenarios"
    return (band + line).properties(width=760, height=140, title=title)


def _cost_chart(report: SessionReport) -> Any:
    """Return how the cost spreads over the scenarios."""
    import altair as alt

    costs = report.scan().group_by("scenario").agg(cost=pl.col("cost").sum() / 1e6).collect()
    return (
        alt.Chart(costs)
        .mark_bar(color="#4c8fb5")
        .encode(
            x=alt.X(
                "cost:Q", bin=alt.Bin(maxbins=25), title="cost of the whole span, million euros"
            ),
            y=alt.Y("count()", title="scenarios"),
        )
        .properties(width=760, height=140, title="Cost by wind scenario")
    )


def summary(report: SessionReport) -> pl.DataFrame:
    """Return the middle and the ends of what the scenarios cost, and how much load was not served."""
    by_scenario = (
        report.scan()
        .group_by("scenario")
        .agg(
            million_euros=pl.col("cost").sum() / 1e6,
            unserved_mwh=pl.col("unserved").sum(),
            wind_share=pl.col("wind").sum() / pl.col("load").sum(),
        )
    )
    quantiles = [("least", 0.0), ("median", 0.5), ("most", 1.0)]
    rows = [
        by_scenario.select(
            pl.lit(name).alias("of scenarios"), pl.exclude("scenario").quantile(share)
        )
        for name, share in quantiles
    ]
    return pl.concat(rows).collect()


def outcome(report: SessionReport) -> Iterator[str]:
    """Yield what the session has done, in sentences."""
    if report.scenarios:
        share = report.data_seconds / report.work_seconds
        yield f"Scenarios solved: {len(report.scenarios)}, in {report.seconds:.1f} s."
        yield f"Of the work, {share:.1%} was data access."
    if report.skipped:
        yield f"Scenarios that were there already: {len(report.skipped)}."


def main() -> None:
    """Solve, and say what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where series and results go; kept if given")
    parser.add_argument("--scenarios", type=int, default=100)
    parser.add_argument("--weeks", type=int, default=53)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--strategy", default="none", choices=[s.value for s in MaterializationStrategy]
    )
    parser.add_argument("--chart", action="store_true", help="draw dispatch.png and dispatch.html")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        source = prepare_series(folder / "data-series")
        report = run(folder, given.scenarios, given.weeks, given.workers, given.strategy)
        print(f"The series are {source}.", *outcome(report))
        print(summary(report))
        if given.chart:
            print("Drawn:", *draw(report, folder))


if __name__ == "__main__":
    main()
