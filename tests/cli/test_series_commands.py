"""The series commands convert, describe and check what feeds a simulation."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def folder(tmp_path):
    values = np.arange(400.0).reshape(200, 2)
    np.savetxt(tmp_path / "wind.txt", values)
    np.savetxt(tmp_path / "load.tsv", values[:, :1], delimiter="\t")
    return tmp_path


def test_convert_makes_twins_once_and_info_describes_them(run, folder):
    found = run("series", "convert", folder, "--block-length", 24)
    assert found.code == 0
    assert "2 twins written" in found.out
    assert pl.read_parquet(folder / "wind.parquet").shape == (200, 2)
    assert "0 twins written, 2 up to date" in run("series", "convert", folder).out
    table = run("series", "info", folder).table
    assert [row[:3] for row in table[1:]] == [
        ["load", "200", "1"],
        ["wind", "200", "2"],
    ]


def test_check_says_what_would_stop_a_simulation(run, folder):
    run("series", "convert", folder)
    assert run("series", "check", folder).code == 0
    found = run("series", "check", folder, "--last-step", 200, "--scenarios", 2)
    assert found.code == 1
    assert "wind" in found.out


def test_a_file_that_is_no_series_is_an_error(run, folder):
    (folder / "bad.parquet").write_bytes(b"nothing")
    found = run("series", "info", folder / "bad.parquet")
    assert found.code == 7
    assert "bad.parquet" in found.err


def test_a_folder_without_series_is_told(run, tmp_path):
    assert "no Parquet series" in run("series", "info", tmp_path).out
    found = run("series", "check", tmp_path)
    assert found.code == 1
    assert "it holds no series" in found.out


@pytest.mark.parametrize("command", ["convert", "check"])
def test_a_folder_that_is_not_there_is_told_with_what_it_should_hold(run, tmp_path, command):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        found = run("series", command, path)
        assert found.code == 3
        assert f"no folder of series at {path}" in found.err
        assert ".parquet, .txt, .tsv, .csv" in found.err
