"""A folder of CSVs becomes experiments: all that is right, once, and each bad file by name."""

from __future__ import annotations

import json
import os

import polars as pl
import pytest

from parquetry.errors import NotFoundError, ParameterError, StorageError
from parquetry.experiments.conversion.converting import convert
from parquetry.experiments.hashing import grid_hash
from parquetry.experiments.writing import write_event_rows
from parquetry.storage.local import LocalStorage


class Sweep:
    """A folder of CSVs and the store beside it."""

    def __init__(self, folder):
        self.csvs = folder / "sweep"
        self.store = folder / "store"
        self.csvs.mkdir()

    def put(self, path, content="regret,op\n0.1,insert\n0.3,delete\n"):
        file = self.csvs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    def convert(self, **options):
        return convert(self.csvs, self.store, **options)

    def rows(self, name="events"):
        files = sorted(self.store.glob(f"{name}/**/*.parquet"))
        frames = [pl.read_parquet(file, hive_partitioning=False) for file in files]
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()

    def state(self):
        """All files of the datasets with their times."""
        return {
            os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns
            for folder, _, names in os.walk(self.store)
            for name in names
            if ".parquetry" not in folder
        }


@pytest.fixture
def sweep(tmp_path):
    return Sweep(tmp_path)


@pytest.fixture
def three(sweep):
    for gamma in ("0.1", "0.5", "0.9"):
        for seed in (0, 1):
            sweep.put(f"gamma_{gamma}/seed_{seed}.csv")
    return sweep


def paths(report):
    return [bad.path for bad in report.bad_files]


def test_each_row_becomes_an_event_of_its_grid_and_seed(three):
    report = three.convert(granularity="event")
    assert (report.units_written, report.rows, report.files_failed) == (6, 12, 0)
    assert set(report.grids) == {grid_hash({"gamma": g}) for g in (0.1, 0.5, 0.9)}
    rows = three.rows().filter(pl.col("grid_id") == grid_hash({"gamma": 0.5}), seed=1)
    assert rows.select("event_id", "op", "regret").rows() == [
        (0, "insert", 0.1),
        (1, "delete", 0.3),
    ]


def test_each_seed_becomes_one_summary_row(three):
    report = three.convert()
    assert (report.units_written, report.rows) == (6, 6)
    rows = three.rows("seeds")
    assert rows["avg_regret_empirical"].unique().to_list() == [0.2]
    assert rows.select("total_events", "N_star_emp", "m_emp").unique().rows() == [(2, 1, 1)]


def test_parameters_are_kept_beside_the_rows(three):
    three.convert()
    kept = [json.loads(file.read_text()) for file in three.store.glob("grids/*/params.json")]
    assert sorted(one["params"]["gamma"] for one in kept) == [0.1, 0.5, 0.9]


def test_both_granularities_live_in_one_store(three):
    three.convert(granularity="event")
    three.convert(granularity="seed")
    assert three.rows("events").height == 12
    assert three.rows("seeds").height == 6


def test_a_second_conversion_writes_nothing(three):
    three.convert(granularity="event")
    before = three.state()
    report = three.convert(granularity="event")
    assert (report.units_written, report.units_unchanged, report.rows) == (0, 6, 12)
    assert three.state() == before


def test_without_its_memory_a_conversion_finds_that_nothing_changed(three):
    three.convert(granularity="event")
    before = three.state()
    for file in three.store.glob(".parquetry/conversions/event/*.json"):
        file.write_text("{")
    report = three.convert(granularity="event")
    assert (report.units_written, report.units_unchanged) == (0, 6)
    assert three.state() == before


def test_only_the_csv_that_changed_is_written_again(three):
    three.convert(granularity="event")
    three.put("gamma_0.5/seed_1.csv", "regret,op\n0.7,insert\n")
    report = three.convert(granularity="event")
    assert (report.units_written, report.units_unchanged) == (1, 5)
    rows = three.rows().filter(pl.col("grid_id") == grid_hash({"gamma": 0.5}), seed=1)
    assert rows["regret"].to_list() == [0.7]
    assert three.rows().height == 11


def test_a_new_folder_is_picked_up(three):
    three.convert()
    three.put("gamma_2/seed_0.csv")
    report = three.convert()
    assert (report.units_written, report.units_unchanged) == (1, 6)


