"""How the columns of new files are declared: as in the old ones, as far as these agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.model.schema import normal_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey


def replica_schema(survey: Survey) -> pa.Schema:
    """Return all columns of a dataset, the keys of its paths among them."""
    return pa.schema([_declared(field, survey.files) for field in survey.columns])


def folder_schema(survey: Survey, files: Sequence[SurveyedFile]) -> pa.Schema:
    """Return the columns that some files of one folder hold, with what they say of themselves."""
    held = {name for file in files for name in file.schema.names}
    fields = [_declared(field, files) for field in survey.columns if field.name in held]
    return pa.schema(fields, metadata=files[0].schema.metadata)


def _declared(field: pa.Field, files: Sequence[SurveyedFile]) -> pa.Field:
    """Return a column as all files that hold it declare it, else in normal form."""
    schemas = {id(file.schema): file.schema for file in files}.values()
    found = [one.field(field.name) for one in schemas if field.name in one.names]
    if not found or any(not one.equals(found[0], check_metadata=True) for one in found[1:]):
        return field
    if normal_type(found[0].type) != field.type:
        return field
    return found[0].with_nullable(nullable=True)  # whoever lacks the column holds NULL
