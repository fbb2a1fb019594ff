"""Every rule by which a CSV gets its seed and its parameters, in one table.

`SEED_RULES` are asked in order, and the first answer counts; only a `seed` column in the CSV
itself comes before them. `PARAMETER_RULES` give facts for single keys: for each key the nearest
source counts (see `clues.nearness`), and of sources that are equally near the earlier rule. A
folder's name is read by the first rule that understands it. Names that say `key_value`, name an
environment or say nothing at all are read only below the deepest parameter file, because above it
the file says what was run. Two files of one kind in one place that disagree are an error.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.experiments.conversion import names
from parquetry.experiments.conversion.clues import (
    FILE_NAME,
    FOLDER_NAME,
    Clues,
    Deduction,
    Fact,
    nearness,
)
from parquetry.experiments.hashing import grid_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to know something about a run.

    Args:
        name: What a report calls it.
        meaning: What it reads, with an example.
        find: Gives the facts that it finds in the clues.
    """

    name: str
    meaning: str
    find: Callable[[Clues], Iterable[Fact]]


def _seed_of_stem(read: Callable[[str], int | None]) -> Callable[[Clues], Iterator[Fact]]:
    def find(clues: Clues) -> Iterator[Fact]:
        number = read(clues.stem)
        if number is not None:
            yield Fact(SEED, number, f"{clues.stem}.csv", (FILE_NAME, 0))

    return find


def _seed_of_folders(read: Callable[[str], int | None]) -> Callable[[Clues], Iterator[Fact]]:
    def find(clues: Clues) -> Iterator[Fact]:
        for place in reversed(range(len(clues.folders))):
            number = read(clues.folders[place])
            if number is not None:
                yield _folder_fact(clues, place, SEED, number)

    return find


def _seed_of_files(clues: Clues) -> Iterator[Fact]:
    for file in clues.files:
        seed = file.values.get(SEED)
        if type(seed) is int:
            yield Fact(SEED, seed, file.path, (file.near, file.kind))


def _seed_of_nothing(_clues: Clues) -> Iterator[Fact]:
    yield Fact(SEED, 0, "nothing names a seed", (FILE_NAME, 0))


def _parameters_of_files(clues: Clues) -> Iterator[Fact]:
    for file in clues.files:
        for key, value in file.values.items():
            yield Fact(key, value, file.path, (file.near, file.kind))


def _parameters_of_stem(clues: Clues) -> Iterator[Fact]:
    pairs = names.equals_pairs(clues.stem)
    if not pairs:
        # `losses_3.csv` counts files; only beside a seed does `gamma_0.5` say what was run.
        pairs = names.underscore_pairs(clues.stem)
        pairs = pairs if SEED in pairs else {}
    for key, value in pairs.items():
        yield Fact(key, value, f"{clues.stem}.csv", (nearness(FILE_NAME), 0))


def _parameters_of_folders(
    read: Callable[[Clues, int], dict[str, Any] | None], *, only_undescribed: bool = False
) -> Callable[[Clues], Iterator[Fact]]:
    def find(clues: Clues) -> Iterator[Fact]:
        for place in range(clues.described if only_undescribed else 0, len(clues.folders)):
            pairs = read(clues, place)
            if pairs is not None:
                for key, value in (pairs or {"": None}).items():
                    yield _folder_fact(clues, place, key, value)

    return find


def _folder_fact(clues: Clues, place: int, key: str, value: Any) -> Fact:
    near = nearness(FOLDER_NAME, len(clues.folders) - 1 - place)
    return Fact(key, value, "/".join(clues.folders[: place + 1]) + "/", (near, 0), place)


def _equals(clues: Clues, place: int) -> dict[str, Any] | None:
    return names.equals_pairs(clues.folders[place]) or None


def _underscore(clues: Clues, place: int) -> dict[str, Any] | None:
    return names.underscore_pairs(clues.folders[place]) or None


def _counts_runs(clues: Clues, place: int) -> dict[str, Any] | None:
    name = clues.folders[place]
    is_seed = names.seed_word(name) is not None and not names.underscore_pairs(name)
    return {} if is_seed or names.is_run_folder(name) or names.has_date(name) else None


def _training_run(clues: Clues, place: int) -> dict[str, Any] | None:
    environment = names.environment_name(clues.folders[place])
    if environment is not None:
        return {"env": environment}
    below = clues.folders[place + 1 : place + 2]
    is_algorithm = bool(below) and names.environment_name(below[0]) is not None
    return {"algo": clues.folders[place]} if is_algorithm else None


