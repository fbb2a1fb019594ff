"""From what a question demands to the folders that it can concern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyarrow import types as pt

from parquetry.access.condition_tests import UnsuitedError, value_test
from parquetry.access.conditions import Combined, Comparison, Condition, Demand, OneOf
from parquetry.errors import LayoutError
from parquetry.model.partitions import PartitionFilter, Test, parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

Texts = frozenset[str | None]


def partition_filter(
    references: Sequence[Sequence[Demand]], keys: Mapping[str, pa.DataType]
) -> PartitionFilter | None:
    """Return the filter that admits every folder which one of the references can concern.

    Args:
        references: For each place of the question that reads the dataset, what it demands there.
        keys: The partition keys with their types.
    """
    exact: dict[str, Texts] = {}
    tests: dict[str, tuple[Test, ...]] = {}
    for key, kind in keys.items():
        each = [_demands_on(key, demands, kind) for demands in references]
        if not each or not all(each):
            continue  # one reference reads all values of this key
        texts = [_exact_texts(conditions, kind) for conditions in each]
        if all(one is not None for one in texts):
            exact[key] = frozenset().union(*(one for one in texts if one is not None))
        else:
            tests[key] = (_any_test([[_text_test(c, kind) for c in one] for one in each]),)
    return PartitionFilter(exact, tests) if exact or tests else None


def _demands_on(key: str, demands: Sequence[Demand], kind: pa.DataType) -> list[Condition]:
    """Return the conditions on one key that can be tested; SQL's names have no case."""
    usable = []
    for demand in demands:
        if demand.condition.column.lower() != key.lower():
            continue
        try:
            test = value_test(demand.condition, kind)
        except UnsuitedError:
            continue
        if not (demand.is_outer and test(None) is True):
            usable.append(demand.condition)
    return usable


def _exact_texts(conditions: Sequence[Condition], kind: pa.DataType) -> Texts | None:
    """Return the only texts that fulfil all conditions, if one of them says which those are."""
    if not pt.is_string(kind):
        return None
    found = [texts for one in conditions if (texts := _texts_of(one)) is not None]
    if not found:
        return None
    others = [_text_test(one, kind) for one in conditions]
    candidates = frozenset.intersection(*found)
    return frozenset(text for text in candidates if all(test(text) for test in others))


def _texts_of(condition: Condition) -> Texts | None:
    match condition:
        case Comparison(operator="=" | "is", value=value):
            return frozenset([value])
        case OneOf(values=values):
            return frozenset(values)
        case Combined(how="any", terms=terms):
            each = [_texts_of(term) for term in terms]
            known = [texts for texts in each if texts is not None]
            return frozenset().union(*known) if len(known) == len(each) else None
    return None


def _text_test(condition: Condition, kind: pa.DataType) -> Test:
    test = value_test(condition, kind)

    def admits(text: str | None) -> bool:
        try:
            value: Any = parse_text(text, kind)
        except LayoutError:
            return True  # whoever reads the folder says what is wrong with it
        return test(value) is True

    return admits


def _any_test(each: list[list[Test]]) -> Test:
    if len(each) == 1:
        only = each[0]
        return lambda text: all(test(text) for test in only)
    return lambda text: any(all(test(text) for test in tests) for tests in each)
