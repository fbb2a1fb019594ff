"""Seeds and parameters by the names of files and folders, each by the rule that says so."""

from __future__ import annotations

import pytest

from parquetry.errors import ParameterError
from parquetry.experiments.conversion.clues import BESIDE, OWN, Clues, ParameterFile, nearness
from parquetry.experiments.conversion.rules import RULES, deduce


def deduced(path, *files, described=0):
    *folders, name = path.split("/")
    return deduce(Clues(tuple(folders), name.removesuffix(".csv"), described, files))


def rule_of(found, key):
    return next(fact.rule for fact in found.facts if fact.key == key)


@pytest.mark.parametrize(
    ("path", "seed", "rule"),
    [
        ("seed_3.csv", 3, "seed in the file name"),
        ("seed3.csv", 3, "seed in the file name"),
        ("seed=12.csv", 12, "seed in the file name"),
        ("Seed-04.csv", 4, "seed in the file name"),
        ("adam_seed_7.csv", 7, "seed in the file name"),
        ("seed_000_memorypair.csv", 0, "seed in the file name"),
        ("gamma_0.5_seed_3.csv", 3, "seed in the file name"),
        ("3.monitor.csv", 3, "monitor log"),
        ("run-3.csv", 3, "run in the file name"),
        ("trial_10.csv", 10, "run in the file name"),
        ("losses_3.csv", 3, "number at the end of the file name"),
        ("7.csv", 7, "number at the end of the file name"),
        ("seed_4/events.csv", 4, "seed in a folder name"),
        ("seed=5/run_1.csv", 5, "seed in a folder name"),
        ("x/run_6/events.csv", 6, "run in a folder name"),
        ("events.csv", 0, "no seed"),
        ("model_v2.csv", 0, "no seed"),
        ("lr_0.5.csv", 0, "no seed"),
        ("2024-05-01.csv", 0, "no seed"),
        ("reseed3.csv", 3, "number at the end of the file name"),
        ("rerun.csv", 0, "no seed"),
    ],
)
def test_the_seed_comes_from_the_first_rule_that_finds_one(path, seed, rule):
    found = deduced(path)
    assert (found.seed, rule_of(found, "seed")) == (seed, rule)


@pytest.mark.parametrize(
    ("path", "params", "rule"),
    [
        ("gamma_0.5/seed_1.csv", {"gamma": 0.5}, "key_value folder"),
        ("gamma_0.5-split_0.3/a.csv", {"gamma": 0.5, "split": 0.3}, "key_value folder"),
        ("gamma_bar_1/a.csv", {"gamma_bar": 1}, "key_value folder"),
        ("lr_1e-4_bs_32/a.csv", {"lr": 1e-4, "bs": 32}, "key_value folder"),
        ("use_sde_true/a.csv", {"use_sde": True}, "key_value folder"),
        ("x_-1/a.csv", {"x": -1}, "key_value folder"),
        ("gamma=0.5/a.csv", {"gamma": 0.5}, "key=value folder"),
        ("gamma=0.5,opt=adam/a.csv", {"gamma": 0.5, "opt": "adam"}, "key=value folder"),
        ("a=1_my_key=x-y/a.csv", {"a": 1, "my_key": "x-y"}, "key=value folder"),
        ("algo=a%20b/a.csv", {"algo": "a b"}, "key=value folder"),
        ("optimizer.lr=0.1/a.csv", {"optimizer.lr": 0.1}, "key=value folder"),
        ("adam/big/a.csv", {"level_1": "adam", "level_2": "big"}, "level"),
        ("adam/007/a.csv", {"level_1": "adam", "level_2": "007"}, "level"),
        ("dqn/CartPole-v1_1/0.monitor.csv", {"algo": "dqn", "env": "CartPole-v1"},
         "algorithm/environment"),
        ("gamma=0.5_seed=3.csv", {"gamma": 0.5}, "pairs in the file name"),
        ("gamma_0.5_seed_3.csv", {"gamma": 0.5}, "pairs in the file name"),
    ],
)  # fmt: skip
def test_parameters_come_from_names(path, params, rule):
    found = deduced(path)
    assert found.params == params
    assert {rule_of(found, key) for key in params} == {rule}


@pytest.mark.parametrize(
    "folder", ["seed_3", "run_3", "trial-7", "2024-05-01_12-00-00", "20240501", "gamma_0.5/seed_1"]
)
def test_folders_that_only_count_are_no_parameters(folder):
    assert set(deduced(f"{folder}/a.csv").params) <= {"gamma"}


def test_a_number_in_a_file_name_is_no_parameter_by_itself():
    assert deduced("losses_3.csv").params == {}


def file(path, near, values, kind=0):
    return ParameterFile(path, near, kind, values)


def test_the_nearest_source_of_each_key_counts_and_the_rest_is_told():
    found = deduced(
        "gamma=0.9/a_1.csv",
        file("gamma=0.9/a_1.json", nearness(OWN), {"lr": 1}),
        file("gamma=0.9/params.json", nearness(BESIDE), {"lr": 2, "n": 2}),
        file("config.yaml", nearness(BESIDE, 1), {"lr": 3, "n": 3, "gamma": 3, "deep": {"x": 1}}),
        described=1,
    )
    assert found.params == {"lr": 1, "n": 2, "gamma": 0.9, "deep": {"x": 1}}
    told = {(fact.key, fact.value, fact.source) for fact in found.overruled}
    assert ("gamma", 3, "config.yaml") in told
    assert ("lr", 2, "gamma=0.9/params.json") in told


def test_equal_files_that_disagree_are_refused_with_both_names():
    files = [file(name, nearness(BESIDE), {"lr": n}) for n, name in enumerate(["a.json", "b.json"])]
    with pytest.raises(ParameterError, match=r"'lr' is 0 in a\.json and 1 in b\.json"):
        deduced("x.csv", *files)


def test_equal_files_that_agree_are_fine():
    files = [file(n, nearness(BESIDE), {"lr": v}) for n, v in [("a.json", 1), ("b.json", 1.0)]]
    assert deduced("x.csv", *files).params == {"lr": 1}


def test_config_overrules_the_command_line_beside_it():
    found = deduced(
        "x.csv",
        file("args.yml", nearness(BESIDE), {"n": -1}, kind=4),
        file("config.yml", nearness(BESIDE), {"n": 5}, kind=1),
    )
    assert found.params == {"n": 5}


def test_names_above_a_parameter_file_are_not_guessed_at_but_explicit_ones_count():
    found = deduced(
        "sweep_2/x=1/adam/a.csv", file("params.json", nearness(BESIDE), {"lr": 1}), described=3
    )
    assert found.params == {"lr": 1, "x": 1}


def test_names_below_the_deepest_parameter_file_count():
    found = deduced("sweep/adam/a.csv", file("c", nearness(BESIDE, 1), {"lr": 1}), described=1)
    assert found.params == {"lr": 1, "level_2": "adam"}


def test_the_seed_of_a_parameter_file_counts_only_where_no_name_has_one():
    files = [file("params.json", nearness(BESIDE), {"seed": 42, "lr": 1})]
    assert deduced("events.csv", *files).seed == 42
    named = deduced("3.monitor.csv", *files)
    assert named.seed == 3
    assert [(fact.key, fact.value) for fact in named.overruled] == [("seed", 42)]
    assert named.params == {"lr": 1}


def test_every_rule_says_what_it_reads():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.meaning for rule in RULES)
