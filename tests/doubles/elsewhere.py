"""A rewriter that works in another process, as a cluster would: it gets and gives plain values."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from parquetry.tuning.rewriting.task import RewriteTask, WrittenPart

_PROGRAM = """
import pickle, sys
from parquetry.storage.local import LocalStorage
from parquetry.tuning.rewriting.local import LocalRewriter
task = pickle.load(sys.stdin.buffer)
pickle.dump(list(LocalRewriter(LocalStorage())(task)), sys.stdout.buffer)
"""


@dataclass
class ElsewhereRewriter:
    """Sends each task to a fresh process, which shares nothing with this one but the disk."""

    tasks: list[RewriteTask] = field(default_factory=list)

    def __call__(self, task: RewriteTask) -> list[WrittenPart]:
        self.tasks.append(task)
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=pickle.dumps(task),
            capture_output=True,
            check=True,
            cwd=Path(task.folder),
        )
        parts: list[WrittenPart] = pickle.loads(done.stdout)
        return parts
