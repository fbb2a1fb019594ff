"""Tables read well in a terminal and are easy to cut up in a pipe."""

from __future__ import annotations

import pytest

from parquetry.cli import rendering
from parquetry.model.wording import bytes_text

ROWS = [("a", 1, "12,000", "214 kB", None), ("b", 0.5, "3", "1.5 MB", "x\ty")]
NAMES = ("name", "value", "rows", "size", "note")


def test_a_pipe_gets_fields_between_tabs(capsys):
    rendering.show_table(NAMES, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "name\tvalue\trows\tsize\tnote",
        "a\t1\t12,000\t214 kB\t",
        "b\t0.5\t3\t1.5 MB\tx y",
    ]


def test_a_terminal_gets_numbers_under_each_other(capsys, monkeypatch):
    monkeypatch.setattr(rendering, "is_plain", lambda: False)
    rendering.show_table(NAMES, ROWS)
    shown = capsys.readouterr().out
    for text in ("│ a    │     1 │ 12,000 │ 214 kB │", "│ b    │   0.5 │      3 │ 1.5 MB │"):
        assert text in shown


def test_a_terminal_too_narrow_for_words_gets_a_block_for_each_row(capsys, monkeypatch):
    monkeypatch.setattr(rendering, "is_plain", lambda: False)
    monkeypatch.setenv("COLUMNS", "32")
    rendering.show_table(NAMES, ROWS)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "│ rows  │ 12,000 │" in lines
    assert sum(line.startswith("├") for line in lines) == 1
    monkeypatch.setenv("COLUMNS", "60")
    rendering.show_table(NAMES, ROWS)
    assert "12,000 │ 214 kB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (214_000, "214 kB"), (2.5e15, "2500 TB")],
)
def test_sizes_are_told_in_powers_of_a_thousand(size, text):
    assert bytes_text(size) == text
