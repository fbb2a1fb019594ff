"""The workflow converts the grids that changed, and no others."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import polars as pl
import pytest
import yaml

from parquetry.errors import ExecutorError, MissingDependencyError, NotFoundError, ParameterError
from parquetry.experiments import rolling_up as module
from parquetry.experiments.conversion.grid_job import main
from parquetry.experiments.conversion.targets import find_targets, prepare_targets
from parquetry.experiments.hashing import grid_hash
from parquetry.experiments.rolling_up import SNAKEFILE, WORKFLOW_FOLDER, configured_target, rollup
from parquetry.storage.local import LocalStorage

needs_snakemake = pytest.mark.skipif(
    importlib.util.find_spec("snakemake") is None, reason="snakemake is not installed"
)
GAMMAS = ("0.1", "0.5", "0.9")
IDS = {gamma: grid_hash({"gamma": float(gamma)}) for gamma in (*GAMMAS, "2.0")}


@pytest.fixture
def csvs(tmp_path):
    folder = tmp_path / "my csvs"
    for gamma in GAMMAS:
        for seed in (0, 1):
            put(folder, gamma, seed)
    return folder


@pytest.fixture
def store(tmp_path):
    return tmp_path / "a store"


def put(folder, gamma, seed, content="regret\n0.1\n0.3\n"):
    file = folder / f"gamma_{gamma}" / f"seed_{seed}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def rows(store, name="seeds"):
    files = store.glob(f"{name}/**/*.parquet")
    return pl.concat([pl.read_parquet(file, hive_partitioning=False) for file in files])


@needs_snakemake
@pytest.mark.slow
def test_a_rollup_converts_what_changed_and_nothing_else(csvs, store):
    first = rollup(csvs, store, cores=2)
    assert set(first.grids_converted) == {IDS[gamma] for gamma in GAMMAS}
    assert (first.grids_unchanged, first.conversion.units_written) == ((), 6)
    assert rows(store).height == 6

    again = rollup(csvs, store)
    assert (again.grids_converted, set(again.grids_unchanged)) == ((), set(first.grids_converted))

    put(csvs, "0.5", 1, "regret\n0.7\n")
    put(csvs, "2.0", 0)
    changed = rollup(csvs, store)
    assert set(changed.grids_converted) == {IDS["0.5"], IDS["2.0"]}
    assert (changed.conversion.units_written, changed.conversion.units_unchanged) == (2, 1)
    row = rows(store).filter(pl.col("grid_id") == IDS["0.5"], seed=1)
    assert row["avg_regret_empirical"].to_list() == [0.7]
    assert rollup(csvs, store).grids_converted == ()


@needs_snakemake
@pytest.mark.slow
def test_a_grid_with_a_bad_csv_is_looked_at_again_until_it_is_mended(csvs, store):
    put(csvs, "0.5", 1, "regret,x\n0.1\n")
    (csvs / "seed_3.csv").write_text("regret\n1\n")
    for written in (5, 0):
        report = rollup(csvs, store).conversion
        assert [bad.path for bad in report.bad_files] == ["gamma_0.5/seed_1.csv", "seed_3.csv"]
        assert report.units_written == written
    put(csvs, "0.5", 1)
    mended = rollup(csvs, store)
    assert (mended.grids_converted, mended.conversion.units_written) == ((IDS["0.5"],), 1)


@needs_snakemake
@pytest.mark.slow
def test_the_workflow_runs_by_itself_with_folders_on_the_command_line(csvs, tmp_path):
    command = [sys.executable, "-m", "snakemake", "-s", SNAKEFILE, "--cores", "1"]
    config = ["--config", "base_out=my_results", f"csv_dir={csvs.name}", "granularity=event"]
    done = subprocess.run(
        command + config, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "my_results", "events").height == 12


@needs_snakemake
@pytest.mark.slow
def test_a_workflow_that_fails_says_what_snakemake_said(csvs, store, monkeypatch, tmp_path):
    broken = tmp_path / "Snakefile"
    broken.write_text("raise ValueError('the cluster is on fire')\n")
    monkeypatch.setattr(module, "SNAKEFILE", str(broken))
    with pytest.raises(ExecutorError, match="the cluster is on fire"):
        rollup(csvs, store)


@needs_snakemake
@pytest.mark.slow
def test_a_grid_that_fails_is_not_hidden_by_a_bad_csv(csvs, store):
    put(csvs, "0.5", 1, "regret,x\n0.1\n")
    (store / "seeds").mkdir(parents=True)
    (store / "seeds" / f"grid_id={IDS['0.9']}").write_text("no folder")
    with pytest.raises(ExecutorError, match="Not a directory"):
        rollup(csvs, store)


def job(target):
    """Do what the workflow does, without Snakemake; return the grids that were done."""
    done = []
    for grid in prepare_targets(target, LocalStorage()).grids:
        if not grid.is_done:
            assert main(grid.manifest) == 0
            with open(grid.marker, "x"):
                done.append(grid.grid_id)
    return done


@pytest.fixture
def target(csvs, store):
    return configured_target({"csv_dir": csvs, "base_out": store})


def test_targets_are_done_once(csvs, target):
    assert len(job(target)) == 3
    assert job(target) == []
    put(csvs, "0.1", 1, "regret\n0.7\n")
    assert job(target) == [IDS["0.1"]]


def test_a_manifest_is_only_written_when_it_changes(csvs, target):
    job(target)
    (grid,) = (
        one for one in find_targets(target, LocalStorage()).grids if one.grid_id == IDS["0.1"]
    )
    before = os.stat(grid.manifest).st_mtime_ns
    prepare_targets(target, LocalStorage())
    assert os.stat(grid.manifest).st_mtime_ns == before
    put(csvs, "0.1", 5)
    prepare_targets(target, LocalStorage())
    assert os.stat(grid.manifest).st_mtime_ns > before


def test_a_csv_that_went_and_an_older_one_that_came_back_are_changes(csvs, target):
    job(target)
    file = csvs / "gamma_0.5" / "seed_1.csv"
    facts = file.stat()
    file.write_text("regret\n0.5\n0.5\n")
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns - 10**9))
    assert job(target) == [IDS["0.5"]]
    file.unlink()
    assert job(target) == [IDS["0.5"]]


def test_units_that_are_gone_are_made_again(store, target):
    job(target)
    next(store.glob(f"seeds/grid_id={IDS['0.9']}/*.parquet")).unlink()
    assert job(target) == [IDS["0.9"]]
    assert rows(store).height == 6


def test_changed_parameters_are_another_target(csvs, target):
    job(target)
    (csvs / "gamma_0.5" / "params.json").write_text('{"gamma": 2.0}')
    assert job(target) == [IDS["2.0"]]


def test_a_dry_run_says_which_grids_would_be_converted_and_writes_nothing(csvs, store, target):
    assert len(rollup(csvs, store, dry_run=True).grids_converted) == 3
    assert not store.exists()
    job(target)
    put(csvs, "0.1", 1, "regret\n0.7\n")
    report = rollup(csvs, store, dry_run=True)
    assert report.grids_converted == (IDS["0.1"],)
    assert set(report.grids_unchanged) == {IDS["0.5"], IDS["0.9"]}


def test_a_job_says_which_csv_is_bad_and_converts_the_others(csvs, store, target, capsys):
    put(csvs, "0.5", 1, "regret,x\n0.1\n")
    targets = prepare_targets(target, LocalStorage())
    codes = {grid.grid_id: main(grid.manifest) for grid in targets.grids}
    assert codes == {IDS["0.1"]: 0, IDS["0.5"]: 1, IDS["0.9"]: 0}
    assert "gamma_0.5/seed_1.csv, line 2" in capsys.readouterr().err
    assert rows(store).height == 5


def test_a_job_whose_csvs_belong_elsewhere_now_says_so(csvs, target, capsys):
    targets = prepare_targets(target, LocalStorage())
    (csvs / "params.json").write_text('{"lr": 1}')
    assert {main(grid.manifest) for grid in targets.grids} == {2}
    assert "Run the workflow again" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"target": {"x": 1}}'])
def test_a_broken_manifest_says_what_to_do(tmp_path, capsys, content):
    (tmp_path / "m.json").write_text(content)
    assert main(str(tmp_path / "m.json")) == 2
    assert "Delete it" in capsys.readouterr().err


def test_without_snakemake_the_error_says_what_to_install(csvs, store, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'parquetry\[snakemake\]'"):
        rollup(csvs, store)


def test_wrong_arguments_are_errors(csvs, store, tmp_path):
    with pytest.raises(ParameterError, match="cores"):
        rollup(csvs, store, cores=0)
    with pytest.raises(NotFoundError):
        rollup(tmp_path / "absent", store)
    with pytest.raises(ParameterError, match="lacks csv_dir"):
        configured_target({"base_out": "x"})
    with pytest.raises(ParameterError, match="unknown csv_dri"):
        configured_target({"base_out": "x", "csv_dir": "y", "csv_dri": "z"})


def test_the_packaged_configuration_is_accepted():
    with open(os.path.join(WORKFLOW_FOLDER, "snakemake_config.yaml")) as file:
        target = configured_target(yaml.safe_load(file))
    assert target.granularity == "seed"
    assert target.csv_dir.endswith("experiments/results")
