"""Every error of the tree survives pickling and says what happened to the data."""

from __future__ import annotations

import inspect
import pickle

import pytest

from parquetry import errors

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.ParquetryError)
]


@pytest.mark.parametrize("kind", TREE)
def test_an_error_survives_pickling(kind):
    error = kind("what happened", outcome="changed", path="/a/b")
    error.note = "more"
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == "what happened"
    assert (copy.outcome, copy.path, copy.note) == ("changed", "/a/b", "more")


@pytest.mark.parametrize("kind", TREE)
def test_an_error_can_be_made_from_a_message_alone(kind):
    assert kind("text").outcome == "unchanged"


@pytest.mark.parametrize("kind", TREE)
def test_every_error_stands_in_the_drawing(kind):
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.RequestError, ValueError),
        (errors.NotFoundError, FileNotFoundError),
        (errors.AlreadyExistsError, FileExistsError),
        (errors.StorageError, OSError),
        (errors.MissingDependencyError, ImportError),
    ],
)
def test_errors_are_what_a_handler_of_the_builtin_expects(kind, builtin):
    assert issubclass(kind, builtin)
