"""Settings: from arguments, else from the environment, else as documented; never a wrong one."""

from __future__ import annotations

import pytest

from parquetry.errors import ParameterError
from parquetry.tuning import Config


def test_the_documented_values_hold_where_nothing_is_said(monkeypatch):
    for name in ("DATA_DIR", "METADATA_DB", "EXPLORATION_RATE", "ALPHA", "BETA"):
        monkeypatch.delenv(name, raising=False)
    config = Config()
    assert (config.data_dir, config.metadata_db) == ("data", "metadata.db")
    assert (config.exploration_rate, config.alpha, config.beta) == (0.2, 1.0, 0.1)
    assert (config.theta, config.min_queries, config.half_life_days) == (0.5, 30, 7.0)


@pytest.mark.parametrize(
    ("variable", "value", "setting", "expected"),
    [
        ("DATA_DIR", "elsewhere", "data_dir", "elsewhere"),
        ("METADATA_DB", "m.db", "metadata_db", "m.db"),
        ("EXPLORATION_RATE", "0.5", "exploration_rate", 0.5),
        ("ALPHA", "2", "alpha", 2.0),
        ("BETA", "0", "beta", 0.0),
        ("PARQUETRY_THETA", "1.0", "theta", 1.0),
        ("PARQUETRY_DATA_DIR", "there", "data_dir", "there"),
    ],
)
def test_the_environment_is_asked(monkeypatch, variable, value, setting, expected):
    monkeypatch.setenv(variable, value)
    assert getattr(Config(), setting) == expected


def test_an_argument_beats_the_environment(monkeypatch):
    monkeypatch.setenv("ALPHA", "5")
    assert Config(alpha=3.0).alpha == 3.0


@pytest.mark.parametrize(
    "settings",
    [
        {"exploration_rate": 1.5},
        {"exploration_rate": "often"},
        {"theta": 0},
        {"bandit": "one-armed"},
        {"no_such_setting": 1},
        {"data_dir": ""},
    ],
)
def test_a_value_that_is_not_accepted_is_named(settings):
    [name] = settings
    with pytest.raises(ParameterError, match=name):
        Config(**settings)


def test_a_wrong_variable_of_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("EXPLORATION_RATE", "often")
    with pytest.raises(ParameterError, match="exploration_rate is 'often'"):
        Config()


def test_settings_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="frozen"):
        Config().alpha = 2.0
