"""How far a sweep is can be told from its folders, whatever they are partitioned by."""

from __future__ import annotations

import os

import polars as pl
import pytest

from experiments.sweep_workers import GRID, rows, write
from parquetry.errors import CorruptionError
from parquetry.experiments.sweeps import Sweep, Unit
from parquetry.experiments.writing import write_event_rows, write_seed_rows
from parquetry.storage.local import LocalStorage


def declared(tmp_path) -> Sweep:
    return Sweep.declare(tmp_path, grid=GRID, seeds=range(3))


def counts(sweep: Sweep) -> dict[str, int]:
    status = sweep.status()
    states = ("done", "running", "stale", "failed", "missing")
    assert status.total == sum(getattr(status, state) for state in states)
    for state in states:
        assert sum(getattr(grid, state) for grid in status.grids) == getattr(status, state)
    return {state: n for state in states if (n := getattr(status, state))}


def age(sweep: Sweep, unit: Unit, number: int = 1, seconds: float = 3600) -> str:
    """Let the last sign of life of a claim be long ago."""
    path = sweep._attempts.path(unit.key, number, "claim")
    then = os.stat(path).st_mtime - seconds
    os.utime(path, (then, then))
    return path


def test_each_unit_counts_in_one_state(tmp_path):
    sweep = declared(tmp_path)
    assert counts(sweep) == {"missing": 12}
    write(tmp_path, sweep.unit(0))
    running, dead, failing = (sweep.claim(index) for index in (1, 2, 3))
    age(sweep, dead.unit)
    with pytest.raises(ValueError, match="no"), failing:
        raise ValueError("no")
    assert counts(sweep) == {"done": 1, "running": 1, "stale": 1, "failed": 1, "missing": 8}
    assert not running.is_lost
    assert [unit.index for unit in sweep.missing()] == [2, *range(4, 12)]


def test_grids_are_counted_one_by_one_in_the_order_of_the_plan(tmp_path):
    sweep = declared(tmp_path)
    for index in (0, 1, 2, 4):
        write(tmp_path, sweep.unit(index))
    status = sweep.status()
    assert [(grid.total, grid.done) for grid in status.grids] == [(3, 3), (3, 1), (3, 0), (3, 0)]
    assert [grid.grid_id for grid in status.grids] == [sweep.unit(i).grid_id for i in (0, 3, 6, 9)]


