"""A check names everything that could lose rows, mislead a reader or stop one, and changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import sys
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commits.test_snapshots import ReadOnly, leave_half_done
from commits.workbench import run_and_die
from parquetry.commits.checking import check
from parquetry.commits.committing import commit
from parquetry.commits.home import Home
from parquetry.commits.staging import open_staging
from parquetry.commits.vacuuming import vacuum
from parquetry.errors import NotFoundError, StorageError
from parquetry.model.changes import Change, NewFile
from parquetry.storage.exchange import ExchangeUnsupportedError
from parquetry.storage.local import LocalStorage


def found(bench, *, deep: bool = False) -> dict[tuple[str, str], str]:
    """Severity by kind and path."""
    report = check(bench.home, bench.disk, deep=deep)
    state = f"{bench.home.state}/"
    return {(f.kind, f.path.removeprefix(state)): f.severity for f in report.findings}


def put(bench, path: str, **columns) -> None:
    target = bench.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), target)


def test_a_sound_dataset_has_no_findings(bench):
    bench.commit({"day=a/x.parquet": [1, 2], "day=%2F/y.parquet": [3]})
    bench.commit({"day=a/z.parquet": [4]}, ["day=a/x.parquet"])
    bench.drop("day=b/foreign.parquet", [5])
    for deep in (False, True):
        report = check(bench.home, bench.disk, deep=deep)
        assert report.findings == ()
        assert report.is_sound
        assert (report.version, report.files, report.rows, report.deep) == (2, 3, 3, deep)


def test_nothing_is_changed(bench):
    bench.commit({"day=a/x.parquet": [1]})
    before = {path: path.lstat().st_mtime_ns for path in bench.root.rglob("*")}
    names = sorted(bench.root.parent.rglob("*"))
    check(bench.home, bench.disk, deep=True)
    assert sorted(bench.root.parent.rglob("*")) == names
    assert {path: path.lstat().st_mtime_ns for path in bench.root.rglob("*")} == before


def test_a_folder_without_state_gets_none(bench):
    bench.drop("x.parquet", [1])
    assert check(bench.home, bench.disk).guarantee == "exchange"
    assert os.listdir(bench.root.parent) == ["events"]


def test_a_dataset_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(NotFoundError, match="no dataset"):
        check(Home.of(tmp_path / "nothing"), LocalStorage())


def test_strangers_are_named_by_what_they_are(bench):
    bench.drop("day=a/x.parquet", [1])
    (bench.root / "_SUCCESS").touch()
    for name in (".x.parquet.crc", "._x.parquet", "_x.parquet", ".x.parquet", "notes.txt"):
        (bench.root / "day=a" / name).write_bytes(b"?")
    bench.drop("_temporary/day=a/x.parquet", [1])
    os.mkfifo(bench.root / "day=a" / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(bench.root / "s.parquet"))
    server.close()
    assert found(bench) == {
        ("success-marker", "_SUCCESS"): "warning",
        ("checksum-sidecar", "day=a/.x.parquet.crc"): "warning",
        ("apple-double", "day=a/._x.parquet"): "error",
        ("hidden-file", "day=a/_x.parquet"): "warning",
        ("hidden-file", "day=a/.x.parquet"): "warning",
        ("other-file", "day=a/notes.txt"): "warning",
        ("hidden-folder", "_temporary/day=a/x.parquet"): "warning",
        ("special-file", "day=a/pipe"): "warning",
        ("special-file", "s.parquet"): "warning",
    }


def test_links_are_named_by_where_they_lead(bench):
    bench.drop("day=a/x.parquet", [1])
    (bench.root / "day=a" / "again.parquet").symlink_to("x.parquet")
    (bench.root / "day=a" / "nowhere.parquet").symlink_to("gone")
    (bench.root / "day=a" / "circle.parquet").symlink_to("circle.parquet")
    (bench.root / "day=b").symlink_to("day=a")
    (bench.root / "day=a" / "day=up").symlink_to("../..")
    (bench.root / "day=a" / "day=loop").symlink_to("..")
    (bench.root / "day=a" / "folder.parquet").symlink_to("../day=a")
    assert found(bench) == {
        ("link-to-file", "day=a/again.parquet"): "warning",
        ("dangling-link", "day=a/nowhere.parquet"): "error",
        ("dangling-link", "day=a/circle.parquet"): "error",
        ("link-to-folder", "day=b"): "warning",
        ("link-loop", "day=a/day=up"): "error",
        ("link-loop", "day=a/day=loop"): "error",
        ("link-loop", "day=a/folder.parquet"): "error",
    }


def test_names_that_engines_read_differently(bench):
    for folder in ("day=a=b", "day=[x]", "day=*", "day=two\nlines"):
        bench.drop(f"{folder}/x.parquet", [1])
    os.rename(
        bench.root / "day=*" / "x.parquet", os.fsencode(bench.root / "day=*") + b"/\xff.parquet"
    )
    assert found(bench, deep=True) == {
        ("unescaped-name", "day=a=b"): "warning",
        ("unescaped-name", "day=[x]"): "warning",
        ("unescaped-name", "day=*"): "warning",
        ("unescaped-name", "day=two\\nlines"): "warning",
        ("name-not-utf8", "day=*/\\xff.parquet"): "error",
    }


def test_names_that_some_systems_take_for_one(bench):
    word = "\u00e9"
    for value in ("North", "north", "a b", "a%20b", word, unicodedata.normalize("NFD", word)):
        bench.drop(f"day={value}/x.parquet", [1])
    bench.drop("day=c/X.parquet", [1])
    bench.drop("day=c/x.parquet", [1])
    report = check(bench.home, bench.disk)
    kinds = [(f.severity, f.kind, f.path) for f in report.findings]
    assert sorted(kinds) == [
        ("warning", "case-twins", "."),
        ("warning", "case-twins", "."),
        ("warning", "case-twins", "day=c"),
        ("warning", "one-value-two-folders", "."),
        ("warning", "unicode-twins", "."),
        ("warning", "unicode-twins", "."),
    ]


def test_files_whose_partition_is_ambiguous(bench):
    for path in (
        "day=a/k=1/x.parquet",
        "day=a/k=2/x.parquet",
        "x.parquet",
        "day=a/x.parquet",
        "day=a/other=1/x.parquet",
        "day=a/day=b/x.parquet",
        "day=a/plain/x.parquet",
    ):
        bench.drop(path, [1])
    assert found(bench) == {
        ("root-file", "."): "error",
        ("mixed-depth", "day=a"): "error",
        ("mixed-keys", "day=a/other=1"): "error",
        ("key-repeated", "day=a/day=b"): "error",
        ("folder-not-key-value", "day=a/plain"): "error",
    }


def test_a_folder_that_may_not_be_listed_is_a_finding(bench):
    class Closed(LocalStorage):
        def list_folder(self, path):
            if path.endswith("day=b"):
                raise StorageError(f"Could not list the folder {path}: permission denied.")
            return super().list_folder(path)

    bench.drop("day=a/x.parquet", [1])
    bench.drop("day=b/x.parquet", [1])
    bench.disk = Closed()
    assert found(bench) == {("unreadable-folder", "day=b"): "error"}


def test_files_that_cannot_be_read_or_hold_nothing(bench):
    bench.drop("whole.parquet", list(range(100)))
    whole = (bench.root / "whole.parquet").read_bytes()
    (bench.root / "empty.parquet").touch()
    (bench.root / "cut.parquet").write_bytes(whole[:-20])
    (bench.root / "text.parquet").write_bytes(b"a,b\n")
    (bench.root / "secret.parquet").write_bytes(b"PARE" + whole[4:-4] + b"PARE")
    bench.drop("no-rows.parquet", [])
    assert found(bench) == {
        ("zero-bytes", "empty.parquet"): "error",
        ("truncated", "cut.parquet"): "error",
        ("not-parquet", "text.parquet"): "error",
        ("encrypted", "secret.parquet"): "error",
        ("zero-rows", "no-rows.parquet"): "note",
    }
    assert check(bench.home, bench.disk).rows == 100


def test_the_formats_own_corrupted_files_are_found_deep(bench, real_data):
    names = ["datapage_v1-corrupt-checksum", "rle-dict-uncompressed-corrupt-checksum"]
    for name in names:
        source = real_data / "parquet-testing" / "data" / f"{name}.parquet"
        shutil.copy(source, bench.root / source.name)
    assert "error" not in found(bench).values()
    worst = {what for what, severity in found(bench, deep=True).items() if severity == "error"}
    assert worst == {("damaged", f"{name}.parquet") for name in names}


def test_columns_that_contradict_their_folder(bench):
    put(bench, "k=1/right.parquet", k=[1, 1], v=[1, 2])
    put(bench, "k=1/wrong.parquet", k=[2, 2], v=[1, 2])
    put(bench, "k=2/several.parquet", k=[1, 2], v=[1, 2])
    assert found(bench) == {
        ("partition-disagrees", "k=1/wrong.parquet"): "error",
        ("partition-disagrees", "k=2/several.parquet"): "error",
    }


def test_types_that_differ_and_types_that_do_not_unite(bench):
    put(bench, "a.parquet", n=pa.array([1], pa.int32()), t=[1], same=["x"])
    put(
        bench,
        "b.parquet",
        n=pa.array([1], pa.int64()),
        t=["1"],
        same=pa.array(["x"], "large_string"),
    )
    put(bench, "c.parquet", n=pa.array([1], pa.int64()), t=[None], same=["x"])
    report = check(bench.home, bench.disk)
    assert {(f.severity, f.kind, f.path) for f in report.findings} == {
        ("warning", "types-differ", "b.parquet"),
        ("error", "types-incompatible", "b.parquet"),
        ("warning", "types-differ", "c.parquet"),
    }
    (unjoinable,) = report.of("error")
    assert "'t' is string here and int64 in a.parquet" in unjoinable.message
    assert not report.is_sound


def test_columns_that_are_missing_repeated_unnamed_or_told_apart_by_case(bench):
    put(bench, "k=1/a.parquet", k=[1], fee=[1], tip=[1])
    put(bench, "k=1/b.parquet", Fee=[1], tip=[1])
    put(bench, "k=1/c.parquet", **{"": [1], "K": [1], "fee": [1], "Fee": [1], "tip": [1]})
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["tip", "tip"])
    pq.write_table(table, bench.root / "k=1" / "d.parquet")
    report = check(bench.home, bench.disk)
    assert {(f.severity, f.kind, f.path) for f in report.findings if f.severity != "note"} == {
        ("error", "duplicate-column", "k=1/d.parquet"),
        ("warning", "unnamed-column", "k=1/c.parquet"),
        ("warning", "columns-differ-by-case", "k=1/a.parquet"),
    }
    notes = {f.path: f.message for f in report.of("note")}
    assert notes["k=1/b.parquet"].startswith("Columns of other files are not here: fee, , K.")
    assert sum(f.kind == "columns-differ-by-case" for f in report.findings) == 2


def test_many_files_of_one_schema_are_one_finding(bench):
    put(bench, "a.parquet", n=[1], v=[1])
    for number in range(5):
        put(bench, f"b{number}.parquet", n=[1])
    (finding,) = check(bench.home, bench.disk).findings
    assert (finding.kind, finding.path) == ("columns-missing", "b0.parquet")
    assert "in 4 more of the same kind" in finding.message


def test_a_commit_that_died_is_named_and_not_completed(bench, monkeypatch):
    bench.commit({"day=a/old.parquet": [1]})
    leave_half_done(bench, monkeypatch)
    assert found(bench) == {("unfinished-commit", "log/00000002.pending"): "warning"}
    assert found(bench) == {("unfinished-commit", "log/00000002.pending"): "warning"}


def test_records_that_are_missing_broken_or_newer(bench):
    for value in range(1, 6):
        bench.commit({f"{value}.parquet": [value]})
    log = Path(bench.home.log)
    (log / "00000002.json").unlink()
    (log / "00000003.json").write_text("{")
    newer = json.loads((log / "00000004.json").read_text()) | {"format": 99}
    (log / "00000004.json").write_text(json.dumps(newer))
    assert found(bench) == {
        ("record-gap", "log/00000002.json"): "warning",
        ("unreadable-record", "log/00000003.json"): "error",
        ("newer-record", "log/00000004.json"): "error",
    }


def test_a_file_that_was_removed_by_hand(bench):
    bench.commit({"x.parquet": [1], "y.parquet": [2]})
    (bench.root / "x.parquet").unlink()
    assert found(bench) == {("file-missing", "x.parquet"): "error"}
    bench.commit({}, ["y.parquet"])
    assert found(bench) == {("file-missing", "x.parquet"): "error"}


def test_files_that_were_changed_in_place(bench):
    bench.commit({f"{name}.parquet": [1, 2, 3] for name in ("size", "rows", "time", "none")})
    bench.drop("size.parquet", list(range(1000)))
    size = os.path.getsize(bench.root / "rows.parquet")
    bench.drop("rows.parquet", [1])
    with open(bench.root / "rows.parquet", "r+b") as file:
        content = file.read()
        footer = int.from_bytes(content[-8:-4], "little") + 8
        padded = content[:-footer] + bytes(size - len(content)) + content[-footer:]
        file.seek(0)
        file.write(padded)
    later = os.stat(bench.root / "time.parquet").st_mtime + 60
    os.utime(bench.root / "time.parquet", (later, later))
    assert found(bench) == {
        ("changed-in-place", "size.parquet"): "error",
        ("changed-in-place", "rows.parquet"): "error",
        ("touched", "time.parquet"): "warning",
    }


def test_a_recorded_checksum_is_compared_deep(bench):
    with open_staging(bench.home, bench.disk) as staging:
        source = staging.new_path()
        pq.write_table(pa.table({"value": ["aaaa"] * 9}), source, compression="none")
        content = Path(source).read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        new = NewFile("x.parquet", source, 9, len(content), checksum)
        commit(bench.home, bench.disk, staging, Change("test", add=(new,)))
    assert found(bench, deep=True) == {}
    path = bench.root / "x.parquet"
    written = path.stat()
    path.write_bytes(content.replace(b"aaaa", b"aaab", 1))
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert found(bench) == {}
    assert found(bench, deep=True) == {("changed-in-place", "x.parquet"): "error"}


def test_history_that_is_damaged_and_history_that_was_vacuumed(bench):
    bench.commit({"x.parquet": [1], "y.parquet": [2], "z.parquet": [3]})
    bench.commit({}, ["x.parquet", "y.parquet"])
    Path(f"{bench.home.history}/00000002/x.parquet.retired").unlink()
    Path(f"{bench.home.history}/00000002/y.parquet.retired").write_bytes(b"")
    assert found(bench) == {
        ("history-damaged", "history/00000002/x.parquet.retired"): "warning",
        ("history-damaged", "history/00000002/y.parquet.retired"): "warning",
    }
    vacuum(bench.home, bench.disk, keep="0d")
    assert found(bench) == {}


def test_what_dead_processes_left(bench, monkeypatch):
    bench.commit({"x.parquet": [1]})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    run_and_die(
        "import sys\nfrom pathlib import Path\nfrom commits.workbench import Workbench\n"
        "from parquetry.commits.pinning import pin\n"
        "from parquetry.commits.staging import open_staging\n"
        "bench = Workbench(Path(sys.argv[1]))\n"
        "held = [pin(bench.home, bench.disk), open_staging(bench.home, bench.disk)]\n"
        "entered = [one.__enter__() for one in held]\n"
        "entered[1].new_path()",
        str(bench.root.parent),
    )
    report = check(bench.home, bench.disk)
    kinds = [(f.severity, f.kind) for f in report.findings]
    assert kinds == [("note", "pin-leftover"), ("note", "staging-leftover")]
    vacuum(bench.home, bench.disk)
    assert found(bench) == {}


def test_a_disk_that_cannot_exchange_folders_is_said(bench, monkeypatch):
    bench.commit({"x.parquet": [1]})

    def refused(one, other):
        raise ExchangeUnsupportedError(f"{one} and {other} cannot be swapped.")

    monkeypatch.setattr(bench.disk, "exchange", refused)
    report = check(bench.home, bench.disk)
    assert report.guarantee == "renames"
    assert [f.kind for f in report.findings] == ["no-exchange"]
    assert os.listdir(bench.home.staging) == []


def test_whoever_may_not_write_can_check_all_but_the_guarantee(bench, monkeypatch):
    class NoFolders(ReadOnly):
        def make_folder(self, path, like=None):  # noqa: ARG002
            raise StorageError(f"Could not make the folder {path}: permission denied.")

    bench.commit({"day=a/old.parquet": [1]})
    leave_half_done(bench, monkeypatch)
    report = check(bench.home, NoFolders())
    assert report.guarantee == "unknown"
    assert [f.kind for f in report.findings] == ["unfinished-commit"]


def test_findings_come_worst_first_and_each_says_what_to_do(bench):
    bench.drop("day=a/none.parquet", [])
    (bench.root / "day=a" / "_SUCCESS").touch()
    (bench.root / "day=a" / "empty.parquet").touch()
    findings = check(bench.home, bench.disk).findings
    assert [f.severity for f in findings] == ["error", "warning", "note"]
    for finding in findings:
        assert finding.message.endswith((".", ")"))
        assert finding.advice.endswith((".", ")"))


@pytest.mark.data
@pytest.mark.parametrize(
    ("tree", "kinds"),
    [
        ("duplicate_names", {"key-repeated"}),
        ("union_by_name", {"columns-missing"}),
        ("ci-column-names", {"columns-differ-by-case"}),
        ("mismatching_count", {"folder-not-key-value"}),
        ("missing", {"other-file"}),
        ("different_order", {"mixed-keys"}),
        ("simple", {"other-file"}),
        ("empty_string", set()),
        ("mismatching_names", {"mixed-keys"}),
        ("hive_col_also_in_file", {"partition-disagrees"}),
    ],
)
def test_odd_trees_that_an_engine_collected(tmp_path, real_data, tree, kinds):
    target = tmp_path / tree
    shutil.copytree(real_data / "hive-trees" / "duckdb" / tree, target)
    for folder in [target, *target.rglob("*")]:
        os.chmod(folder, 0o755)
    report = check(Home.of(target), LocalStorage())
    assert {finding.kind for finding in report.findings} == kinds
