from __future__ import annotations

import pickle

import polars as pl
import pytest

from parquetry.errors import KeyViolationError, RequestError, SchemaMismatchError
from parquetry.tables import Check, TableSchema, column, squiggle
from parquetry.tables.conforming import narrow_floats
from parquetry.tables.exports_arrow import polars_schema
from tables.rows import MOMENT, good_row, good_rows

EVERY_TABLE = pytest.mark.parametrize("table", list(squiggle.TABLES), ids=lambda table: table.name)


def spoil(table, **values):
    """Return three good rows, the second of them with other values."""
    frame = good_rows(table, 3)
    second = pl.int_range(pl.len()) == 1
    changed = {
        name: pl.when(second).then(pl.lit(value, dtype=frame.schema[name])).otherwise(pl.col(name))
        for name, value in values.items()
    }
    return frame.with_columns(**changed)


def the_rule(table, frame):
    good, failures = table.filter(frame)
    assert good.height == 2
    (failure,) = failures
    assert failure.count == 1
    assert failure.examples["row"].to_list() == [1]
    return failure.rule


@EVERY_TABLE
def test_good_rows_of_every_table_pass_unchanged(table):
    frame = good_rows(table, 3)
    good, failures = table.filter(frame)
    assert not failures
    assert good.equals(frame)
    assert table.validate(frame).equals(frame)


@EVERY_TABLE
def test_every_required_column_refuses_null(table):
    for each in table.columns:
        if not each.nullable:
            good, failures = table.filter(spoil(table, **{each.name: None}))
            assert good.height == 2, each.name
            assert f"{each.name}: not NULL" in failures.counts()


@EVERY_TABLE
def test_every_listed_value_is_held_to(table):
    for each in table.columns:
        if each.one_of:
            good, failures = table.filter(spoil(table, **{each.name: "odd"}))
            assert good.height == 2
            assert any(failure.rule.startswith(f"{each.name}: one of") for failure in failures)


@EVERY_TABLE
def test_every_key_is_held_to_within_the_rows(table):
    frame = pl.concat([good_rows(table, 2), good_rows(table, 1)])
    good, failures = table.filter(frame)
    assert good.height == 1
    assert failures.counts() == {"primary key": 2}
    assert failures.to_frame().drop("rule").equals(frame[[0, 2]])
    with pytest.raises(KeyViolationError, match=f"{table.identifier}(.|\n)*2 rows break"):
        table.validate(frame)


@EVERY_TABLE
def test_a_row_without_what_may_be_null_is_good(table):
    row = {k: v for k, v in good_row(table).items() if not table.column(k).nullable}
    if table.name == "checkpoints":
        row["is_saved"] = False
    for name in ("schema_version", "created_at_utc", "analysis_id"):
        row.pop(name, None)
    good = table.validate([row])
    assert good.schema == polars_schema(table)
    assert good["schema_version"].to_list() == [table.identifier]
    assert good["created_at_utc"].null_count() == 0
    if table.kind == "interpretation":
        assert good["analysis_id"].to_list() == ["default"]


SPOILT = [
    ("checkpoints", {"ckpt_path": None}, "not is_saved or ckpt_path is not null"),
    ("runs", {"config_json": "[1]"}, "config_json: is a JSON object"),
    ("runs", {"config_json": "{"}, "config_json: is a JSON object"),
    ("runs", {"schema_version": "runs@3.0"}, "starts_with(schema_version, 'runs@2.')"),
    ("probe_summaries", {"A_sparsity_pre": [1.0, 2.0]}, "same length: layers_covered"),
    ("probe_summaries", {"A_sparsity_pre": [None]}, "A_sparsity_pre: no NULL in the list"),
    ("probe_summaries", {"B_volatility_by_layer": [1.0, 2.0]}, "same length as layers_covered or"),
    ("probe_events_candidates", {"supporting_val": []}, "same length: supporting_key"),
    ("geometry_state", {"eff_rank": 4.1}, "eff_rank between"),
    ("geometry_state", {"eff_rank": 0.5}, "eff_rank between"),
    ("geometry_state", {"eff_rank": float("nan")}, "eff_rank between"),
    ("geometry_state", {"sparsity_l0_frac": float("nan")}, "sparsity_l0_frac: >= 0 and <= 1"),
    ("geometry_state", {"module": "attn"}, "module: one of"),
    ("geometry_dynamics", {"dt_steps": 9}, "dt_steps = step - step_prev"),
    ("events_candidates", {"start_step": 2}, "start_step <= step"),
    ("events_candidates", {"end_step": 0}, "step <= end_step"),
    ("events_candidates", {"metric": "__composite__"}, "(event_type = 'change_point_composite')"),
    (
        "events_candidates",
        {"metric_z_json": "{}"},
        "NULL unless event_type = change_point_composite",
    ),
    ("events", {"support_frac": 0.7}, "abs(support_frac"),
    ("events", {"source_event_ids": []}, "same length: source_run_ids"),
    ("events", {"payload_json": "3"}, "payload_json: is a JSON object"),
    ("signatures", {"signature_norm": 5.1}, "signature_norm = norm of signature_vector"),
    ("signatures", {"event_seq": []}, "same length: event_seq"),
    ("signatures", {"step_start": 2}, "step_start <= step_end"),
    ("matches", {"warp_path_b": [1, 2]}, "same length: warp_path_a"),
    ("matches", {"warp_path_b": None}, "same length: warp_path_a"),
    ("matches", {"p_value": 1.5}, "p_value: >= 0 and <= 1"),
    ("embeddings", {"vector": [1.0]}, "length of vector = d"),
    ("attention_summary", {"topk_mass_5": 0.5}, "top1_mass <= topk_mass_5"),
]


