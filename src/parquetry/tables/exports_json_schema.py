"""The JSON Schema (draft 2020-12) of one row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyarrow import types as pt

if TYPE_CHECKING:
    import pyarrow as pa

    from parquetry.tables.columns import Column
    from parquetry.tables.schema import TableSchema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def row_json_schema(schema: TableSchema) -> dict[str, Any]:
    """Return the JSON Schema; what it has no word for stands under keys that begin with `x-`."""
    return {
        "$schema": _DIALECT,
        "$id": f"urn:parquetry:table:{schema.identifier}",
        "title": schema.name,
        "description": schema.purpose or schema.title,
        "type": "object",
        "properties": {column.name: _property(column) for column in schema.columns},
        "required": [column.name for column in schema.columns if not column.nullable],
        "additionalProperties": False,
        "x-kind": schema.kind,
        "x-primary-key": list(schema.primary_key),
        "x-rules": [rule.describe() for rule in schema.rules],
    }


def _property(column: Column) -> dict[str, Any]:
    found = _type(column.arrow_type)
    if column.nullable:
        found["type"] = [found["type"], "null"]
    limits = {"minimum": column.at_least, "maximum": column.at_most}
    found |= {word: limit for word, limit in limits.items() if limit is not None}
    if column.one_of:
        found["enum"] = [*column.one_of, *([None] if column.nullable else [])]
    if column.holds:
        found["contentMediaType"] = "application/json"
    if column.unit:
        found["x-unit"] = column.unit
    return found | {"description": column.meaning, "x-type": column.type}


def _type(kind: pa.DataType) -> dict[str, Any]:
    if pt.is_list(kind):
        return {"type": "array", "items": _type(kind.value_type)}
    if pt.is_struct(kind):
        fields = {field.name: _type(field.type) for field in kind}
        return {"type": "object", "properties": fields}
    if pt.is_integer(kind):
        return {"type": "integer"}
    if pt.is_floating(kind) or pt.is_decimal(kind):
        return {"type": "number"}
    if pt.is_boolean(kind):
        return {"type": "boolean"}
    return {"type": "string", **_format(kind)}


def _format(kind: pa.DataType) -> dict[str, str]:
    if pt.is_timestamp(kind):
        return {"format": "date-time"}
    if pt.is_date(kind):
        return {"format": "date"}
    return {"contentEncoding": "base64"} if pt.is_binary(kind) else {}
