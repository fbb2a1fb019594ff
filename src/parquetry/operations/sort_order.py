"""In which order files stand whose rows are sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.operations.surveyed import SortKey, SurveyedFile


def common_sorting(files: Sequence[SurveyedFile]) -> tuple[SortKey, ...]:
    """Return the keys, from the first on, by which all files that have rows say they are sorted."""
    common: list[SortKey] = []
    for keys in zip(*(file.sorting for file in files if file.rows), strict=False):
        if len(set(keys)) > 1:
            break
        common.append(keys[0])
    held = [set(file.schema.names) for file in files]
    return tuple(common) if all(name in names for name, _, _ in common for names in held) else ()


def in_sorted_order(files: Sequence[SurveyedFile]) -> Sequence[SurveyedFile]:
    """Return files by the bounds of the column that all are sorted by; as they are if not all say."""
    sorting = common_sorting(files)
    bounds = [file.bounds for file in files]
    if not sorting or any(one is None for one in bounds):
        return files
    places = range(len(files))
    try:
        order = sorted(places, key=lambda place: bounds[place] or (), reverse=sorting[0][1])
    except TypeError:  # values that have no order in Python
        return files
    return [files[place] for place in order]


def overlapping(
    files: Sequence[SurveyedFile], sorting: Sequence[SortKey]
) -> list[list[SurveyedFile]]:
    """Return files that stand in this order in groups: within a group rows must be merged to be sorted.

    Where nobody says how rows are sorted, or a bound is not known, there is nothing to tell: each is a
    group of its own in the first case, all are one in the second.
    """
    if not sorting:
        return [[file] for file in files]
    if any(file.bounds is None for file in files if file.rows):
        return [list(files)]
    groups: list[list[SurveyedFile]] = []
    reach: tuple[Any, Any] | None = None  # of the group, in the direction of sorting
    for file in files:
        if groups and (
            reach is None
            or file.bounds is None
            or not _is_before(
                reach, file.bounds, descending=sorting[0][1], touching_is_fine=len(sorting) == 1
            )
        ):
            groups[-1].append(file)
        else:
            groups.append([file])
            reach = None
        reach = _farther(reach, file.bounds, descending=sorting[0][1])
    return groups


def _farther(
    one: tuple[Any, Any] | None, other: tuple[Any, Any] | None, *, descending: bool
) -> tuple[Any, Any] | None:
    if one is None or other is None:
        return one or other
    try:
        if descending:
            return min(one, other, key=lambda bounds: bounds[0])
        return max(one, other, key=lambda bounds: bounds[1])
    except TypeError:  # values that have no order in Python
        return one


def _is_before(
    one: tuple[Any, Any], other: tuple[Any, Any], *, descending: bool, touching_is_fine: bool
) -> bool:
    end, start = (other[1], one[0]) if descending else (one[1], other[0])
    try:
        return bool(end < start or (touching_is_fine and end == start))
    except TypeError:  # values that have no order in Python
        return False
