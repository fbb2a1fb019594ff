from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parquetry.series.converting import write_series
from parquetry.series.tiles import DEFAULT_BUDGET_BYTES, set_cache_budget, tile_cache
from series import studies


@pytest.fixture
def power(real_data) -> Path:
    """The real hourly series."""
    return real_data / "power"


@pytest.fixture(autouse=True)
def _empty_cache():
    """Start every test without decoded tiles and with the default budget."""
    tile_cache.clear()
    yield
    set_cache_budget(DEFAULT_BUDGET_BYTES)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder for series inside a folder of its own, where state may stand beside it."""
    made = tmp_path / "study" / "data-series"
    made.mkdir(parents=True)
    return made


@pytest.fixture(params=["none", "lz4"])
def wind(folder, request):
    """100 steps x 7 scenarios on disk in row groups of 10 steps, and the same in memory.

    Plain files are read by position, compressed ones through Arrow.
    """
    values = np.random.default_rng(7).random((100, 7)) * 1000
    write_series(folder / "wind.parquet", values, block_length=10, compression=request.param)
    return folder / "wind.parquet", values


@pytest.fixture
def study_folder(folder) -> Path:
    """Wind, price and share on disk: 100 steps x 7 scenarios in row groups of 10 steps."""
    studies.write_small_study(folder)
    return folder


@pytest.fixture
def study(study_folder):
    """The small study."""
    return studies.small_study(study_folder)


@pytest.fixture
def output(tmp_path) -> Path:
    """A place for results, which is not there yet."""
    return tmp_path / "results" / "dispatch"
