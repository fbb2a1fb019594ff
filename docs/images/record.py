"""Record `parquetry demo` in a terminal of 100 columns, as a picture: docs/images/demo.svg.

    python docs/images/record.py

What the picture shows is what the command printed; nothing is typed in here.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 100
SKIPPED = re.compile(rb"\x1b\[[0-9;?]*[A-LN-Za-ln-z]")  # all sequences but colours

BAR = re.compile("running ━")  # which a terminal erases when the work is done


def record(command: list[str], folder: str) -> bytes:
    """Run a command in a pseudo-terminal and return what it printed."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS))
        os.execvp(command[0], command)  # noqa: S606
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    printed = bytearray()
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            return bytes(printed)
        if not piece:
            return bytes(printed)
        printed += piece


def main() -> None:
    """Record the demonstration and write the picture beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        printed = record([sys.executable, "-m", "parquetry", "demo"], folder)
    lines = SKIPPED.sub(b"", printed).decode().replace("\r\n", "\n").split("\n")
    last = [line.rpartition("\r")[2] for line in lines]
    shown = [line for line in last if not BAR.match(re.sub(r"\x1b\[[0-9;]*m", "", line))]
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print("[bold green]$[/] parquetry demo")
    console.print(Text.from_ansi("\n".join(shown)))
    picture = console.export_svg(title="parquetry demo", theme=MONOKAI)
    without_fonts = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    Path(__file__).with_name("demo.svg").write_text(without_fonts)


if __name__ == "__main__":
    main()