def _level(clues: Clues, place: int) -> dict[str, Any] | None:
    return {f"level_{place + 1}": names.typed_text(clues.folders[place])}


SEED_RULES = (
    Rule("seed in the file name", "seed_3.csv, adam-seed3.csv", _seed_of_stem(names.seed_word)),
    Rule("seed in a folder name", "seed_3/events.csv", _seed_of_folders(names.seed_word)),
    Rule("monitor log", "3.monitor.csv", _seed_of_stem(names.monitor_number)),
    Rule("run in the file name", "run-3.csv, trial_3.csv", _seed_of_stem(names.run_word)),
    Rule(
        "number at the end of the file name",
        "losses_3.csv; not model_v2.csv, lr_0.5.csv, 2024-05-01.csv",
        _seed_of_stem(names.end_number),
    ),
    Rule("seed in a parameter file", "seed: 3, the nearest file first", _seed_of_files),
    Rule("run in a folder name", "run_3/events.csv", _seed_of_folders(names.run_word)),
    Rule("no seed", "seed 0, where nothing names one", _seed_of_nothing),
)

PARAMETER_RULES = (
    Rule(
        "parameter file",
        "NAME.json or NAME.yaml for NAME.csv; params, config, hyperparams, args (.json, .yaml, "
        ".yml) and other *.json: beside the CSV, in folders below it without a CSV, in those above",
        _parameters_of_files,
    ),
    Rule("pairs in the file name", "gamma=0.5.csv, gamma_0.5_seed_3.csv", _parameters_of_stem),
    Rule("key=value folder", "gamma=0.5,split=0.3/", _parameters_of_folders(_equals)),
    Rule(
        "folder that counts",
        "seed_3/, run_3/, 2024-05-01_12-00/: no parameter",
        _parameters_of_folders(_counts_runs),
    ),
    Rule(
        "algorithm/environment",
        "dqn/CartPole-v1_1/: algo and env",
        _parameters_of_folders(_training_run, only_undescribed=True),
    ),
    Rule(
        "key_value folder",
        "gamma_0.5-split_0.3/",
        _parameters_of_folders(_underscore, only_undescribed=True),
    ),
    Rule(
        "level",
        "any other folder: level_1, level_2, … by its depth",
        _parameters_of_folders(_level, only_undescribed=True),
    ),
)

RULES = SEED_RULES + PARAMETER_RULES


def deduce(clues: Clues) -> Deduction:
    """Return the seed and the parameters that follow from the clues, and the reasons.

    Raises:
        ParameterError: Two sources that count equally give one key different values.
    """
    seeds = [fact for rule in SEED_RULES for fact in _named(rule, clues)]
    taken: dict[str, Fact] = {}
    is_default = SEED_RULES[-1].name
    overruled = [
        fact for fact in seeds[1:] if fact.rule != is_default and fact.value != seeds[0].value
    ]
    for fact in sorted(_parameter_facts(clues), key=operator.attrgetter("near")):
        before = taken.setdefault(fact.key, fact)
        if before is not fact and not _same(before, fact):
            _check_rank(before, fact)
            overruled.append(fact)
    params = {key: fact.value for key, fact in taken.items()}
    facts = (seeds[0], *taken.values())
    return Deduction(params, int(seeds[0].value), facts, tuple(overruled))


def _parameter_facts(clues: Clues) -> Iterator[Fact]:
    read_by: dict[int, str] = {}
    for rule in PARAMETER_RULES:
        for fact in _named(rule, clues):
            if fact.place is not None and read_by.setdefault(fact.place, rule.name) != rule.name:
                continue
            if fact.key not in {"", SEED}:
                yield fact


def _named(rule: Rule, clues: Clues) -> Iterator[Fact]:
    return (replace(fact, rule=rule.name) for fact in rule.find(clues))


def _same(one: Fact, other: Fact) -> bool:
    return grid_hash({"value": one.value}) == grid_hash({"value": other.value})


def _check_rank(one: Fact, other: Fact) -> None:
    if one.near == other.near and one.source != other.source:
        raise ParameterError(
            f"The parameter {one.key!r} is {one.value!r} in {one.source} and {other.value!r} in "
            f"{other.source}, and both count equally. Nothing was converted with them. Take it out "
            "of one of them, or put the one that is right into a params.json."
        )
