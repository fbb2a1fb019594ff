"""Looking into files that may be broken or hostile, at the risk of a child process instead of ours.

A footer can make a reader abort, loop or ask for terabytes. The child has limits of memory and of time;
when it dies the file that it was reading is the finding, and the next child goes on after it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Timer
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from parquetry.errors import StorageError
from parquetry.files.examining import READY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MODULE = "parquetry.files.examining"
_PATIENCE_SECONDS = 30.0
_SLOWEST_BYTES = 2_000_000  # a second; a deep look that is slower than this is taken for a loop


@dataclass(frozen=True, slots=True)
class Question:
    """A file to look into: its absolute path, its size, and the values its partition folders give it."""

    path: str
    bytes: int
    keys: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examination:
    """What was seen in a file.

    Args:
        path: The file.
        problem: What is wrong with it, in a word: `"zero-bytes"`, `"not-parquet"`, `"truncated"`,
            `"encrypted"`, `"unreadable"`, `"damaged"`, `"row-count"`, `"unsupported"`, `"memory"`,
            `"crash"`, `"timeout"`, `"gone"`; None if nothing is.
        text: The same in words.
        rows: How many rows its footer tells.
        schema: Its Arrow schema; None if it could not be read.
        disagreements: For each partition key that its column contradicts: how.
    """

    path: str
    problem: str | None
    text: str
    rows: int
    schema: pa.Schema | None
    disagreements: Mapping[str, str]


def examine_files(
    questions: Iterable[Question], *, deep: bool = False, memory_bytes: int = 4 << 30
) -> Iterator[Examination]:
    """Yield what stands in each file, whatever it is.

    **Cost:** a child process (a quarter of a second) for all of them, one more for each file that kills
    it; about half a millisecond a file, or with `deep` the decoding of every page.

    Args:
        questions: The files.
        deep: Whether to decode all pages and to compare their checksums.
        memory_bytes: The most address space that the child may take.

    Raises:
        StorageError: No child process can be started.
    """
    child: _Child | None = None
    try:
        for question in questions:
            if child is None:
                child = _Child(memory_bytes)
            answer = child.ask(question, deep=deep)
            if answer is None:
                yield Examination(question.path, *child.last_words(), 0, None, {})
                child.close()
                child = None
            else:
                yield _examination(question.path, answer)
    finally:
        if child is not None:
            child.close()


def _examination(path: str, answer: dict[str, Any]) -> Examination:
    schema = _schema(answer["schema"]) if answer["schema"] else None
    rows, disagree = int(answer["rows"]), answer["disagree"]
    return Examination(path, answer["kind"], answer["text"], rows, schema, disagree)


@lru_cache(maxsize=64)
def _schema(text: str) -> pa.Schema:
    """Return a schema; files of one dataset mostly share one."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def hash_file(path: str) -> str | None:
    """Return the SHA-256 of a file's bytes in hexadecimal; None if it cannot be read any more."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


class _Child:
    """One process that looks into files until one of them kills it."""

    def __init__(self, memory_bytes: int) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the child
        paths = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(  # noqa: S603  our own module, in our own Python
            [sys.executable, "-P", "-m", _MODULE, str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": paths, "ARROW_DEFAULT_MEMORY_POOL": "system"},
            text=True,
        )
        self._timed_out = False
        if self._answers.readline().strip() != READY:
            said = self._said()
            self.close()
            raise StorageError(
                f"No process could be started to look into the files: {said or 'it said nothing'}. "
                "Nothing was changed."
            )

    @property
    def _answers(self) -> IO[str]:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        return self._process.stdout

    def ask(self, question: Question, *, deep: bool) -> dict[str, Any] | None:
        """Return the child's answer; None if the file was its death."""
        request = {"path": question.path, "keys": dict(question.keys), "deep": deep}
        seconds = _PATIENCE_SECONDS + (question.bytes / _SLOWEST_BYTES if deep else 0)
        timer = Timer(seconds, self._give_up)
        timer.start()
        try:
            assert self._process.stdin is not None  # noqa: S101  it is a pipe
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._answers.readline()
        except BrokenPipeError:
            return None
        finally:
            timer.cancel()
        return json.loads(line) if line.endswith("\n") else None

    def _give_up(self) -> None:
        self._timed_out = True
        self._process.kill()

    def last_words(self) -> tuple[str, str]:
        """Return the kind of problem that a file was which killed the child, and what it said."""
        code = self._process.wait()
        if self._timed_out:
            return "timeout", "reading it did not come to an end"
        said = self._said()
        if "bad_alloc" in said or "MemoryError" in said:
            return "memory", said
        return "crash", f"it ended the process that read it ({_signal(code)}): {said}".rstrip(": ")

    def _said(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""

    def close(self) -> None:
        """End the child and wait for it."""
        with suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        self._errors.close()


def _signal(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
