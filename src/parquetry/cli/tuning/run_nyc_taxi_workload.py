"""`dbopt run-nyc-taxi-workload`: made-up questions to taxi trips."""

from __future__ import annotations

from parquetry.cli.tuning.options import ExplorationRate, Explore, NumQueries, Seed, TableName
from parquetry.cli.tuning.run_workload import ask


def run_nyc_taxi_workload(
    table_name: TableName = "nyc_taxi",
    num_queries: NumQueries = 1_000,
    explore: Explore = False,
    exploration_rate: ExplorationRate = None,
    seed: Seed = None,
) -> None:
    """Ask about taxi trips: rush hours, zones, long trips, payments, under the names of any year."""
    ask(table_name, num_queries, "taxi", explore=explore, rate=exploration_rate, seed=seed)
