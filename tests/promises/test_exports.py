"""The public namespace: sorted, complete, and every name says who it is."""

from __future__ import annotations

import inspect

import pytest

import parquetry


def test_all_is_sorted_and_complete():
    assert list(parquetry.__all__) == sorted(parquetry.__all__)
    assert len(parquetry.__all__) <= 60


@pytest.mark.parametrize("name", parquetry.__all__)
def test_every_name_is_there_and_documented(name):
    value = getattr(parquetry, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value), f"{name} has no docstring"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        parquetry.nonsense  # noqa: B018


def test_dir_lists_the_public_names():
    assert set(parquetry.__all__) <= set(dir(parquetry))
