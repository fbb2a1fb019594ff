"""Which bounds of texts are to be trusted."""

from __future__ import annotations

import pytest

from parquetry.files.bounds import is_certain


@pytest.mark.parametrize(
    ("bound", "certain"),
    [
        ("a" * 15, True),
        ("a" * 16, False),
        (b"a" * 15, True),
        (b"a" * 16, False),
        ("é" * 7, True),
        ("é" * 8, False),  # sixteen bytes
        (10**20, True),
        (None, True),
    ],
)
def test_only_bounds_that_no_writer_cuts_are_certain(bound, certain):
    assert is_certain(bound) is certain