def test_a_unit_that_was_deleted_is_written_again(three):
    three.convert(granularity="event")
    before = three.rows().height
    next(three.store.glob("events/*/seed=1/data.parquet")).unlink()
    assert three.convert(granularity="event").units_written == 1
    assert three.rows().height == before


def test_a_store_without_its_dataset_is_filled_again(three):
    three.convert(granularity="event")
    write_event_rows([{"seed": 9}], three.store, {"gamma": 5})
    for file in three.store.glob("events/**/*.parquet"):
        file.unlink()
    assert three.convert(granularity="event").units_written == 6


def test_a_dry_run_says_all_and_writes_nothing(three):
    three.put("gamma_0.5/seed_7.csv", "regret,op\n0.1\n")
    report = three.convert(dry_run=True)
    assert (report.units_written, report.rows, report.dry_run) == (6, 6, True)
    assert paths(report) == ["gamma_0.5/seed_7.csv"]
    assert not three.store.exists()


def test_a_dry_run_explains_each_parameter_by_its_rule(sweep):
    sweep.put("config.yaml", "gamma: 0.1\nlr: 0.01")
    sweep.put("gamma_0.5/seed_3.csv")
    (run,) = sweep.convert(dry_run=True).runs
    reasons = {(one.key, one.value, one.source, one.rule, one.overruled) for one in run.reasons}
    assert reasons == {
        ("seed", "3", "seed_3.csv", "seed in the file name", False),
        ("gamma", "0.5", "gamma_0.5/", "key_value folder", False),
        ("lr", "0.01", "config.yaml", "parameter file", False),
        ("gamma", "0.1", "config.yaml", "parameter file", True),
    }


def test_a_broken_csv_is_named_and_the_rest_is_converted(three):
    three.put("gamma_0.5/seed_1.csv", "regret,op\n0.1,insert\n0.2\n")
    report = three.convert(granularity="event")
    assert report.units_written == 5
    assert paths(report) == ["gamma_0.5/seed_1.csv"]
    assert "gamma_0.5/seed_1.csv, line 3: expected 2 fields" in report.bad_files[0].reason


def test_a_csv_that_breaks_later_leaves_its_unit_as_it_was(three):
    three.convert(granularity="event")
    before = three.state()
    three.put("gamma_0.5/seed_1.csv", "regret,op\n0.1")
    assert paths(three.convert(granularity="event")) == ["gamma_0.5/seed_1.csv"]
    assert three.state() == before


def test_an_empty_csv_and_one_without_rows_are_named(three):
    three.put("gamma_0.5/seed_5.csv", "")
    three.put("gamma_0.5/seed_6.csv", "regret,op\n")
    three.put("gamma_0.5/seed_7.csv", "seed,regret\n")
    report = three.convert()
    reasons = {bad.path: bad.reason for bad in report.bad_files}
    assert "no header" in reasons["gamma_0.5/seed_5.csv"]
    assert "no rows" in reasons["gamma_0.5/seed_6.csv"]
    assert "no rows" in reasons["gamma_0.5/seed_7.csv"]
    assert report.units_written == 6


def test_a_csv_without_parameters_is_named_with_what_to_do(sweep):
    sweep.put("seed_1.csv")
    sweep.put("x=1/seed_1.csv")
    report = sweep.convert()
    assert paths(report) == ["seed_1.csv"]
    assert "params.json" in report.bad_files[0].reason
    assert report.units_written == 1


def test_parameters_that_only_say_where_are_no_parameters(sweep):
    sweep.put("seed_1.csv")
    sweep.put("params.json", {"out_dir": "/scratch"})
    assert paths(sweep.convert()) == ["seed_1.csv"]


def test_two_csvs_with_one_seed_are_both_named_and_neither_is_written(three):
    three.put("gamma_0.5/more/seed_1.csv")
    three.put("gamma_0.5/more/params.json", {"gamma": 0.5})
    report = three.convert()
    assert paths(report) == ["gamma_0.5/more/seed_1.csv", "gamma_0.5/seed_1.csv"]
    reason = report.bad_files[0].reason
    assert "gamma_0.5/seed_1.csv" in reason
    assert "seed 1" in reason
    assert report.units_written == 5


def test_a_double_that_comes_later_leaves_what_was_converted(three):
    three.convert(granularity="event")
    before = three.state()
    three.put("gamma=0.5/1.csv", "regret,op\n9,insert\n")
    report = three.convert(granularity="event")
    assert paths(report) == ["gamma=0.5/1.csv", "gamma_0.5/seed_1.csv"]
    assert three.state() == before


