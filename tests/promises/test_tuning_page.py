"""The page on tuning lists every setting with its default, and every command that tunes."""

from __future__ import annotations

from pathlib import Path

import pytest

from parquetry.cli.tuning.registering import NAMES
from parquetry.tuning import Config

PAGE = (Path(__file__).resolve().parents[2] / "docs/tuning.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(Config.model_fields) - {"nyc_taxi_url"}))
def test_every_setting_stands_on_the_page_with_its_default(name):
    default = Config.model_fields[name].default
    told = f"{default:,}" if isinstance(default, int) and default > 9_999 else str(default)
    [line] = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert line.split("|")[3].strip() == told


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_command_that_tunes_stands_on_the_page(name):
    assert name in PAGE
