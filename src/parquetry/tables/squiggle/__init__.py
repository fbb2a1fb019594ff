"""The tables of Squiggle Matching: how the geometry of a network moves while it learns.

```python
from parquetry.tables import squiggle

good, failures = squiggle.RUNS.filter(frame)
[table.identifier for table in squiggle.TABLES]
```
"""

from __future__ import annotations

from parquetry.tables.packs import Chapter, TablePack
from parquetry.tables.squiggle.events import EVENTS, EVENTS_CANDIDATES
from parquetry.tables.squiggle.facts import CHECKPOINTS, FAMILIES, RUNS, SAMPLES
from parquetry.tables.squiggle.geometry import GEOMETRY_DYNAMICS, GEOMETRY_STATE
from parquetry.tables.squiggle.heavy import ATTENTION_SUMMARY, EMBEDDINGS
from parquetry.tables.squiggle.metrics import METRICS_SCALAR
from parquetry.tables.squiggle.probes import (
    PROBE_CAPTURES_INDEX,
    PROBE_EVENTS_CANDIDATES,
    PROBE_SUMMARIES,
)
from parquetry.tables.squiggle.signatures import MATCHES, SIGNATURES

_INTRODUCTION = """\
These tables hold **immutable run artifacts** (facts), **versioned analysis artifacts**
(interpretations) and **probe summaries** for ranking and selection:

- **State (Layer A)**: geometric descriptors that do not depend on the basis
- **Dynamics (Layer B)**: descriptors of change in time
- **Event candidates (Layer C)**: derived discrete transitions
- **Signatures**: compressed squiggles that can be matched
- **Matches**: correspondence of signatures

Recommended Parquet compression: **zstd**.

# Key design conventions

## Common spine keys

- `run_id`: stable ID of a training run
- `analysis_id`: ID of a versioned analysis (interpretations); another analysis never overwrites it
- `schema_version`: table and version, `table@MAJOR.MINOR`
- `created_at_utc`: when the row was made

Optional by table: `step`, `seed`, `sample_id`, `sample_set`, `split`, `layer`, `module`, `family_id`,
`probe_name`, `probe_config_hash`. Keys are never NULL: `"__all__"`, `"none"` and `-1` stand for "not
one".

## Partitioning guidance

Never by `step`. Always by `run_id` where there is one; often by `analysis_id` (interpretations),
`probe_name` or `sample_set`; sometimes by `module`, `event_type` or `metric_name`; by `layer` only if
there are few. Each table says below what it is partitioned and sorted by, and what must never name
folders.
"""

TABLES = TablePack(
    name="squiggle",
    title="Squiggle Matching",
    introduction=_INTRODUCTION,
    chapters=(
        Chapter("Runs and what they are measured with", (RUNS, CHECKPOINTS, SAMPLES, FAMILIES)),
        Chapter("Scalar metrics", (METRICS_SCALAR,)),
        Chapter(
            "Probe outputs (facts and interpretation)",
            (PROBE_CAPTURES_INDEX, PROBE_SUMMARIES, PROBE_EVENTS_CANDIDATES),
        ),
        Chapter(
            "Geometry and dynamics (analysis artifacts)",
            (GEOMETRY_STATE, GEOMETRY_DYNAMICS, EVENTS_CANDIDATES),
        ),
        Chapter("Events, signatures, matching (analysis artifacts)", (EVENTS, SIGNATURES, MATCHES)),
        Chapter("Optional heavy datasets (use sparingly)", (EMBEDDINGS, ATTENTION_SUMMARY)),
    ),
)

__all__ = [
    "ATTENTION_SUMMARY",
    "CHECKPOINTS",
    "EMBEDDINGS",
    "EVENTS",
    "EVENTS_CANDIDATES",
    "FAMILIES",
    "GEOMETRY_DYNAMICS",
    "GEOMETRY_STATE",
    "MATCHES",
    "METRICS_SCALAR",
    "PROBE_CAPTURES_INDEX",
    "PROBE_EVENTS_CANDIDATES",
    "PROBE_SUMMARIES",
    "RUNS",
    "SAMPLES",
    "SIGNATURES",
    "TABLES",
]
