"""Tables 12 to 14: what probes captured, its summary, and candidates for events in it."""

from __future__ import annotations

from parquetry.tables.columns import column
from parquetry.tables.rules import SameLength, SameLengthAsOneOf
from parquetry.tables.squiggle.spine import (
    ANALYSIS_ID,
    CREATED_AT_UTC,
    DETECTOR_VERSION,
    FAMILY_ID,
    PROBE_CONFIG_HASH,
    PROBE_NAME,
    RUN_ID,
    RUN_MODES,
    SCHEMA_VERSION,
    SEED,
    table,
)

PROBE_CAPTURES_INDEX = table(
    12,
    "probe_captures_index",
    "probe capture inventory, immutable facts",
    "Inventory of the immutable capture files that the probes of a run produced.",
    (
        RUN_ID,
        PROBE_NAME,
        PROBE_CONFIG_HASH,
        SCHEMA_VERSION,
        column(
            "capture_type",
            "string",
            "What was captured, such as `activations_sketch`, `attn_summary` or `grad_norms`",
        ),
        column("step", "int64?", "Optimizer step, if the file is of one", high_cardinality=True),
        column(
            "shard_id", "string", "ID of the file among those of the probe", high_cardinality=True
        ),
        column("path", "string", "Where the file is", high_cardinality=True),
        column(
            "bytes", "int64", "Size of the file", at_least=0, unit="bytes", high_cardinality=True
        ),
        column("checksum", "string?", "Checksum of the file", high_cardinality=True),
        CREATED_AT_UTC,
    ),
    kind="fact",
    primary_key=("run_id", "probe_name", "probe_config_hash", "shard_id"),
    partition_by=("run_id", "probe_name"),
)

_LAYER_A = {
    "A_eff_rank_pre": "Effective rank before the probe's training",
    "A_eff_rank_post": "Effective rank after the probe's training",
    "A_eff_rank_delta": "Effective rank after less that before",
    "A_sv_entropy_pre": "Entropy of the singular values before the training",
    "A_sv_entropy_post": "Entropy of the singular values after the training",
    "A_sv_entropy_delta": "Entropy of the singular values after less that before",
    "A_sparsity_pre": "Sparsity before the training",
    "A_sparsity_post": "Sparsity after the training",
    "A_sparsity_delta": "Sparsity after less that before",
    "A_principal_angle_post_vs_pre": "Principal angle (or similarity) of the subspaces after and before",
}
_LAYER_B = {
    "B_drift_velocity_by_layer": "Speed of the drift",
    "B_drift_accel_by_layer": "Acceleration of the drift",
    "B_volatility_by_layer": "Volatility of the drift",
    "B_alignment_velocity_by_layer": "Speed of the alignment",
}
_LAYER_B_GLOBAL = {
    "B_drift_velocity_global": "Speed of the drift over all layers",
    "B_drift_accel_global": "Acceleration of the drift over all layers",
    "B_volatility_global": "Volatility of the drift over all layers",
    "B_alignment_velocity_global": "Speed of the alignment over all layers",
}

PROBE_SUMMARIES = table(
    13,
    "probe_summaries",
    "probe_summary@2.x, interpretation",
    "Indexable summaries for ranking and selection: one row per run, family, seed, probe and analysis.",
    (
        RUN_ID,
        ANALYSIS_ID,
        FAMILY_ID,
        SEED,
        PROBE_NAME,
        PROBE_CONFIG_HASH,
        SCHEMA_VERSION,
        column("model_id", "string", "Stable ID of the model"),
        column("base_checkpoint", "string", "Checkpoint that the probe started from"),
        column("run_mode", "string", "What kind of run it was", one_of=RUN_MODES),
        column("steps", "int32", "Steps that the probe trained", at_least=0, unit="steps"),
        column("capture_steps_used", "list<int64>", "Steps whose captures were used", unit="steps"),
        column("layers_covered", "list<int16>", "Layers that the arrays are about, in their order"),
        *(column(name, "list<float32>", f"{told}, by layer") for name, told in _LAYER_A.items()),
        *(column(name, "list<float32>", f"{told}, by layer") for name, told in _LAYER_B.items()),
        *(column(name, "float32", told) for name, told in _LAYER_B_GLOBAL.items()),
        column("affected_layers", "list<int16>", "Layers that the probe changed"),
        column("signature_version", "string", "Version of how signatures are made"),
        column("signature_vector", "list<float32>", "The signature"),
        column("signature_norm", "float32", "Norm of the signature"),
        column("score_version", "string", "Version of how scores are made"),
        column("magnitude", "float32", "How much changed"),
        column("coherence", "float32", "How consistent the change is across layers"),
        column("novelty", "float32", "How unlike the change is to what was seen before"),
        column("DIS", "float32", "The score that the ranking is by"),
        column(
            "captures_manifest_path",
            "string",
            "Where the manifest of the captures is",
            high_cardinality=True,
        ),
        column(
            "captures_index_path",
            "string",
            "Where the index of the captures is",
            high_cardinality=True,
        ),
        CREATED_AT_UTC,
    ),
    kind="interpretation",
    primary_key=("run_id", "analysis_id", "family_id", "seed", "probe_name", "probe_config_hash"),
    rules=(
        SameLength(("layers_covered", *_LAYER_A)),
        SameLengthAsOneOf(tuple(_LAYER_B), ("layers_covered", "affected_layers")),
    ),
    partition_by=("run_id", "analysis_id", "probe_name"),
    sort_by=("family_id", "seed"),
)

PROBE_EVENTS_CANDIDATES = table(
    14,
    "probe_events_candidates",
    "Layer C candidates, interpretation",
    "Candidates for events, derived from probe summaries or geometry; neither consensus nor matches.",
    (
        RUN_ID,
        ANALYSIS_ID,
        FAMILY_ID,
        SEED,
        PROBE_NAME,
        PROBE_CONFIG_HASH,
        SCHEMA_VERSION,
        DETECTOR_VERSION,
        column("event_id", "string", "ID of the event", high_cardinality=True),
        column("event_type", "string", "Kind of event"),
        column("t_step", "int64", "Step of the event", unit="steps", high_cardinality=True),
        column("layers", "list<int16>", "Layers that the event shows in"),
        column("strength", "float32", "How strong the event is"),
        column("supporting_key", "list<string>?", "Names of the values that support the event"),
        column(
            "supporting_val", "list<float32>?", "The values of `supporting_key`, in the same order"
        ),
        column(
            "timewarp_tolerance_steps",
            "int32",
            "How far events may lie apart and still be one",
            at_least=0,
            unit="steps",
        ),
        CREATED_AT_UTC,
    ),
    kind="interpretation",
    primary_key=(
        "run_id",
        "analysis_id",
        "family_id",
        "seed",
        "probe_name",
        "probe_config_hash",
        "event_id",
    ),
    rules=(SameLength(("supporting_key", "supporting_val")),),
    partition_by=("run_id", "analysis_id", "probe_name"),
    sort_by=("family_id", "t_step"),
)
