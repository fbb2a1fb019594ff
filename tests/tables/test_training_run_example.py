from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from parquetry import Store
from parquetry.errors import KeyViolationError
from parquetry.tables import squiggle
from parquetry.tables.content import content_hash, hash_frame

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "training_run.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("training_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["training_run"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["training_run"]


@pytest.fixture(scope="module")
def store(example, tmp_path_factory):
    root = Store(tmp_path_factory.mktemp("store"))
    example.run(example.write_into(root))
    return root


@pytest.fixture
def sql(store):
    return lambda text: store.sql(text).pl()


def test_every_table_of_the_example_is_written_and_good(store):
    written = set(store.datasets())
    assert written == {
        "runs",
        "checkpoints",
        "samples",
        "families",
        "metrics_scalar",
        "geometry_state",
        "geometry_dynamics",
        "events_candidates",
        "signatures",
        "matches",
    }
    for name in written:
        dataset = store.dataset(name)
        assert dataset.table == squiggle.TABLES[name]
        rows = dataset.scan().collect()
        good = squiggle.TABLES[name].validate(rows)
        assert hash_frame(good) == content_hash(dataset.files(), dataset.table)


def test_writing_a_run_again_is_refused_with_nothing_written(example, store):
    before = {name: store.dataset(name).files() for name in store.datasets()}
    for name in ("runs", "metrics_scalar", "matches"):
        with pytest.raises(KeyViolationError):
            example.write_into(store)(squiggle.TABLES[name], store.dataset(name).scan().collect())
    assert {name: store.dataset(name).files() for name in store.datasets()} == before


def test_every_question_has_an_answer(example, sql):
    answers = {question: sql(text) for question, text in example.QUESTIONS.items()}
    assert len(answers) == 5
    for question, answer in answers.items():
        assert answer.height >= len(example.SEEDS), question
        assert sum(answer.null_count().row(0)) == 0, question


def test_every_run_learns_the_task_after_a_time_of_chance(sql):
    rows = sql(
        "SELECT arg_min(value, step) AS first, arg_max(value, step) AS last "
        "FROM metrics_scalar WHERE metric_name = 'accuracy' GROUP BY run_id"
    )
    assert rows["first"].max() < 0.6
    assert rows["last"].min() > 0.95


def test_both_analyses_stand_beside_each_other_and_latest_is_one_of_them(sql):
    for table in ("geometry_state", "events_candidates", "signatures", "matches"):
        assert set(sql(f"FROM {table}")["analysis_id"]) == {"coarse", "fine"}
        assert set(sql(f"FROM {table}_latest")["analysis_id"]) == {"fine"}


def test_events_are_single_and_composite(sql):
    assert set(sql("FROM events_candidates")["event_type"]) == set(
        squiggle.EVENTS_CANDIDATES.column("event_type").one_of
    )


def test_dynamics_are_the_differences_of_the_states(sql):
    rows = sql(
        "SELECT d.delta_eff_rank - (s.eff_rank - p.eff_rank) AS off FROM geometry_dynamics d "
        "JOIN geometry_state s USING (run_id, analysis_id, step) "
        "JOIN geometry_state p ON p.run_id = d.run_id AND p.analysis_id = d.analysis_id "
        "AND p.step = d.step_prev"
    )
    assert rows.height == sql("FROM geometry_dynamics").height
    assert rows["off"].abs().max() < 1e-4


def test_the_script_prints_questions_and_answers(example, tmp_path, capsys):
    example.main(tmp_path)
    told = capsys.readouterr().out
    assert all(question in told for question in example.QUESTIONS)
