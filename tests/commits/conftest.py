"""The dataset that every test here starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from commits.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)
