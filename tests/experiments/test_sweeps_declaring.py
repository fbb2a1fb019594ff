"""A declaration is kept whole, in order, and for good."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.sweep_workers import GRID, rows, write
from parquetry.errors import CorruptionError, FormatVersionError, ParameterError
from parquetry.experiments import grids
from parquetry.experiments.hashing import attach_grid_id, digest_params, grid_hash
from parquetry.experiments.sweeps import Sweep, find_sweeps
from parquetry.experiments.sweeps.parameter_values import decode_params, encode_params
from parquetry.experiments.writing import write_event_rows


def units(sweep: Sweep) -> list[tuple[str, int]]:
    return [unit.key for unit in sweep.missing()]


def test_a_grid_means_all_combinations_the_last_key_fastest_and_every_seed(tmp_path):
    sweep = Sweep.declare(tmp_path, grid=GRID, seeds=range(2))
    found = [(u.index, u.params["algo"], u.params["gamma_bar"], u.seed) for u in sweep.missing()]
    assert found[:3] == [(0, "a", 0.5, 0), (1, "a", 0.5, 1), (2, "a", 1, 0)]
    assert [index for index, *_ in found] == list(range(8))


def test_a_unit_has_the_id_that_its_parameters_have(tmp_path):
    sweep = Sweep.declare(tmp_path, params=[{"algo": "a", "gamma": 1.0}], seeds=[3])
    unit = sweep.unit(0)
    assert unit.grid_id == grid_hash({"algo": "a", "gamma": 1})
    assert unit.params == {"algo": "a", "gamma": 1.0, "grid_id": unit.grid_id, "seed": 3}


def test_a_unit_written_with_its_parameters_is_done(tmp_path):
    sweep = Sweep.declare(tmp_path, grid=GRID, seeds=range(2))
    unit = sweep.unit(5)
    write_event_rows(rows(unit), tmp_path, unit.params)
    assert [left.index for left in sweep.missing()] == [0, 1, 2, 3, 4, 6, 7]


def test_declaring_again_writes_nothing(tmp_path):
    Sweep.declare(tmp_path, grid=GRID, seeds=range(2))
    before = sorted(tmp_path.rglob("*"))
    Sweep.declare(tmp_path, grid=GRID, seeds=range(2))
    Sweep.declare(tmp_path, grid={"algo": ["b"], "gamma_bar": [1.0]}, seeds=[1])
    assert sorted(tmp_path.rglob("*")) == before


def test_declaring_again_looks_at_no_grid(tmp_path, monkeypatch):
    Sweep.declare(tmp_path, grid=GRID, seeds=range(2))
    monkeypatch.setattr("parquetry.experiments.sweeps.declaring.register_grid", None)
    Sweep.declare(tmp_path, grid=GRID, seeds=range(5))


def test_declaring_more_extends_the_plan_and_moves_no_index(tmp_path):
    sweep = Sweep.declare(tmp_path, grid=GRID, seeds=range(2))
    before = units(sweep)
    Sweep.declare(tmp_path, grid={**GRID, "algo": ["c", "a"]}, seeds=range(3))
    after = units(sweep)
    assert after[:8] == before
    assert len(after) == 8 + 2 * 3 + 2  # two new grids with three seeds, two old ones with one more
    assert len(set(after)) == len(after)


def test_declarations_at_the_same_time_lose_nothing(tmp_path):
    def declare(number: int) -> None:
        Sweep.declare(tmp_path, params=[{"number": number}], seeds=[0])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(declare, range(24)))
    assert sorted(unit.params["number"] for unit in Sweep(tmp_path).missing()) == list(range(24))


def test_sweeps_of_one_store_have_names_and_plans_of_their_own(tmp_path):
    Sweep.declare(tmp_path, params=[{"x": 1}], seeds=[0], name="pilot")
    Sweep.declare(tmp_path, params=[{"x": 1}, {"x": 2}], seeds=[0])
    Sweep.declare(tmp_path, params=[{"x": 3}], seeds=[0])
    assert find_sweeps(Sweep(tmp_path)._storage, tmp_path) == ["pilot", "sweep"]
    assert Sweep(tmp_path, "pilot").status().total == 1
    assert Sweep(tmp_path).status().total == 3


@pytest.mark.parametrize("name", ["", "a/b", "a.b", "..", "a b", "x" * 101])
def test_a_name_that_cannot_name_a_file_is_refused(tmp_path, name):
    with pytest.raises(ParameterError, match="cannot name a sweep"):
        Sweep(tmp_path, name)


def test_seeds_may_be_numpy_integers_and_count_once(tmp_path):
    sweep = Sweep.declare(tmp_path, params=[{"x": 1}], seeds=np.array([3, 1, 3]))
    assert [unit.seed for unit in sweep.missing()] == [3, 1]
    assert all(type(unit.seed) is int for unit in sweep.missing())


@pytest.mark.parametrize("seeds", [[], 10, "12", [1.0], [True], [2**63], [None]])
def test_what_is_no_list_of_seeds_is_refused(tmp_path, seeds):
    with pytest.raises(ParameterError, match=r"seed.*Nothing was declared"):
        Sweep.declare(tmp_path, params=[{"x": 1}], seeds=seeds)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"params": []},
        {"params": {"x": 1}},
        {"params": [{"x": 1}], "grid": {"x": [1]}},
        {"grid": {"x": []}},
        {"grid": {"x": "abc"}},
        {"grid": {"x": 1}},
        {"params": ["abc"]},
        {"params": [{"x": np.arange(3)}]},
        {"params": [{"x": object()}]},
        {"params": [{"out_dir": Path("results")}]},
    ],
)
def test_what_cannot_be_declared_is_refused(tmp_path, declared):
    with pytest.raises(ParameterError):
        Sweep.declare(tmp_path, **declared, seeds=[0])
    assert not list(tmp_path.rglob("*.json"))


def test_sets_that_differ_only_in_what_is_no_part_of_their_id_are_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"although they differ in 'data_path'"):
        Sweep.declare(tmp_path, grid={"x": [1], "data_path": ["a", "b"]}, seeds=[0])
    Sweep.declare(tmp_path, params=[{"x": 1}, {"x": 1.0}], seeds=[0])


def test_what_is_no_part_of_the_id_reaches_the_worker_all_the_same(tmp_path):
    sweep = Sweep.declare(tmp_path, params=[{"x": 1, "data_path": "/data"}], seeds=[0])
    assert sweep.unit(0).params["data_path"] == "/data"


def test_a_seed_among_the_parameters_gives_way_to_the_seed_of_the_unit(tmp_path):
    sweep = Sweep.declare(tmp_path, params=[{"x": 1, "seed": 99}], seeds=[4])
    assert sweep.unit(0).params["seed"] == 4


def test_ids_of_ones_own_are_kept(tmp_path):
    params = [{"x": 1, "grid_id": "pilot-1"}, attach_grid_id({"x": 2})]
    sweep = Sweep.declare(tmp_path, params=params, seeds=[0])
    assert [unit.grid_id for unit in sweep.missing()] == ["pilot-1", grid_hash({"x": 2})]
    Sweep.declare(tmp_path, params=params, seeds=[0])
    assert sweep.status().total == 2


def test_of_two_sets_with_one_short_id_the_second_ones_grows_at_the_declaration(
    tmp_path, monkeypatch
):
    def colliding(params, **options):
        digest = digest_params(params, **options)
        return _with_digest(digest, "aaaaaaaa" + digest.digest[8:])

    for module in ("parquetry.experiments.grids", "parquetry.experiments.sweeps.declaring"):
        monkeypatch.setattr(f"{module}.digest_params", colliding)
    monkeypatch.setattr(grids, "_known", {})
    sweep = Sweep.declare(tmp_path, params=[{"x": 1}, {"x": 2}], seeds=[0])
    one, other = sweep.missing()
    assert one.grid_id == "aaaaaaaa"
    assert (other.grid_id[:8], len(other.grid_id)) == ("aaaaaaaa", 12)
    write_event_rows(rows(other), tmp_path, other.params)
    assert units(sweep) == [one.key]
    Sweep.declare(tmp_path, params=[{"x": 2}, {"x": 1}], seeds=[0])
    assert sweep.status().total == 2


def _with_digest(digest, text):
    from dataclasses import replace

    grid_id = digest.grid_id if digest.is_own_id else text[:8]
    return replace(digest, digest=text, grid_id=grid_id)


def test_a_sweep_travels_to_other_processes(tmp_path):
    sweep = Sweep.declare(tmp_path, grid=GRID, seeds=[0], name="far")
    there = pickle.loads(pickle.dumps(sweep))
    assert there.name == "far"
    assert units(there) == units(sweep)


def test_a_place_that_the_plan_does_not_have_is_refused(tmp_path):
    sweep = Sweep.declare(tmp_path, grid=GRID, seeds=[0])
    for index in (-1, 4):
        with pytest.raises(ParameterError, match="the plan has 4 units"):
            sweep.unit(index)


def test_without_a_declaration_the_units_are_all_grids_with_all_seeds_seen(tmp_path):
    write_event_rows([{"seed": 0, "v": 1}, {"seed": 1, "v": 1}], tmp_path, {"x": 1})
    write_event_rows([{"seed": 1, "v": 1}], tmp_path, {"x": 2, "day": dt.date(2026, 1, 2)})
    sweep = Sweep(tmp_path)
    (left,) = sweep.missing()
    assert left.params == {
        "x": 2,
        "day": dt.date(2026, 1, 2),
        "grid_id": grid_hash({"x": 2, "day": dt.date(2026, 1, 2)}),
        "seed": 0,
    }
    assert (sweep.status().total, sweep.status().done) == (4, 3)
    assert not sweep.status().is_declared
    with sweep.claims().__next__() as unit:
        write_event_rows(rows(unit), tmp_path, unit.params)
    assert sweep.status().is_complete


def test_without_a_declaration_there_are_no_indices_to_hand_out(tmp_path):
    write_event_rows([{"seed": 0, "v": 1}], tmp_path, {"x": 1})
    for ask in (Sweep(tmp_path).missing_array, lambda: Sweep(tmp_path).unit(0)):
        with pytest.raises(ParameterError, match="is not declared"):
            ask()


def test_an_empty_folder_is_an_empty_sweep(tmp_path):
    assert Sweep(tmp_path / "none").status().total == 0
    assert Sweep(tmp_path / "none").claim_next() is None
    assert not (tmp_path / "none").exists()


def test_a_damaged_plan_and_a_newer_one_are_named(tmp_path):
    Sweep.declare(tmp_path, params=[{"x": 1}], seeds=[0])
    path = tmp_path / ".parquetry" / "sweeps" / "sweep.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": 2}))
    with pytest.raises(FormatVersionError, match=r"sweep\.json"):
        Sweep(tmp_path).status()
    path.write_text("{")
    with pytest.raises(CorruptionError, match=r"sweep\.json"):
        Sweep(tmp_path).status()


def test_the_folders_of_rows_hold_nothing_of_a_sweep(tmp_path):
    sweep = Sweep.declare(tmp_path, params=[{"x": 1}], seeds=[0, 1])
    with sweep.claim_next() as unit:
        write(tmp_path, unit)
    assert [path.name for path in (tmp_path / "events").rglob("*.*")] == ["data.parquet"]


class Kernel(Enum):
    RBF = "rbf"


@dataclass
class Optimizer:
    lr: float
    betas: tuple[float, float]


def test_values_that_json_has_no_word_for_come_back(tmp_path):
    zoned = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    params = {
        "clip": float("inf"),
        "day": dt.date(2026, 1, 2),
        "at": zoned,
        "price": Decimal("0.12345678901234567890"),
        "set": {1, (2, 3)},
        "$cost": {"$set": 1},
        "kernel": Kernel.RBF,
        "optimizer": Optimizer(0.1, (0.9, 0.99)),
        "single": np.float32(0.1),
    }
    unit = Sweep.declare(tmp_path, params=[params], seeds=[0]).unit(0)
    back = {key: unit.params[key] for key in params}
    assert back == params | {
        "kernel": "rbf",
        "optimizer": {"lr": 0.1, "betas": [0.9, 0.99]},
        "single": 0.1,
    }
    write_event_rows(rows(unit), tmp_path, unit.params)
    assert Sweep(tmp_path).status().is_complete


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.dates()
    | st.datetimes(timezones=st.sampled_from([None, dt.UTC]))
    | st.decimals(-1000, 1000)
)
keys = st.text("abc$é", max_size=4)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
        | st.sets(scalars, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, max_size=4))
def test_parameters_that_were_kept_have_the_same_id(params):
    kept = json.loads(json.dumps(encode_params(params), allow_nan=False))
    try:
        wanted = digest_params(params)
    except ParameterError:
        return  # one key in two spellings of the same text
    assert digest_params(decode_params(kept)) == wanted
