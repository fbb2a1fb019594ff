"""Running commands as a user would, in this process, and reading what they print."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from parquetry.cli import main
from parquetry.experiments import attach_grid_id, write_event_rows, write_seed_rows


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def table(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines() if "\t" in line]


@pytest.fixture
def run(capsys):
    def command(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture
def store(tmp_path):
    """Two grids, three seeds each, five events each, and their summaries."""
    folder = tmp_path / "results"
    for gamma in (0.5, 1.0):
        params = attach_grid_id({"algo": "memorypair", "gamma": gamma})
        events = [
            {"seed": s, "event_id": i, "op": "insert", "regret": gamma * i}
            for s in range(3)
            for i in range(5)
        ]
        write_event_rows(events, folder, params)
        write_seed_rows([{"seed": s, "score": s / 2} for s in range(3)], folder, params)
    return folder
