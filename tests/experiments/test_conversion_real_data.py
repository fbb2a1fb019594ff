"""The monitor logs of real training runs become experiments that can be asked."""

from __future__ import annotations

import pytest

from parquetry.experiments.connection import create_connection_and_views
from parquetry.experiments.conversion.converting import convert

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def store(real_data, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    for granularity in ("event", "seed"):
        report = convert(real_data / "ml_metrics", store, granularity=granularity)
        assert (report.bad_files, report.remarks) == ((), ())
        assert report.units_written == 280
        assert len(report.grids) == 43
    return store


def asked(store, sql):
    connection = create_connection_and_views(str(store))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_every_line_of_every_log_is_an_event(store, real_data):
    logs = list((real_data / "ml_metrics").glob("*/*/*.csv"))
    lines = sum(log.read_text().count("\n") - 2 for log in logs)
    assert asked(store, "select count(*), count(distinct (grid_id, seed)) from events") == [
        (lines, len(logs))
    ]


def test_the_parameters_of_the_files_are_columns(store):
    sql = """
        select distinct algo, env, learning_rate, n_timesteps, policy
        from events where env = 'CartPole-v1' and algo = 'dqn'
    """
    assert asked(store, sql) == [("dqn", "CartPole-v1", "0.0023", 50000.0, "MlpPolicy")]


def test_a_learning_curve_rises(store):
    sql = """
        select event_id // 50 as part, avg(r) as reward
        from events where algo = 'dqn' and env = 'CartPole-v1'
        group by part order by part
    """
    curve = [reward for _, reward in asked(store, sql)]
    assert len(curve) > 5
    assert curve[-1] > 4 * curve[0]


def test_summaries_and_events_tell_the_same(store):
    sql = """
        select count(*) from seeds s join
            (select grid_id, seed, count(*) as n, avg(r) as mean from events group by all) e
            using (grid_id, seed)
        where s.total_events = e.n and abs(s.mean_r - e.mean) < 1e-9
    """
    assert asked(store, sql) == [(280,)]


def test_converting_again_writes_nothing(store, real_data):
    report = convert(real_data / "ml_metrics", store, granularity="event")
    assert (report.units_written, report.units_unchanged) == (0, 280)