@pytest.mark.parametrize(("name", "values", "rule"), SPOILT, ids=lambda value: str(value)[:40])
def test_a_broken_rule_is_named_with_the_row(name, values, rule):
    table = squiggle.TABLES[name]
    assert the_rule(table, spoil(table, **values)).startswith(rule)


def composite(**values):
    table = squiggle.EVENTS_CANDIDATES
    row = dict.fromkeys(table.column_names)
    row |= {
        "run_id": "r",
        "analysis_id": "a",
        "schema_version": table.identifier,
        "created_at_utc": MOMENT,
        "event_id": "e",
        "layer": 0,
        "metric": "__composite__",
        "step": 3,
        "event_type": "change_point_composite",
        "score": 1.0,
    }
    return table.filter([row | values])


def test_composite_events_hold_json_of_the_same_keys():
    good, _ = composite(metric_z_json='{"a": 1, "b": 2}', metric_sizes_json='{"b": 0, "a": 3}')
    assert good.height == 1
    for other in ('{"a": 1}', "[1]", "{", "null"):
        _, failures = composite(metric_z_json='{"a": 1, "b": 2}', metric_sizes_json=other)
        assert [failure.rule[:14] for failure in failures] == ["same JSON keys"]


def test_composite_events_refuse_the_columns_of_single_ones():
    _, failures = composite(metric_z=1.0)
    assert [failure.rule[:37] for failure in failures] == ["NULL unless event_type = change_point"]


def test_norms_are_compared_relative_to_their_size():
    vector = [1e4, 2e4, 3e4]
    norm = sum(each**2 for each in vector) ** 0.5
    table = squiggle.SIGNATURES
    row = good_row(table) | {"signature_vector": vector}
    assert table.filter([row | {"signature_norm": norm + 1}])[0].height == 1
    assert table.filter([row | {"signature_norm": norm + 10}])[0].height == 0


def test_metric_values_may_be_nan_and_infinite():
    table = squiggle.METRICS_SCALAR
    frame = spoil(table, value=float("nan"))
    assert not table.filter(frame)[1]
    assert not table.filter(spoil(table, value=float("-inf")))[1]


def test_columns_are_matched_by_name_and_not_by_place():
    frame = good_rows(squiggle.CHECKPOINTS, 2)
    assert squiggle.CHECKPOINTS.validate(frame.select(reversed(frame.columns))).equals(frame)


def test_unknown_and_missing_columns_are_refused_all_at_once():
    frame = good_rows(squiggle.RUNS).rename({"model_name": "model_nam"})
    with pytest.raises(
        SchemaMismatchError, match=r"Did you mean 'model_name'.*'model_name' \(string\)"
    ):
        squiggle.RUNS.filter(frame)


def test_casts_lose_nothing():
    table = squiggle.CHECKPOINTS
    frame = good_rows(table, 2)
    wide = frame.with_columns(pl.col("step").cast(pl.Float64), pl.col("bytes").cast(pl.Int8))
    assert table.validate(wide).equals(frame)


def test_another_family_of_types_is_refused():
    for kind in (pl.String, pl.Boolean):
        frame = good_rows(squiggle.CHECKPOINTS).with_columns(pl.col("step").cast(kind))
        with pytest.raises(SchemaMismatchError, match="step"):
            squiggle.CHECKPOINTS.filter(frame)


