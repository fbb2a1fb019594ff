"""What might be asked of a table that nobody knows: ranges of time, single values, sums of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.workloads.templates import Template

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.workloads.domain import Column, Domain

_FEW = 50  # distinct values that rows are grouped by
_MOST = 3  # columns of each kind that are asked about
_SHARES = (0.005, 0.02, 0.08)  # of a column's range that a question covers


def generic_templates(domain: Domain) -> Sequence[Template]:
    """Return templates over the columns of a table, by what kind of values each holds."""
    columns = list(domain.columns.values())
    times = [one for one in columns if one.kind in {"time", "day"} and one.distinct > 1][:_MOST]
    words = [one for one in columns if one.distinct > 1 and one.kind in {"word", "number"}]
    searched = sorted(words, key=lambda one: -one.distinct)[:_MOST]
    grouped = [one for one in columns if 1 < one.distinct <= _FEW][:_MOST]
    ranges = times or [one for one in words if one.kind == "number"][:_MOST]
    templates = [_range(one, grouped, 30 / (n + 1)) for n, one in enumerate(ranges)]
    templates += [_equal(one, 30 / (n + 1)) for n, one in enumerate(searched)]
    templates += [_both(one, ranges[0], 10) for one in searched[:1] if ranges]
    templates += [_groups(one, 4) for one in grouped[:1]]
    return templates or [_count()]


def _range(column: Column, grouped: Sequence[Column], weight: float) -> Template:
    group = next((one for one in grouped if one is not column), None)

    def write(rng: random.Random, domain: Domain) -> str:
        low, high = column.window(rng, rng.choice(_SHARES))
        where = f"FROM {domain.table} WHERE {column.sql} >= {low} AND {column.sql} < {high}"
        if group is None:
            return f"SELECT count(*) AS n {where}"
        return f"SELECT {group.sql}, count(*) AS n {where} GROUP BY ALL ORDER BY ALL"

    return Template(f"range of {column.name}", weight, write)


def _equal(column: Column, weight: float) -> Template:
    def write(rng: random.Random, domain: Domain) -> str:
        return f"SELECT count(*) AS n FROM {domain.table} WHERE {column.sql} = {column.pick(rng)}"

    return Template(f"one {column.name}", weight, write)


def _both(column: Column, ranged: Column, weight: float) -> Template:
    def write(rng: random.Random, domain: Domain) -> str:
        low, high = ranged.window(rng, rng.choice(_SHARES))
        return (
            f"SELECT count(*) AS n FROM {domain.table} WHERE {column.sql} = {column.pick(rng)} "
            f"AND {ranged.sql} >= {low} AND {ranged.sql} < {high}"
        )

    return Template(f"one {column.name}, range of {ranged.name}", weight, write)


def _groups(column: Column, weight: float) -> Template:
    def write(_: random.Random, domain: Domain) -> str:
        return f"SELECT {column.sql}, count(*) AS n FROM {domain.table} GROUP BY ALL ORDER BY ALL"

    return Template("everything", weight, write)


def _count() -> Template:
    return Template("everything", 1, lambda _, domain: f"SELECT count(*) AS n FROM {domain.table}")
