"""Every Python block of the documentation runs, block after block, in an empty folder."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *ROOT.glob("docs/**/*.md")])
_BLOCK = re.compile(r"^```python(?P<words>[^\n]*)\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str]]:
    """The line and code of each block; one that is not to be run says why: ```python no-run: …"""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        words = match["words"].strip()
        if words.startswith("no-run:"):
            continue
        assert not words, f"{page.name}: what does {words!r} mean?"
        found.append((text.count("\n", 0, match.start()) + 2, match["code"]))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks(page):
        source = "\n" * (line - 1) + code
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, str(page), "exec"), names)


_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    lost = [target for target in _LINK.findall(text) if not (page.parent / target).exists()]
    assert not lost
