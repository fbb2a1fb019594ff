"""What changed between two versions of a table, and which step of the version that asks for.

MINOR is what every reader of the same MAJOR survives: a new column that may be NULL, a wider type, a
relaxed rule, one more listed value. All else is MAJOR and needs an upgrade function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from parquetry.tables.types import widens
from parquetry.tables.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.tables.columns import Column
    from parquetry.tables.schema import TableSchema

Level: TypeAlias = Literal["none", "minor", "major"]
_ORDER: tuple[Level, ...] = ("none", "minor", "major")


@dataclass(frozen=True)
class SchemaChange:
    """One change.

    Args:
        level: What it asks of the version; `none` for words and hints.
        what: The change in words.
        column: The column that it is about, if it is about one.
    """

    level: Level
    what: str
    column: str | None = None


@dataclass(frozen=True)
class SchemaDiff:
    """All changes from one version of a table to another."""

    old: str
    new: str
    changes: tuple[SchemaChange, ...]

    @property
    def level(self) -> Level:
        """The greatest step that any of the changes asks for."""
        return max((change.level for change in self.changes), key=_ORDER.index, default="none")

    @property
    def required_version(self) -> str:
        """The smallest version that the new table may have."""
        old = Version.parse(self.old)
        steps = {"none": old, "minor": old.next_minor(), "major": old.next_major()}
        return str(steps[self.level])

    @property
    def is_declared(self) -> bool:
        """Whether the new table's version is a step that is large enough."""
        return Version.parse(self.new) >= Version.parse(self.required_version)

    def describe(self) -> str:
        """Return the changes as text, the greatest first."""
        if not self.changes:
            return f"{self.old} and {self.new} are the same table."
        ordered = sorted(self.changes, key=lambda change: -_ORDER.index(change.level))
        lines = [f"{self.old} -> {self.new}: {self.level}"]
        lines += [f"- {change.level}: {change.what}" for change in ordered]
        if not self.is_declared:
            lines.append(f"The new version must be at least {self.required_version}.")
        return "\n".join(lines)


def diff(old: TableSchema, new: TableSchema) -> SchemaDiff:
    """Return what changed from one schema to the other; columns are matched by name."""
    return SchemaDiff(old.identifier, new.identifier, tuple(_changes(old, new)))


def _changes(old: TableSchema, new: TableSchema) -> Iterator[SchemaChange]:
    if old.name != new.name:
        yield SchemaChange("major", f"the table {old.name} is called {new.name}")
    if old.kind != new.kind:
        yield SchemaChange("major", f"a table of kind {old.kind} becomes one of kind {new.kind}")
    if old.primary_key != new.primary_key:
        yield SchemaChange("major", f"the key ({_listed(old)}) becomes ({_listed(new)})")
    yield from _columns(old, new)
    yield from (
        SchemaChange("minor", f"the rule `{rule.name}` is gone")
        for rule in old.rules
        if rule not in new.rules
    )
    yield from (
        SchemaChange("major", f"the rule `{rule.name}` is new")
        for rule in new.rules
        if rule not in old.rules
    )
    for hint in ("partition_by", "sort_by", "title", "purpose", "number"):
        if getattr(old, hint) != getattr(new, hint):
            yield SchemaChange("none", f"`{hint}` says something else")


def _listed(schema: TableSchema) -> str:
    return ", ".join(schema.primary_key)


def _columns(old: TableSchema, new: TableSchema) -> Iterator[SchemaChange]:
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    for name, column in before.items():
        if name in after:
            yield from _column(column, after[name])
        else:
            yield SchemaChange("major", f"the column {name!r} is gone", name)
    for name, column in after.items():
        if name not in before:
            level: Level = "minor" if column.nullable else "major"
            told = f"the column {name!r} ({column.describe_type()}) is new"
            yield SchemaChange(level, told, name)


def _column(old: Column, new: Column) -> Iterator[SchemaChange]:
    name = old.name
    if old.type != new.type:
        wider = widens(old.arrow_type, new.arrow_type)
        verb = "widens from" if wider else "changes from"
        yield SchemaChange(
            "minor" if wider else "major", f"{name!r} {verb} {old.type} to {new.type}", name
        )
    if old.nullable != new.nullable:
        told = "may be NULL now" if new.nullable else "must not be NULL any more"
        yield SchemaChange("minor" if new.nullable else "major", f"{name!r} {told}", name)
    yield from _values(old, new)
    if old.unit and old.unit != new.unit:
        yield SchemaChange("major", f"the unit of {name!r} was {old.unit} and is {new.unit}", name)
    words = ("meaning", "default", "high_cardinality")
    if any(getattr(old, word) != getattr(new, word) for word in words):
        yield SchemaChange("none", f"{name!r} is described in other words", name)


def _values(old: Column, new: Column) -> Iterator[SchemaChange]:
    if set(old.one_of) != set(new.one_of):
        fewer = bool(new.one_of) and not set(old.one_of) <= set(new.one_of)
        narrower = fewer or not old.one_of
        yield _limit(old, narrower=narrower, what=f"allows {', '.join(new.one_of) or 'any text'}")
    limits = (old.at_least, old.at_most)
    if limits != (new.at_least, new.at_most):
        lower = _tighter(old.at_least, new.at_least, 1)
        upper = _tighter(old.at_most, new.at_most, -1)
        told = f"allows from {_end(new.at_least)} to {_end(new.at_most)}"
        yield _limit(old, narrower=lower or upper, what=told)
    if old.holds != new.holds:
        relaxed = new.holds is None or old.holds == "json object"
        yield _limit(old, narrower=not relaxed, what=f"holds {new.holds or 'any text'}")


def _limit(column: Column, *, narrower: bool, what: str) -> SchemaChange:
    return SchemaChange(
        "major" if narrower else "minor", f"{column.name!r} now {what}", column.name
    )


def _tighter(old: float | None, new: float | None, sign: int) -> bool:
    if new is None:
        return False
    return old is None or sign * new > sign * old


def _end(limit: float | None) -> str:
    return "anything" if limit is None else f"{limit:g}"
