"""What being observed costs a question: a store with tuning on, beside the same store with it off.

    python benchmarks/observing.py [--rounds 300]

Each kind of question is asked with tuning off, on, on, off, round after round, so that whatever else the
machine does hits both alike. Means of the pairs' differences, without the tenth at either end, and the
ratio that they make are shown: a quarter of the SQL queries is measured, which a median would not see.
Writing the log is in it: a thread of the same process does it. There are no replicas to route to.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from parquetry import Store
from parquetry.tuning.switching import Switch, switch_on

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL, LARGE = 1_000, 4_000_000


def plant(folder: Path) -> Store:
    rng = np.random.default_rng(0)
    store = Store(folder)
    for name, rows in (("small", SMALL), ("large", LARGE)):
        table = pa.table(
            {
                "id": np.arange(rows),
                "user_id": rng.integers(0, 100_000, rows),
                "value": rng.random(rows),
            }
        )
        store.dataset(name).append(table)
    return store


def questions(store: Store) -> dict[str, Callable[[int], object]]:
    large = store.dataset("large").scan()
    return {
        "SQL, 1,000 rows": lambda n: store.sql(f"select sum(value) from small where id < {n}"),
        "SQL, a new text each time": lambda n: store.sql(
            f"select sum(value) as s{n} from small where id < {n}"
        ),
        "SQL, one row of 4,000,000": lambda n: store.sql(
            "select value from large where id = ?", [n]
        ),
        "SQL, all of 4,000,000 rows": lambda n: store.sql(
            f"select avg(value) from large where user_id % 7 <> {n}"
        ),
        "Polars, one row of 4,000,000": lambda n: large.filter(pl.col("id") == n).collect(),
    }


def timed(ask: Callable[[int], object], number: int) -> float:
    start = time.perf_counter()
    ask(number)
    return 1e3 * (time.perf_counter() - start)


def compare(
    plain: Callable[[int], object], watched: Callable[[int], object], rounds: int
) -> tuple[float, float, float]:
    """Return what a plain question takes, what is added, both in ms, and the ratio."""
    off, differences = [], []
    for number in range(rounds):
        first, second = timed(plain, number), timed(watched, number)
        third, fourth = timed(watched, number), timed(plain, number)
        off.append((first + fourth) / 2)
        differences.append((second + third - first - fourth) / 2)
    without, added = trimmed_mean(off), trimmed_mean(differences)
    return without, added, 1 + added / without


def trimmed_mean(values: list[float]) -> float:
    cut = len(values) // 10
    return statistics.mean(sorted(values)[cut : len(values) - cut])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        watched = plant(Path(folder) / "watched")
        plain = plant(Path(folder) / "plain")
        switch_on(watched.path, Switch())
        print(f"{'':32}{'off, ms':>10}{'added, ms':>11}{'ratio':>8}")
        for (name, one), other in zip(
            questions(plain).items(), questions(watched).values(), strict=True
        ):
            off, added, ratio = compare(one, other, rounds)
            print(f"{name:32}{off:10.2f}{added:11.3f}{ratio:8.3f}")
        measured = watched.tuning.status().tables
        print(*(f"{one.queries:,} questions to {one.table} are in the log" for one in measured))


if __name__ == "__main__":
    main()
