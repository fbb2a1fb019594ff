"""Columns that differ between the files of a dataset, or that engines cannot tell apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.commits.checking.partitions import keys_of
from parquetry.model.findings import Finding, printable
from parquetry.model.schema import normal_schema, unite_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from parquetry.commits.checking.survey import Survey
    from parquetry.files.verifying import Examination


@dataclass(frozen=True, slots=True)
class _Variant:
    """One schema, the first file that has it, and how many have."""

    schema: pa.Schema
    first: str
    files: int


def column_findings(seen: Survey, inside: Mapping[str, Examination]) -> Iterator[Finding]:
    """Yield what is wrong with columns, one finding for all files that share a schema."""
    variants = _variants(inside)
    keys = sorted({key for file in seen.data for key in keys_of(file.folder)})
    for variant in variants:
        yield from _alone(variant)
    yield from _types(variants)
    yield from _missing(variants, keys)
    yield from _cases(variants, keys)


def _variants(inside: Mapping[str, Examination]) -> list[_Variant]:
    files: defaultdict[pa.Schema, list[str]] = defaultdict(list)
    for path, examination in inside.items():
        if examination.schema is not None:
            files[examination.schema].append(path)
    found = [_Variant(normal_schema(s), printable(min(p)), len(p)) for s, p in files.items()]
    return sorted(found, key=lambda variant: variant.first)


def _alone(variant: _Variant) -> Iterator[Finding]:
    names = Counter(variant.schema.names)
    where = _where(variant)
    if not names:
        yield Finding(
            "error",
            "no-columns",
            variant.first,
            f"There are no columns{where}; DuckDB fails, Polars loses the rows.",
            "Move it out of the dataset.",
        )
    for name in (name for name, count in names.items() if count > 1):
        yield Finding(
            "error",
            "duplicate-column",
            variant.first,
            f"The column {name!r} occurs {names[name]} times{where}; Polars and PyArrow fail.",
            "Write it anew with distinct names.",
        )
    if "" in names:
        yield Finding(
            "warning",
            "unnamed-column",
            variant.first,
            f"A column has an empty name{where}; DuckDB calls it C0.",
            "Write it anew with a name.",
        )


def _types(variants: list[_Variant]) -> Iterator[Finding]:
    known: dict[str, tuple[pa.DataType, str]] = {}
    for variant in variants:
        for field in variant.schema:
            kind, file = known.setdefault(field.name, (field.type, variant.first))
            if kind == field.type:
                continue
            united = unite_types(kind, field.type)
            said = f"The column {field.name!r} is {field.type} here and {kind} in {file}"
            if united is None:
                yield Finding(
                    "error",
                    "types-incompatible",
                    variant.first,
                    f"{said}; no type holds both without loss.",
                    "Cast one of them, or keep them in two columns.",
                )
            else:
                known[field.name] = (united, file)
                yield Finding(
                    "warning",
                    "types-differ",
                    variant.first,
                    f"{said}. parquetry reads both as {united}; DuckDB without `union_by_name` takes "
                    "the first file's type and rounds, Polars fails.",
                    "Compact the dataset, which writes one type.",
                )


def _missing(variants: list[_Variant], keys: list[str]) -> Iterator[Finding]:
    every = dict.fromkeys(name for variant in variants for name in variant.schema.names)
    for variant in variants:
        lacking = [name for name in every if name not in (*variant.schema.names, *keys)]
        if lacking:
            yield Finding(
                "note",
                "columns-missing",
                variant.first,
                f"Columns of other files are not here: {', '.join(lacking)}{_where(variant)}. "
                "parquetry reads NULL; DuckDB needs `union_by_name`, Polars "
                '`missing_columns="insert"`.',
                "Compact the dataset, if other tools read it.",
            )


def _cases(variants: list[_Variant], keys: list[str]) -> Iterator[Finding]:
    names = [name for variant in variants for name in variant.schema.names]
    for group in _by_case([*keys, *names]):
        first = next((v.first for v in variants if set(group) & set(v.schema.names)), ".")
        yield Finding(
            "warning",
            "columns-differ-by-case",
            first,
            f"The columns or partition keys {' and '.join(map(repr, group))} differ only by case; "
            "DuckDB takes them for one, Polars and PyArrow do not.",
            "Rename one of them.",
        )


def _by_case(names: Iterable[str]) -> list[list[str]]:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[name.casefold()].add(name)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def _where(variant: _Variant) -> str:
    if variant.files == 1:
        return ""
    return f", here and in {variant.files - 1} more of the same kind"