def test_values_of_another_kind_are_counted_and_shown_with_their_rows():
    table = squiggle.RUNS
    rows = [good_row(table, number) for number in range(9)]
    for number in range(2, 9):
        rows[number]["seed"] = f"seven of {number}"
    with pytest.raises(SchemaMismatchError, match=r"7 values of 'seed' cannot be int32: row 2 has"):
        table.filter(rows)
    with pytest.raises(
        SchemaMismatchError,
        match=r"table runs@2\.0.*\(7 values: row 0 has 'seven of 2'; row 1.*, …\)",
    ):
        table.filter(rows[2:])
    frame = good_rows(table, 2).with_columns(seed=pl.Series([None, "seven"]))
    with pytest.raises(SchemaMismatchError, match=r"string here.*\(1 value: row 1 has 'seven'\)"):
        table.filter(frame)


def test_times_without_a_zone_are_refused():
    frame = good_rows(squiggle.RUNS).with_columns(
        pl.col("created_at_utc").dt.replace_time_zone(None)
    )
    with pytest.raises(SchemaMismatchError, match="created_at_utc"):
        squiggle.RUNS.filter(frame)


def test_values_that_do_not_fit_the_type_are_failures_of_their_rows():
    frame = good_rows(squiggle.CHECKPOINTS, 3).with_columns(step=pl.Series([1.0, 2.5, 3.0]))
    good, failures = squiggle.CHECKPOINTS.filter(frame)
    assert good["step"].to_list() == [1, 3]
    assert failures.counts() == {"step: int64": 1}
    assert failures.to_frame()["step"].to_list() == [2.5]


def test_rows_that_break_several_rules_name_them_all():
    frame = spoil(squiggle.GEOMETRY_STATE, module="attn", eff_rank=9.0)
    _, failures = squiggle.GEOMETRY_STATE.filter(frame)
    assert len(failures) == 2
    (rule,) = failures.to_frame()["rule"]
    assert rule.split("; ") == [
        "module: one of resid_pre, attn_out, mlp_out, resid_post, logits, none",
        "eff_rank between 0.9999 and d * 1.0001",
    ]


def test_python_floats_take_the_width_of_their_column_and_those_of_frames_do_not():
    table = squiggle.CHECKPOINTS
    row = good_row(table) | {"lr": 0.1}
    assert table.validate([row])["lr"].to_list() == [pytest.approx(0.1)]
    frame = good_rows(table).with_columns(lr=pl.lit(0.1))
    assert table.filter(frame)[1].counts() == {"lr: float32": 1}
    assert table.validate(narrow_floats(table, frame))["lr"].to_list() == [pytest.approx(0.1)]
    assert table.filter([row | {"lr": 1e300}])[1].counts() == {"lr: float32": 1}


def test_no_rows_are_an_empty_table():
    good, failures = squiggle.RUNS.filter([])
    assert good.schema == polars_schema(squiggle.RUNS)
    assert not failures
    assert failures.describe() == "Every row is a row of runs@2.0."


def test_a_key_of_null_violates_the_key():
    with pytest.raises(KeyViolationError, match="run_id: not NULL"):
        squiggle.RUNS.validate(spoil(squiggle.RUNS, run_id=None))


def test_the_error_tells_table_rule_count_and_first_rows_and_survives_pickling():
    with pytest.raises(SchemaMismatchError) as caught:
        squiggle.GEOMETRY_STATE.validate(spoil(squiggle.GEOMETRY_STATE, eff_rank=9.0))
    told = str(caught.value)
    for part in ("geometry_state@2.0", "eff_rank", "1 row breaks", "row 1", "eff_rank=9.0", "d=4"):
        assert part in told
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.failures.counts() == caught.value.failures.counts()
    assert copy.outcome == "unchanged"


def test_lazy_frames_are_computed_and_their_errors_are_ours():
    table = squiggle.RUNS
    assert table.validate(good_rows(table).lazy()).height == 1
    with pytest.raises(RequestError, match="could not be computed"):
        table.filter(good_rows(table).lazy().with_columns(pl.col("absent")))


def test_odd_names_of_columns_and_tables_work():
    table = TableSchema(
        "odd; table",
        (
            column("filter", "int64"),
            column("a b", "string?"),
            column("__len", "list<list<int32>>?"),
            column("s", "struct<x: int32, y: list<string>>?"),
            column("price", "decimal(9, 2)?"),
            column("day", "date?"),
            column("took", "duration[ms]?"),
            column("blob", "binary?"),
            column("at", "time?"),
            column("seconds", "timestamp[s]?"),
        ),
        primary_key=("filter",),
        rules=(Check('"filter" > 0'), Check("\"a b\" <> 'x'")),
    )
    good, failures = table.filter([{"filter": 1, "a b": "y"}, {"filter": 0, "a b": "x"}])
    assert good.height == 1
    assert set(failures.counts()) == {'"filter" > 0', "\"a b\" <> 'x'"}
    assert good.schema == polars_schema(table)
