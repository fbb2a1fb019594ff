"""The commit that a run's code was at is found from files alone."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from parquetry.experiments.code_version import find_code_version

git_is_here = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def found_in(folder, monkeypatch) -> str | None:
    monkeypatch.chdir(folder)
    find_code_version.cache_clear()
    try:
        return find_code_version()
    finally:
        find_code_version.cache_clear()


@git_is_here
def test_it_is_that_of_a_branch_a_packed_branch_a_detached_head_and_a_worktree(
    tmp_path, monkeypatch
):
    code = tmp_path / "code"
    (code / "deep").mkdir(parents=True)
    git(code, "init", "--quiet")
    git(code, "commit", "--quiet", "--allow-empty", "-m", "first")
    commit = git(code, "rev-parse", "HEAD")
    assert found_in(code / "deep", monkeypatch) == commit
    git(code, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"))
    git(tmp_path / "tree", "commit", "--quiet", "--allow-empty", "-m", "second")
    assert found_in(tmp_path / "tree", monkeypatch) == git(tmp_path / "tree", "rev-parse", "HEAD")
    git(code, "pack-refs", "--all")
    assert found_in(code, monkeypatch) == commit
    git(code, "checkout", "--quiet", "--detach")
    assert found_in(code, monkeypatch) == commit


def test_it_is_none_where_there_is_no_repository_or_no_folder_any_more(tmp_path, monkeypatch):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".git").write_text("gitdir: nowhere")
    assert found_in(tmp_path / "broken", monkeypatch) is None
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    find_code_version.cache_clear()
    assert find_code_version() is None
    find_code_version.cache_clear()
