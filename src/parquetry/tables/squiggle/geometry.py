"""Tables 20 and 21: the geometry of activations at a step, and how it changed since the step before."""

from __future__ import annotations

from parquetry.tables.columns import column
from parquetry.tables.rules import Check
from parquetry.tables.squiggle.spine import (
    INTERPRETATION_SPINE,
    LAYER,
    MODULE,
    RUN_ID,
    SAMPLE_ID,
    SAMPLE_SET,
    SPLITS,
    STEP,
    table,
)

_KEY = ("run_id", "analysis_id", "step", "sample_set", "sample_id", "layer", "module")
_SPINE = (RUN_ID, *INTERPRETATION_SPINE, STEP, SAMPLE_SET, SAMPLE_ID, LAYER, MODULE)

GEOMETRY_STATE = table(
    20,
    "geometry_state",
    "Layer A, interpretation",
    "Descriptors of the geometry of activations that do not depend on the basis.",
    (
        *_SPINE,
        column("split", "string?", "Part of the data that the samples are from", one_of=SPLITS),
        column("n_samples", "int32?", "Number of samples behind the row", at_least=1),
        column("d", "int32", "Dimension of the activations", at_least=1),
        column("l2_norm", "float32", "Mean Euclidean norm of the activations"),
        column("mean", "float32", "Mean of the entries"),
        column("var", "float32", "Variance of the entries"),
        column("eff_rank", "float32", "Effective rank: the exponential of `sv_entropy`"),
        column("sv_entropy", "float32", "Entropy of the normalised singular values", unit="nats"),
        column(
            "sparsity_l0_frac", "float32?", "Fraction of entries near zero", at_least=0, at_most=1
        ),
        column("kurtosis", "float32?", "Kurtosis of the entries"),
        column("skew", "float32?", "Skewness of the entries"),
        column("participation_ratio", "float32?", "Participation ratio of the spectrum"),
        column("top_sv_frac_1", "float32?", "Share of the spectrum in the first singular value"),
        column("top_sv_frac_4", "float32?", "Share of the spectrum in the first 4 singular values"),
        column(
            "top_sv_frac_16", "float32?", "Share of the spectrum in the first 16 singular values"
        ),
        column("condition_number", "float32?", "Largest over smallest singular value"),
        column("spectrum_bins", "list<float32>?", "The spectrum, binned"),
    ),
    kind="interpretation",
    primary_key=_KEY,
    rules=(
        Check(
            "eff_rank between 0.9999 and d * 1.0001",
            "`eff_rank` lies in [1, `d`], up to the rounding of `float32`.",
        ),
    ),
    partition_by=("run_id", "analysis_id"),
    sort_by=("layer", "module", "step"),
)

GEOMETRY_DYNAMICS = table(
    21,
    "geometry_dynamics",
    "Layer B, interpretation",
    "Changes and drift of the geometry, for the keys of `geometry_state`.",
    (
        *_SPINE,
        column(
            "step_prev",
            "int64",
            "The step that this row is compared with",
            unit="steps",
            high_cardinality=True,
        ),
        column("dt_steps", "int32", "Steps since `step_prev`", at_least=1, unit="steps"),
        column("delta_l2_norm", "float32?", "Change of `l2_norm`"),
        column("delta_eff_rank", "float32?", "Change of `eff_rank`"),
        column("delta_sv_entropy", "float32?", "Change of `sv_entropy`", unit="nats"),
        column("delta_sparsity", "float32?", "Change of `sparsity_l0_frac`"),
        column(
            "drift_cosine", "float32?", "Cosine distance of the mean activation to the one before"
        ),
        column(
            "drift_l2", "float32?", "Euclidean distance of the mean activation to the one before"
        ),
        column(
            "principal_angle_mean", "float32?", "Mean principal angle of subspaces", unit="radians"
        ),
        column(
            "principal_angle_max",
            "float32?",
            "Largest principal angle of subspaces",
            unit="radians",
        ),
        column("alignment_velocity", "float32?", "Change of the alignment per step", unit="1/step"),
        column("velocity", "float32?", "Drift per step", unit="1/step"),
        column("acceleration", "float32?", "Change of the velocity per step", unit="1/step²"),
        column("volatility", "float32?", "Spread of the recent velocities", unit="1/step"),
    ),
    kind="interpretation",
    primary_key=_KEY,
    rules=(Check("dt_steps = step - step_prev"),),
    partition_by=("run_id", "analysis_id"),
    sort_by=("layer", "module", "step"),
)
