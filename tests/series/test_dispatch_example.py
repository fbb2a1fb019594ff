"""The dispatch example holds the laws of its system, across the borders of weeks too."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parquetry.series.blocks import ResolutionConfig
from parquetry.series.session import SimulationSession

pytest.importorskip("highspy", reason="HiGHS is not installed")
SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "dispatch.py"
WEEKS = 3


@pytest.fixture(scope="module")
def dispatch():
    spec = importlib.util.spec_from_file_location("dispatch_example", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["dispatch_example"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["dispatch_example"]


@pytest.fixture(scope="module", params=["generated", "real"])
def solved(request, dispatch, tmp_path_factory):
    """Three weeks of three scenarios, solved; with the study."""
    folder = tmp_path_factory.mktemp("dispatch")
    real = dispatch.REAL if request.param == "real" else folder / "nowhere"
    if request.param == "real" and not real.is_dir():
        pytest.skip(f"the real data is not here: {real}")
    assert dispatch.prepare_series(folder / "data-series", real) == request.param
    report = dispatch.run(folder, 3, WEEKS, 1, "none")
    return report.frame(), dispatch.build_study(folder / "data-series", 3, WEEKS), folder


def by_hour(frame, *names):
    scenarios = frame["scenario"].n_unique()
    values = frame.sort("scenario", "timestep").select(names).to_numpy()
    return values.reshape(scenarios, -1, len(names))


def test_every_hour_is_solved_once_also_the_last(solved):
    frame, study, _ = solved
    expected = list(study.time_scope.steps)
    assert expected[-1] == WEEKS * 168 - 1
    for _, scenario in frame.group_by("scenario"):
        assert scenario["timestep"].to_list() == expected


def test_power_is_balanced_in_every_hour(dispatch, solved):
    frame, _, _ = solved
    plants = [plant.name for plant in dispatch.PLANTS]
    served = frame.select(
        pl.sum_horizontal(*plants, "wind", "discharge", "unserved") - pl.col("charge")
    ).to_series()
    np.testing.assert_allclose(served, frame["load"], atol=1e-6)


def test_the_storage_goes_on_across_weeks(dispatch, solved):
    frame, _, _ = solved
    values = by_hour(frame, "level", "charge", "discharge")
    level, change = (
        values[..., 0],
        values[..., 1] * dispatch.EFFICIENCY - values[..., 2] / dispatch.EFFICIENCY,
    )
    before = np.concatenate([np.full((3, 1), dispatch.START.level), level[:, :-1]], axis=1)
    np.testing.assert_allclose(level, before + change, atol=1e-5)


def test_no_plant_ramps_faster_than_it_can_across_weeks(dispatch, solved):
    frame, _, _ = solved
    for number, plant in enumerate(dispatch.PLANTS):
        output = by_hour(frame, plant.name)[..., 0]
        before = np.concatenate(
            [np.full((3, 1), dispatch.START.output[number]), output[:, :-1]], axis=1
        )
        assert np.abs(output - before).max() <= plant.ramp + 1e-6


def test_no_more_wind_is_used_than_blows(solved):
    frame, study, _ = solved
    blowing = 0.6 * study.database.get_values("farm", "wind", study.time_scope.steps, [0, 1, 2])
    used = by_hour(frame, "wind")[..., 0].T
    assert (used <= blowing + 1e-6).all()
    assert used.max() > 0


def test_week_by_week_costs_a_little_more_than_all_at_once(dispatch, solved):
    frame, study, _ = solved
    whole = SimulationSession(study_of(study, 1), ResolutionConfig(), dispatch.solve).run().frame()
    cost = frame.filter(pl.col("scenario") == 0)["cost"].sum()
    best = whole["cost"].sum()
    assert best <= cost * (1 + 1e-9)
    assert cost < best * 1.05


def study_of(study, scenarios):
    return type(study)(study.database, study.time_scope, range(scenarios))


def test_the_summary_and_the_chart_are_drawn(dispatch, solved, tmp_path):
    pytest.importorskip("altair", reason="Altair is not installed")
    pytest.importorskip("vl_convert", reason="vl-convert is not installed")
    _, _, folder = solved
    report = dispatch.run(folder, 3, WEEKS, 1, "none")
    assert report.skipped == (0, 1, 2)
    assert dispatch.summary(report)["of scenarios"].to_list() == ["least", "median", "most"]
    picture, page = dispatch.draw(report, tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000
    assert "vega" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("strategy", ["none", "mmap"])
def test_the_script_runs_on_two_processes_and_goes_on(tmp_path, strategy):
    command = [sys.executable, str(SCRIPT), "--folder", str(tmp_path), "--weeks", "2"]
    command += ["--workers", "2", "--strategy", strategy, "--scenarios"]
    environment = os.environ | {"PYTHONWARNINGS": "default"}
    for scenarios, solved, were_there in (("2", 2, 0), ("3", 1, 2), ("3", 0, 3)):
        done = subprocess.run(
            [*command, scenarios], check=False, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        assert (f"Scenarios solved: {solved}," in done.stdout) == bool(solved)
        assert ("was data access" in done.stdout) == bool(solved)
        assert (f"were there already: {were_there}." in done.stdout) == bool(were_there)
