"""A schema as a JSON document, and back."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from parquetry.errors import CorruptionError, FormatVersionError, ParameterError, RequestError
from parquetry.tables.columns import Column
from parquetry.tables.rules import RULES
from parquetry.tables.schema import TableSchema

if TYPE_CHECKING:
    from parquetry.tables.rules import Rule

FORMAT = 1


def schema_to_json(schema: TableSchema) -> str:
    """Return the document of a schema; what a column leaves open is left out."""
    document = {
        "format": FORMAT,
        **_plain(schema),
        "columns": [_plain(column) for column in schema.columns],
        "rules": [{"rule": type(rule).__name__, **_plain(rule)} for rule in schema.rules],
    }
    return json.dumps(document, indent=1, ensure_ascii=False)


def _plain(value: Any) -> dict[str, Any]:
    """Return the fields that differ from their defaults."""
    fields = dataclasses.fields(value)
    pairs = {field.name: (getattr(value, field.name), field.default) for field in fields}
    return {name: found for name, (found, default) in pairs.items() if found != default}


def schema_from_json(text: str | bytes) -> TableSchema:
    """Return the schema of a document.

    Raises:
        FormatVersionError: The document was written by a newer parquetry.
        CorruptionError: It is no schema.
    """
    try:
        document = json.loads(text)
        if document.pop("format") > FORMAT:
            raise FormatVersionError(
                "This table schema was written by a newer parquetry. Nothing was changed. "
                "Update parquetry."
            )
        columns = tuple(Column(**_tuples(column)) for column in document.pop("columns"))
        rules = tuple(_rule(rule) for rule in document.pop("rules"))
        return TableSchema(columns=columns, rules=rules, **_tuples(document))
    except (ValueError, TypeError, KeyError, AttributeError, RequestError) as error:
        raise CorruptionError(
            f"This is no table schema: {error}. Nothing was changed. Write it anew from the code that "
            "declares the table."
        ) from error


def _rule(document: dict[str, Any]) -> Rule:
    kinds = {kind.__name__: kind for kind in RULES}
    kind = kinds.get(document["rule"])
    if kind is None:
        raise ParameterError(f"there is no rule {document['rule']!r}")
    fields = {name: value for name, value in document.items() if name != "rule"}
    return kind(**_tuples(fields))


def _tuples(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
