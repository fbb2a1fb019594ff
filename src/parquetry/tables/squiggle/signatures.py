"""Tables 31 and 32: squiggles compressed to vectors, and which of them match."""

from __future__ import annotations

from parquetry.tables.columns import column
from parquetry.tables.rules import Check, NormIs, SameLength
from parquetry.tables.squiggle.spine import INTERPRETATION_SPINE, MODULES, RUN_ID, SPLITS, table

SIGNATURES = table(
    31,
    "signatures",
    "signatures, interpretation",
    "Compressed vectors and sequences of events: what squiggles are matched by.",
    (
        RUN_ID,
        *INTERPRETATION_SPINE,
        column("signature_id", "string", "ID of the signature", high_cardinality=True),
        column("signature_version", "string", "Version of how signatures are made"),
        column("family_id", "string?", "Family of problems, if it is of one"),
        column("sample_set", "string?", "Set of samples, if it is of one"),
        column("sample_id", "string?", "Sample, if it is of one", high_cardinality=True),
        column("split", "string?", "Part of the data that the samples are from", one_of=SPLITS),
        column("layer", "int16?", "Layer, if it is of one", at_least=-1),
        column("module", "string?", "Place in the layer, if it is of one", one_of=MODULES),
        column(
            "step_start", "int64", "First step that it covers", high_cardinality=True, unit="steps"
        ),
        column(
            "step_end", "int64", "Last step that it covers", high_cardinality=True, unit="steps"
        ),
        column("resolution", "int16", "Points in time that it was sampled at", at_least=1),
        column("feature_names", "list<string>", "Features that the vector is made of"),
        column("signature_vector", "list<float32>", "The signature"),
        column("signature_norm", "float32", "Euclidean norm of `signature_vector`"),
        column("event_seq", "list<string>?", "Kinds of the events on the way, in order"),
        column("event_steps", "list<int64>?", "Steps of the events of `event_seq`", unit="steps"),
        column(
            "content_hash", "string?", "Hash of the vector and the events", high_cardinality=True
        ),
    ),
    kind="interpretation",
    primary_key=("run_id", "analysis_id", "signature_id"),
    rules=(
        Check("step_start <= step_end"),
        NormIs("signature_norm", "signature_vector"),
        SameLength(("event_seq", "event_steps")),
    ),
    partition_by=("run_id", "analysis_id"),
    sort_by=("signature_id",),
)

MATCHES = table(
    32,
    "matches",
    "match results, interpretation",
    "Correspondence and similarity of two signatures.",
    (
        *INTERPRETATION_SPINE,
        column("match_id", "string", "ID of the match", high_cardinality=True),
        column("run_id_a", "string", "Run of the first signature"),
        column("signature_id_a", "string", "The first signature", high_cardinality=True),
        column("run_id_b", "string", "Run of the second signature"),
        column("signature_id_b", "string", "The second signature", high_cardinality=True),
        column("method", "string", "How the signatures were compared"),
        column("method_version", "string", "Version of the method"),
        column("match_score", "float32", "How well the signatures match"),
        column(
            "rank",
            "int32?",
            "Place among the matches of the first signature",
            high_cardinality=True,
        ),
        column("alignment_cost", "float32?", "Cost of aligning the signatures in time"),
        column("warp_path_a", "list<int32>?", "Points of the first signature along the alignment"),
        column("warp_path_b", "list<int32>?", "Points of the second signature along the alignment"),
        column("null_mean", "float32?", "Mean score of what does not belong together"),
        column(
            "null_std",
            "float32?",
            "Standard deviation of the score of what does not belong together",
        ),
        column(
            "p_value", "float32?", "Probability of such a score by chance", at_least=0, at_most=1
        ),
        column("notes", "string?", "Anything else", high_cardinality=True),
    ),
    kind="interpretation",
    primary_key=("analysis_id", "match_id"),
    rules=(SameLength(("warp_path_a", "warp_path_b")),),
    partition_by=("analysis_id",),
    sort_by=("run_id_a", "run_id_b"),
)
