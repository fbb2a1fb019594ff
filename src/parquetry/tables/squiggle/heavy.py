"""Tables 40 and 41: raw vectors and summaries of attention heads; to be used sparingly."""

from __future__ import annotations

from parquetry.tables.columns import column
from parquetry.tables.rules import Check, LengthIs
from parquetry.tables.squiggle.spine import (
    FACT_SPINE,
    INTERPRETATION_SPINE,
    LAYER,
    MODULE,
    RUN_ID,
    SAMPLE_ID,
    SAMPLE_SET,
    STEP,
    table,
)

EMBEDDINGS = table(
    40,
    "embeddings",
    "selected raw vectors, immutable facts",
    "Selected raw vectors only.",
    (
        RUN_ID,
        *FACT_SPINE,
        STEP,
        SAMPLE_SET,
        SAMPLE_ID,
        LAYER,
        MODULE,
        column(
            "token_idx",
            "int32",
            "Place of the token; -1 stands for a pooled vector",
            at_least=-1,
            high_cardinality=True,
        ),
        column(
            "pooling", "string", "How tokens were pooled", one_of=("none", "mean", "last", "cls")
        ),
        column("d", "int32", "Dimension of the vector", at_least=1),
        column("dtype", "string", "Number format it was stored from", one_of=("f32", "f16", "i8")),
        column("vector", "list<float32>", "The vector"),
        column("scale", "float32?", "Scale of the quantisation"),
        column("zero_point", "float32?", "Zero point of the quantisation"),
    ),
    kind="fact",
    primary_key=("run_id", "step", "sample_set", "sample_id", "layer", "module", "token_idx"),
    rules=(LengthIs("vector", "d"),),
    partition_by=("run_id", "sample_set"),
    sort_by=("layer", "module", "step"),
)

ATTENTION_SUMMARY = table(
    41,
    "attention_summary",
    "head-level summaries, interpretation",
    "Summaries of attention heads only.",
    (
        RUN_ID,
        *INTERPRETATION_SPINE,
        STEP,
        SAMPLE_SET,
        SAMPLE_ID,
        LAYER,
        column("head", "int16", "Index of the head; -1 stands for all", at_least=-1),
        column("attn_entropy", "float32", "Mean entropy of the attention", unit="nats"),
        column(
            "top1_mass", "float32", "Attention mass on the strongest token", at_least=0, at_most=1
        ),
        column(
            "topk_mass_5",
            "float32",
            "Attention mass on the 5 strongest tokens",
            at_least=0,
            at_most=1,
        ),
        column(
            "diagonal_mass", "float32", "Attention mass on the token itself", at_least=0, at_most=1
        ),
        column("band_mass_w2", "float32?", "Attention mass within 2 tokens", at_least=0, at_most=1),
        column("band_mass_w8", "float32?", "Attention mass within 8 tokens", at_least=0, at_most=1),
        column("bos_mass", "float32?", "Attention mass on the first token", at_least=0, at_most=1),
        column(
            "max_distance_mean", "float32?", "Mean distance of the strongest token", unit="tokens"
        ),
    ),
    kind="interpretation",
    primary_key=("run_id", "analysis_id", "step", "sample_set", "sample_id", "layer", "head"),
    rules=(Check("top1_mass <= topk_mass_5"),),
    partition_by=("run_id", "analysis_id"),
    sort_by=("layer", "head", "step"),
)
