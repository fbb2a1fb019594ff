"""Three tiny studies whose optimal cost is known.

A demand on one bus is served by one generator of 500 MW at 100 per MWh; what is not served costs 1000
per MWh, so nothing stays unserved. The objective is the expected cost: the cost of a scenario is 100 x
the sum of its demand over the steps, and all scenarios are equally likely.

- demand over time only (50, 50), one scenario: 100 x (50 + 50) = 10,000.
- demand over scenarios only (50 in one, 100 in the other), one step: (5,000 + 10,000) / 2 = 7,500.
- demand over both, 50 in the first column and 100 in the second at two steps, three Monte-Carlo
  scenarios that use the columns [0, 1, 0]: (10,000 + 20,000 + 10,000) / 3 = 40,000 / 3.
"""

from __future__ import annotations

import numpy as np
import pytest

from parquetry.series.blocks import ResolutionConfig
from parquetry.series.converting import convert_series
from parquetry.series.database import DataBase
from parquetry.series.finding import open_series
from parquetry.series.lazy import LazyData
from parquetry.series.scenarios import ScenarioBuilder
from parquetry.series.session import SimulationSession
from parquetry.series.strategies import MaterializationStrategy
from parquetry.series.structures import ConstantData
from parquetry.series.study import Study, TimeScope

highspy = pytest.importorskip("highspy", reason="HiGHS is not installed")
BUILDER = "load, 0 = 1\nload, 1 = 2\nload, 2 = 1\n"


def solve(block, scenario_ids, values, carry):
    """Return the cost of each step and scenario of a linear programme."""
    demand = np.broadcast_to(values["N", "demand"], (len(block.timesteps), len(scenario_ids)))
    solver = highspy.Highs()
    solver.silent()
    cost, penalty = float(values["G", "cost"]), float(values["N", "penalty"])
    for amount in demand.ravel():
        produced = solver.addVariable(0, 500, cost)
        unserved = solver.addVariable(0, highspy.kHighsInf, penalty)
        solver.addConstr(produced + unserved == float(amount))
    solver.run()
    solution = np.array(solver.getSolution().col_value).reshape(*demand.shape, 2)
    assert solver.getObjectiveValue() == pytest.approx((solution @ [cost, penalty]).sum())
    return {
        "scenario": np.tile(scenario_ids, len(block.timesteps)),
        "timestep": np.repeat(list(block.timesteps), len(scenario_ids)),
        "cost": (solution @ [cost, penalty]).ravel(),
    }, None


def expected_cost(demand, last, scenarios, config, strategy, builder=None):
    database = DataBase(builder)
    database.add_data("N", "demand", demand, None if builder is None else "load")
    database.add_data("N", "penalty", ConstantData(1000.0))
    database.add_data("G", "cost", ConstantData(100.0))
    study = Study(database, TimeScope(0, last), range(scenarios))
    report = SimulationSession(study, config, solve, materialization=strategy).run()
    return report.frame()["cost"].sum() / scenarios


@pytest.fixture(params=["text", "parquet"])
def loads(request, folder):
    """The demand as the files of the reference studies have it."""
    (folder / "loads-time-only.txt").write_text("50\n50")
    (folder / "loads-scenario-only.txt").write_text("50 100")
    (folder / "loads.txt").write_text("50 100\n50 100\n")
    (folder / "modeler-scenariobuilder.dat").write_text(BUILDER)
    if request.param == "parquet":
        convert_series(folder, 1)
        assert isinstance(open_series(folder, "loads"), LazyData)
    return folder


configs = pytest.mark.parametrize(
    "config",
    [
        ResolutionConfig(),
        ResolutionConfig("sequential-subproblems", 1),
        ResolutionConfig("parallel-subproblems", 1, blocks_per_batch=2),
    ],
    ids=lambda config: config.mode,
)
strategies = pytest.mark.parametrize("strategy", list(MaterializationStrategy))


@configs
@strategies
def test_demand_over_time_only_costs_10_000(loads, config, strategy):
    demand = open_series(loads, "loads-time-only", scenario=False)
    assert expected_cost(demand, 1, 1, config, strategy) == pytest.approx(10_000)


@configs
@strategies
def test_demand_over_scenarios_only_costs_7_500(loads, config, strategy):
    demand = open_series(loads, "loads-scenario-only", time=False)
    assert expected_cost(demand, 0, 2, config, strategy) == pytest.approx(7_500)


@configs
@strategies
def test_three_scenarios_over_two_columns_cost_a_third_of_40_000(loads, config, strategy):
    builder = ScenarioBuilder.load(loads)
    assert builder.columns("load", range(3)).tolist() == [0, 1, 0]
    demand = open_series(loads, "loads")
    found = expected_cost(demand, 1, 3, config, strategy, builder)
    assert found == pytest.approx(40_000 / 3)


def test_the_files_of_the_reference_are_these(power):
    gems = power / "gems"
    assert (gems / "loads-time-only.txt").read_text().split() == ["50", "50"]
    assert (gems / "loads-scenario-only.txt").read_text().split() == ["50", "100"]
    assert (gems / "loads.txt").read_text().split() == ["50", "100"] * 2
