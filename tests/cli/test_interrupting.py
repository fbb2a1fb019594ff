"""Ctrl+C ends a command in one line, wherever it is, and what was logged until then stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from parquetry.cli import dbopt
from parquetry.tuning.metadata.store import MetadataStore

PROGRAM = "import sys; from parquetry.cli import dbopt; sys.exit(dbopt())"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["run-workload", "--table-name", "events", "--num-queries", "100000"], 130),
        (["evaluate", "--table-name", "events", "--loop", "--interval-sec", "0.1"], None),
        (["migration-worker", "--loop", "--sleep-sec", "0.1"], 0),
    ],
)
def test_ctrl_c_ends_a_command_in_one_line(tmp_path, monkeypatch, arguments, code):
    monkeypatch.chdir(tmp_path)
    assert dbopt(["generate", "--table-name", "events", "--num-rows", "3000"]) == 0
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "metadata.db").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert "stopped" in out + err
    assert process.returncode == code or (code is None and process.returncode in {0, 130})
    if arguments[0] == "run-workload":
        assert MetadataStore("metadata.db").count_queries("events") > 0
