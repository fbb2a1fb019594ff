"""`import parquetry` is light: it loads no engine, and no optional one is ever loaded unasked."""

from __future__ import annotations

import subprocess
import sys

import pytest

_OPTIONAL = ("pandas", "ray", "dask", "distributed", "snakemake", "pyspark", "deltalake")
_HEAVY = ("polars", "duckdb", "pyarrow", "sqlglot", "numpy")
_TUNING = ("sqlalchemy", "alembic", "pydantic_settings", "psycopg")


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split("\n")[-2].split())


def test_importing_parquetry_loads_no_engine():
    assert not loaded_by("import parquetry") & {*_HEAVY, *_OPTIONAL, *_TUNING}


@pytest.mark.parametrize("arguments", [["--help"], ["query", "--help"], ["--version"]])
def test_help_loads_no_engine(arguments):
    code = f"from parquetry.cli import main\nmain({arguments!r})"
    assert not loaded_by(code) & {*_HEAVY, *_OPTIONAL, *_TUNING}


def test_public_names_load_no_optional_engine():
    code = "import parquetry\nfor name in parquetry.__all__: getattr(parquetry, name)"
    assert not loaded_by(code) & set(_OPTIONAL)


def test_a_store_that_is_not_tuned_loads_nothing_of_tuning(tmp_path):
    code = f"""
import parquetry
store = parquetry.Store({str(tmp_path)!r})
store.dataset("d").append([{{"x": 1}}])
store.sql("from d")
store.dataset("d").scan().collect()
assert not [name for name in sys.modules if name.startswith("parquetry.tuning")]
"""
    assert not loaded_by(code) & set(_TUNING)


def test_tuning_is_switched_on_without_the_database_and_that_is_made_without_alembic(tmp_path):
    begin = f"import parquetry\nstore = parquetry.Store({str(tmp_path)!r})\n"
    assert not loaded_by(f"{begin}store.tune()") & {"sqlalchemy", "alembic"}
    loaded = loaded_by(f"{begin}store.tune().status()")
    assert "sqlalchemy" in loaded
    assert "alembic" not in loaded


def test_frames_and_series_are_written_and_read_without_pandas(tmp_path):
    code = f"""
import numpy, parquetry, polars
from parquetry.series import open_series, write_series
frame = polars.DataFrame({{"key": [1, 2, 1], "0": [0.5, None, 2.0], "1": [1.0, 2.0, 3.0]}})
parquetry.Store({str(tmp_path)!r}).dataset("d").append(frame, partition_by=["key"])
write_series({str(tmp_path / "series" / "ours.parquet")!r}, numpy.ones((4, 2)), 2)
frame.fill_null(0).write_parquet({str(tmp_path / "series" / "foreign.parquet")!r})
for name in ("ours", "foreign"):
    open_series({str(tmp_path / "series")!r}, name).get_value([0, 2], [1, 0])
"""
    assert not loaded_by(code) & set(_OPTIONAL)


def test_workers_of_simulations_load_no_engine_of_queries():
    code = "from parquetry import series\nfor name in series.__all__: getattr(series, name)"
    assert not loaded_by(code) & {"polars", "duckdb", "sqlglot", *_OPTIONAL}


def test_no_verb_loads_pandas_to_change_rows(tmp_path):
    """PyArrow loads it, where it is installed, for calls that do not look like it: 0.3 s each time."""
    code = f"""
import polars as pl
import parquetry
data = parquetry.Store({str(tmp_path)!r}).dataset("d")
frame = pl.DataFrame({{"k": [1, 2, 3, 4], "p": ["a", "a", "b", "b"], "x": [1.0, 2.0, 3.0, 4.0]}})
data.append(frame, partition_by=["p"])
data.append(frame.with_columns(pl.col("k") + 10))
data.update(pl.col("k") == 1, {{"x": 9.0}})
data.upsert(frame.with_columns(pl.col("k") + 3, p=pl.lit("c")), on=["k"])
data.delete(pl.col("x") > 8)
data.compact(min_file_count=2)
data.repartition([])
data.scan().filter(pl.col("k") > 2).collect()
data.restore(1)
"""
    assert "pandas" not in loaded_by(code)


def test_no_small_change_loads_masked_arrays(tmp_path):
    """NumPy and Polars load them for calls that do not look like it: 12 ms, half of a small change."""
    code = f"""
import polars as pl
import parquetry
from parquetry.files import footer_table
footer_table.WORTH_A_WALK = 2
data = parquetry.Store({str(tmp_path)!r}).dataset("d")
frame = pl.DataFrame({{"k": [1, 2, 3, 4], "p": ["a", "a", "b", "c"], "x": [1.0, 2.0, 3.0, 4.0]}})
data.append(frame, partition_by=["p"])
data.update(pl.col("k") == 1, {{"x": 9.0}})
data.upsert(frame.with_columns(pl.col("k") + 3, p=pl.lit("c")), on=["k"])
data.delete(pl.col("x") > 8)
assert "numpy.ma" not in sys.modules
"""
    loaded_by(code)