def test_a_double_from_another_folder_is_refused_while_the_first_is_there(three, tmp_path):
    three.convert(granularity="event")
    other = tmp_path / "other"
    (other / "gamma_0.5").mkdir(parents=True)
    (other / "gamma_0.5" / "seed_1.csv").write_text("regret,op\n9,insert\n")
    report = convert(other, three.store, granularity="event")
    assert paths(report) == ["gamma_0.5/seed_1.csv"]
    assert str(three.csvs / "gamma_0.5" / "seed_1.csv") in report.bad_files[0].reason
    (three.csvs / "gamma_0.5" / "seed_1.csv").unlink()
    assert convert(other, three.store, granularity="event").units_written == 1


def test_a_csv_with_a_seed_column_becomes_a_unit_a_seed(sweep):
    sweep.put("x=1/all.csv", "seed,regret\n2,0.1\n1,0.2\n2,0.3\n1,0.4\n")
    report = sweep.convert(granularity="event")
    assert report.runs[0].seeds == (1, 2)
    rows = sweep.rows().sort("seed", "event_id")
    assert rows.select("seed", "event_id", "regret").rows() == [
        (1, 0, 0.2), (1, 1, 0.4), (2, 0, 0.1), (2, 1, 0.3),
    ]  # fmt: skip
    assert sweep.convert(granularity="event").units_unchanged == 2


def test_summaries_that_name_their_seeds_stay_as_they_are(sweep):
    sweep.put("x=1/summary.csv", "seed,avg_regret_empirical,final_acc\n1,0.1,0.8\n2,0.2,0.9\n")
    sweep.convert()
    rows = sweep.rows("seeds").sort("seed")
    assert rows.select("seed", "avg_regret_empirical", "final_acc").rows() == [
        (1, 0.1, 0.8),
        (2, 0.2, 0.9),
    ]


def test_rows_that_name_their_grids_go_there_with_the_parameters_of_their_columns(sweep):
    sweep.put(
        "all.csv",
        "grid_id,algo,gamma_bar,seed,event_id,regret\n"
        "12345678,memorypair,1.0,1,0,0.1\n"
        "12345678,memorypair,1.0,1,1,0.2\n"
        "1e234567,newton,2.0,1,0,0.3\n",
    )
    report = sweep.convert(granularity="event")
    assert report.grids == ("12345678", "1e234567")
    kept = {
        file.parent.name: json.loads(file.read_text())["params"]
        for file in sweep.store.glob("grids/*/params.json")
    }
    assert kept == {
        "grid_id=12345678": {"algo": "memorypair", "gamma_bar": 1.0},
        "grid_id=1e234567": {"algo": "newton", "gamma_bar": 2.0},
    }
    assert sweep.rows().height == 3
    assert sweep.convert(granularity="event").units_unchanged == 2


def test_an_empty_grid_id_is_named(sweep):
    sweep.put("all.csv", "grid_id,seed,x\nabc,1,1\n,1,2\n")
    report = sweep.convert()
    assert "row 1" in report.bad_files[0].reason


def test_a_column_of_whole_numbers_in_one_run_may_have_fractions_in_the_next(sweep):
    sweep.put("x=1/seed_1.csv", "r\n1\n2\n")
    sweep.convert(granularity="event")
    sweep.put("x=1/seed_2.csv", "r\n0.5\n")
    report = sweep.convert(granularity="event")
    assert report.files_failed == 0
    assert sweep.rows().sort("seed", "event_id")["r"].to_list() == [1.0, 2.0, 0.5]


def test_a_column_that_fits_no_more_is_named_and_the_others_of_its_grid_are_written(sweep):
    sweep.put("x=1/seed_1.csv", "r\n1\n")
    sweep.convert(granularity="event")
    for seed, value in [(2, "5"), (3, "diverged"), (4, "6")]:
        sweep.put(f"x=1/seed_{seed}.csv", f"r\n{value}\n")
    report = sweep.convert(granularity="event")
    assert paths(report) == ["x=1/seed_3.csv"]
    assert "'r'" in report.bad_files[0].reason
    assert sweep.rows()["seed"].sort().to_list() == [1, 2, 4]


