"""Parameter sets named per second on one core, beside what others do in the same run.

    python benchmarks/hashing.py

signac's job ids are measured if signac is installed.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import time
from typing import TYPE_CHECKING, Any

from parquetry.experiments.hashing import attach_grid_id, digest_params, grid_hash

if TYPE_CHECKING:
    from collections.abc import Callable

SETS = 20_000
REPEATS = 5


def parameter_set(number: int) -> dict[str, Any]:
    """Return twelve typical parameters: text, ints, floats, a list, a nested mapping, a path."""
    return {
        "algo": "memorypair",
        "accountant": "zcdp",
        "gamma_bar": 1.0 + number / 7,
        "gamma_split": 0.5,
        "rho_total": 1.0,
        "delete_ratio": 0.1 * (number % 10),
        "target_PT": 25.0,
        "n_events": 10_000 + number,
        "layers": [128, 64, 32],
        "optimizer": {"name": "adam", "lr": 3e-4, "betas": [0.9, 0.999], "nesterov": False},
        "out_dir": "results/run",
        "seed": number % 32,
    }


def json_sha256(params: dict[str, Any]) -> str:
    """Return what people write by hand; it leaves nothing out and rounds nothing."""
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:8]


def sets_per_second(name_one: Callable[[dict[str, Any]], Any], sets: list[dict[str, Any]]) -> float:
    """Return the best of some runs over all sets."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        for params in sets:
            name_one(params)
        best = min(best, time.perf_counter() - start)
    return len(sets) / best


def main() -> None:
    contenders: dict[str, Callable[[dict[str, Any]], Any]] = {
        "grid_hash, canon2": grid_hash,
        "grid_hash, legacy": lambda params: grid_hash(params, algo="legacy"),
        "attach_grid_id": attach_grid_id,
        "digest_params": digest_params,
        "json.dumps(sort_keys) + sha256": json_sha256,
    }
    try:
        contenders["signac job id"] = importlib.import_module("signac.job").calc_id
    except ImportError:
        print("signac is not installed")
    sets = [parameter_set(number) for number in range(SETS)]
    for name, name_one in contenders.items():
        print(f"{name:32} {sets_per_second(name_one, sets):>10,.0f} sets/s")


if __name__ == "__main__":
    main()
