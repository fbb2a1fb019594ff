"""What most tables share: the values that are listed, and the columns of the spine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tables.columns import IDENTIFIER, NOW, Column, column
from parquetry.tables.rules import Check
from parquetry.tables.schema import Kind, TableSchema

if TYPE_CHECKING:
    from parquetry.tables.rules import Rule

VERSION = "2.0"

SPLITS = ("train", "val", "probe")
KEY_SPLITS = (*SPLITS, "none")
MODULES = ("resid_pre", "attn_out", "mlp_out", "resid_post", "logits")
KEY_MODULES = (*MODULES, "none")
RUN_MODES = ("probe_micro_finetune", "train_full", "eval_only")

UTC = "timestamp[us, tz=UTC]"

RUN_ID = column("run_id", "string", "Stable ID of a training run")
ANALYSIS_ID = column(
    "analysis_id",
    "string",
    "ID of the versioned analysis that made this row; another analysis never overwrites it",
    default="default",
)
SCHEMA_VERSION = column(
    "schema_version", "string", "Table and version, `table@MAJOR.MINOR`", default=IDENTIFIER
)
CREATED_AT_UTC = column("created_at_utc", UTC, "When this row was made", default=NOW)
STEP = column("step", "int64", "Optimizer step", at_least=0, unit="steps", high_cardinality=True)
SEED = column("seed", "int32", "Seed of the run")
SAMPLE_SET = column("sample_set", "string", "Name of a fixed set of samples, such as `fixed_v1`")
SAMPLE_ID = column(
    "sample_id",
    "string",
    "Stable ID of a sample; `__all__` stands for the whole set",
    high_cardinality=True,
)
LAYER = column("layer", "int16", "Index of the layer; -1 stands for none", at_least=-1)
MODULE = column(
    "module", "string", "Place in the layer; `none` stands for no one place", one_of=KEY_MODULES
)
FAMILY_ID = column("family_id", "string", "Stable ID of a family of problems")
PROBE_NAME = column("probe_name", "string", "Name of the probe")
PROBE_CONFIG_HASH = column("probe_config_hash", "string", "Hash of the probe's configuration")
DETECTOR_VERSION = column("detector_version", "string", "Version of what found the event")

FACT_SPINE = (SCHEMA_VERSION, CREATED_AT_UTC)
INTERPRETATION_SPINE = (ANALYSIS_ID, SCHEMA_VERSION, CREATED_AT_UTC)


def table(
    number: int,
    name: str,
    title: str,
    purpose: str,
    columns: tuple[Column, ...],
    *,
    kind: Kind,
    primary_key: tuple[str, ...],
    rules: tuple[Rule, ...] = (),
    partition_by: tuple[str, ...] = (),
    sort_by: tuple[str, ...] = (),
) -> TableSchema:
    """Return a table of the pack; its rows must say that they are of it, and of its MAJOR version."""
    major = VERSION.partition(".")[0]
    own = Check(
        f"starts_with(schema_version, '{name}@{major}.')",
        f"`schema_version` names this table and MAJOR version, `{name}@{major}.…`.",
    )
    return TableSchema(
        name=name,
        columns=columns,
        primary_key=primary_key,
        kind=kind,
        version=VERSION,
        number=number,
        title=title,
        purpose=purpose,
        rules=(own, *rules),
        partition_by=partition_by,
        sort_by=sort_by,
    )