@pytest.mark.parametrize(
    "partition_by", [None, "wide", ["algo"], ["seed"], ["algo", "grid_id"], []]
)
@pytest.mark.parametrize("write_rows", [write_event_rows, write_seed_rows])
def test_rows_are_found_in_any_partitioning(tmp_path, partition_by, write_rows):
    sweep = declared(tmp_path)
    for index in (0, 4, 11):
        unit = sweep.unit(index)
        write_rows(rows(unit), tmp_path, unit.params, partition_by=partition_by)
    assert [unit.index for unit in sweep.missing()] == [1, 2, 3, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("partition_by", [None, "wide", ["algo"], []])
def test_a_claim_of_a_unit_that_was_written_meanwhile_is_not_given(tmp_path, partition_by):
    sweep, other = declared(tmp_path), Sweep(tmp_path)
    other._claimer._look()  # a worker that knows every unit to be missing
    for index in range(11):
        unit = sweep.unit(index)
        write_event_rows(rows(unit), tmp_path, unit.params, partition_by=partition_by)
    claims = list(other.claims())
    assert [claim.unit.index for claim in claims] == [11]
    assert counts(sweep) == {"done": 11, "running": 1}


def test_rows_that_say_otherwise_than_their_parameters_are_found_when_their_run_ends(tmp_path):
    sweep = declared(tmp_path)
    claim = sweep.claim(0)
    with claim as unit:
        renamed = [{**row, "algo": "a (renamed)"} for row in rows(unit)]
        write_event_rows(renamed, tmp_path, unit.params, partition_by="wide")
    assert not claim.has_failed
    assert counts(sweep) == {"done": 1, "missing": 11}


@pytest.mark.parametrize("partition_by", [["algo"], ["seed"], ["grid_id"], []])
def test_appended_and_replaced_files_of_a_unit_are_still_its(tmp_path, partition_by):
    sweep = declared(tmp_path)
    unit = sweep.unit(4)
    for content in ([{"v": 1}], [{"v": 2}]):
        for mode in ("replace", "append"):
            write_event_rows(content, tmp_path, unit.params, mode=mode, partition_by=partition_by)
    names = [path.name for path in (tmp_path / "events").rglob("*.parquet")]
    assert any(name.count("-") for name in names)
    assert counts(sweep) == {"done": 1, "missing": 11}


def test_units_in_one_file_are_read_from_its_columns(tmp_path):
    sweep = declared(tmp_path)
    for index in range(12):
        unit = sweep.unit(index)
        write_event_rows(rows(unit), tmp_path, unit.params)
    files = sorted((tmp_path / "events").rglob("*.parquet"))
    table = pl.concat([pl.read_parquet(path) for path in files[:-1]])
    for path in files:
        path.unlink()
    (tmp_path / "events" / "algo=x").mkdir()
    table.write_parquet(tmp_path / "events" / "algo=x" / "part-0.parquet", row_group_size=5)
    assert counts(sweep) == {"done": 11, "missing": 1}
    assert counts(sweep) == {"done": 11, "missing": 1}


def test_a_grid_in_the_path_and_the_seeds_in_the_file_make_units(tmp_path):
    sweep = declared(tmp_path)
    folder = tmp_path / "seeds" / f"grid_id={sweep.unit(3).grid_id}"
    folder.mkdir(parents=True)
    pl.DataFrame({"seed": [0, 2]}).write_parquet(folder / "part-0.parquet")
    assert [unit.index for unit in sweep.missing()] == [0, 1, 2, 4, *range(6, 12)]


def test_files_that_are_no_data_make_no_unit_done(tmp_path):
    sweep = declared(tmp_path)
    folder = tmp_path / "events" / f"grid_id={sweep.unit(0).grid_id}" / "seed=0"
    folder.mkdir(parents=True)
    for name in ("_SUCCESS", ".data.parquet", "_tmp.parquet", "data.parquet.crc"):
        (folder / name).write_bytes(b"")
    hidden = tmp_path / "events" / "_staging" / f"grid_id={sweep.unit(0).grid_id}" / "seed=0"
    hidden.mkdir(parents=True)
    (hidden / "data.parquet").write_bytes(b"")
    assert counts(sweep) == {"missing": 12}


def test_rows_that_are_not_in_the_plan_do_not_count(tmp_path):
    sweep = declared(tmp_path)
    write_event_rows([{"seed": 77, "v": 1}], tmp_path, {"algo": "other"})
    assert counts(sweep) == {"missing": 12}


def test_a_file_of_several_units_that_cannot_be_read_is_named(tmp_path):
    sweep = declared(tmp_path)
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "part-0.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(CorruptionError, match=r"part-0\.parquet"):
        sweep.status()


def test_the_printed_status_says_what_is_unfinished(tmp_path):
    sweep = declared(tmp_path)
    for index in range(3):
        write(tmp_path, sweep.unit(index))
    sweep.claim(3)
    lines = repr(sweep.status()).splitlines()
    assert lines[0] == f"sweep 'sweep' in {os.path.realpath(tmp_path)}"
    assert lines[1] == "3 of 12 units done (25 %), 1 running, 8 missing"
    assert lines[2].split() == ["grid_id", "done", "running", "stale", "failed", "missing"]
    assert lines[3].split() == [sweep.unit(3).grid_id, "0/3", "1", "0", "0", "2"]
    assert len(lines) == 6


def test_the_printed_status_of_many_grids_is_short(tmp_path):
    sweep = Sweep.declare(tmp_path, grid={"x": range(30)}, seeds=[0])
    lines = repr(sweep.status()).splitlines()
    assert lines[-1] == "… and 10 more unfinished grids"
    assert len(lines) == 2 + 1 + 20 + 1


class ReadOnly(LocalStorage):
    def create(self, path):
        self._refuse(path)

    def make_folder(self, path, like=None):  # noqa: ARG002
        self._refuse(path)

    def _refuse(self, path):
        from parquetry.errors import StorageError

        raise StorageError(f"read-only: {path}", path=path)


def test_who_may_only_read_sees_the_status(tmp_path):
    sweep = declared(tmp_path)
    write(tmp_path, sweep.unit(0))
    claims = [sweep.claim(1), sweep.claim(2)]
    age(sweep, claims[0].unit)
    assert counts(Sweep(tmp_path, storage=ReadOnly())) == {
        "done": 1,
        "running": 1,
        "stale": 1,
        "missing": 9,
    }


class Counting(LocalStorage):
    def __init__(self):
        self.calls = 0

    def list_folder(self, path):
        self.calls += 1
        return super().list_folder(path)

    def stat(self, path):
        self.calls += 1
        return super().stat(path)

    def read_bytes(self, path):
        self.calls += 1
        return super().read_bytes(path)


def test_a_look_costs_one_listing_a_folder(tmp_path):
    sweep = declared(tmp_path)
    for index in range(12):
        write(tmp_path, sweep.unit(index))
    storage = Counting()
    status = Sweep(tmp_path, storage=storage).status()
    assert status.is_complete
    folders = 1 + 4 + 12
    assert storage.calls <= folders + 10  # the plan, the attempts, the locks, the folder of seeds


@pytest.mark.parametrize("first", ["attempts", "rows"])
def test_a_unit_that_is_finished_while_one_looks_is_never_seen_as_missing(
    tmp_path, monkeypatch, first
):
    sweep, looking = declared(tmp_path), Sweep(tmp_path)
    claim = sweep.claim(0)
    claim.__enter__()

    def finishing(look):
        def looked():
            found = look()
            if not any(tmp_path.glob("events/**/*.parquet")):
                write(tmp_path, claim.unit)
                claim.__exit__(None, None, None)
            return found

        return looked

    attempts, presence = looking._attempts, looking._surveyor._presence
    if first == "attempts":
        monkeypatch.setattr(attempts, "find_latest", finishing(attempts.find_latest))
    else:
        monkeypatch.setattr(presence, "find_all", finishing(presence.find_all))
    assert 0 not in [unit.index for unit in looking.missing()]
    assert counts(sweep) == {"done": 1, "missing": 11}
