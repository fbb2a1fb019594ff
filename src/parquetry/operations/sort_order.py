"""In which order files stand whose rows are sorted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.operations.surveying import SortKey, SurveyedFile


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


def are_interleaved(files: Sequence[SurveyedFile], sorting: Sequence[SortKey]) -> bool:
    """Return whether rows of files that stand in this order must be merged to be sorted."""
    if not sorting:
        return False
    bounds = [file.bounds for file in files if file.rows]
    known = [one for one in bounds if one is not None]
    if len(known) < len(bounds):
        return True
    descending = sorting[0][1]
    touching_is_fine = len(sorting) == 1
    return any(
        not _is_before(one, other, descending=descending, touching_is_fine=touching_is_fine)
        for one, other in pairwise(known)
    )


def _is_before(
    one: tuple[Any, Any], other: tuple[Any, Any], *, descending: bool, touching_is_fine: bool
) -> bool:
    end, start = (other[1], one[0]) if descending else (one[1], other[0])
    try:
        return bool(end < start or (touching_is_fine and end == start))
    except TypeError:  # values that have no order in Python
        return False