def test_changed_parameters_make_another_grid_and_say_what_is_left(sweep):
    sweep.put("run/events_1.csv")
    sweep.put("run/params.json", {"lr": 1})
    sweep.convert()
    sweep.put("run/params.json", {"lr": 2})
    report = sweep.convert()
    assert report.grids == (grid_hash({"lr": 2}),)
    (remark,) = report.remarks
    assert remark.path == "run/events_1.csv"
    assert grid_hash({"lr": 1}) in remark.text
    assert sweep.rows("seeds").height == 2


def test_a_csv_that_is_gone_leaves_its_rows_and_a_remark(three):
    three.convert()
    (three.csvs / "gamma_0.5" / "seed_1.csv").unlink()
    report = three.convert()
    assert [remark.path for remark in report.remarks] == ["gamma_0.5/seed_1.csv"]
    assert "is gone" in report.remarks[0].text
    assert three.rows("seeds").height == 6


def test_a_renamed_csv_takes_over_its_unit(three):
    three.convert()
    folder = three.csvs / "gamma_0.5"
    (folder / "seed_1.csv").rename(folder / "seed-1.csv")
    report = three.convert()
    assert (report.files_failed, report.units_unchanged) == (0, 6)
    assert three.rows("seeds").height == 6


def test_surprising_readings_are_remarked_on(sweep):
    sweep.put("x=1/seed_1.csv", "loss\n1\n2\nnone yet\n")
    report = sweep.convert(granularity="event")
    assert [remark.path for remark in report.remarks] == ["x=1/seed_1.csv"]


def test_the_store_may_stand_in_the_folder_of_the_csvs(three):
    report = convert(three.csvs, three.csvs / "parquet", granularity="event")
    assert report.units_written == 6
    assert convert(three.csvs, three.csvs / "parquet", granularity="event").units_unchanged == 6


def test_wide_folders_are_written_if_wanted(three):
    three.convert(granularity="event", partition_by="wide")
    assert list(three.store.glob("events/algo=*/**/grid_id=*/seed=1/data.parquet"))
    assert three.convert(granularity="event", partition_by="wide").units_unchanged == 6


def test_a_pattern_leaves_other_csvs_alone(sweep):
    sweep.put("x=1/seed_1/events.csv")
    sweep.put("x=1/seed_1/losses.csv")
    assert sweep.convert(pattern="events.csv").units_written == 1
    assert sweep.convert(pattern="losses.csv").files_failed == 1


def test_progress_counts_every_csv(three):
    three.put("gamma_0.5/seed_7.csv", "regret,op\n0.1\n")
    told = []
    three.convert(on_progress=lambda done, total, csv: told.append((done, total, csv)))
    assert [one[:2] for one in told] == [(n, 7) for n in range(1, 8)]
    assert len({csv for _, _, csv in told}) == 7


def test_a_csv_that_cannot_be_read_is_named(three):
    class Torn(LocalStorage):
        def read_bytes(self, path):
            if path.endswith("gamma_0.5/seed_1.csv"):
                raise StorageError(f"Could not read {path}: Input/output error.", path=path)
            return super().read_bytes(path)

    report = three.convert(storage=Torn())
    assert paths(report) == ["gamma_0.5/seed_1.csv"]
    assert report.units_written == 5


@pytest.mark.parametrize("room", range(0, 15, 3))
def test_a_full_disk_stops_the_conversion_and_the_next_one_goes_on(three, room):
    class Full(LocalStorage):
        created = 0

        def create(self, path):
            self.created += 1
            if self.created > room:
                raise StorageError(f"Could not create {path}: No space left.", path=path)
            return super().create(path)

    with pytest.raises(StorageError, match="No space left"):
        three.convert(granularity="event", storage=Full())
    report = three.convert(granularity="event")
    assert report.units_written + report.units_unchanged == 6
    assert three.rows().height == 12


def test_a_folder_that_is_not_there_and_a_wrong_granularity_are_errors(tmp_path):
    with pytest.raises(NotFoundError, match="absent"):
        convert(tmp_path / "absent", tmp_path / "out")
    with pytest.raises(ParameterError, match="'event' or 'seed'"):
        convert(tmp_path, tmp_path / "out", granularity="row")


def test_csvs_are_never_changed(three):
    before = {file: file.read_bytes() for file in three.csvs.rglob("*.csv")}
    three.convert()
    assert {file: file.read_bytes() for file in three.csvs.rglob("*") if file.is_file()} == before
