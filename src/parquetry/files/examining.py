"""A look into one Parquet file of unknown origin; `verifying` does it in a process that may die.

Run as a program it reads one JSON request a line and answers each with one line.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from contextlib import closing, suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.files.bounds import find_disagreement
from parquetry.model.wording import first_line

READY = "ready"
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_SHORTEST = 12  # bytes: two magic words and the footer's length
_SIGNATURE = 28  # bytes that follow the footer of a file with encrypted columns
_MOST_ELEMENTS = 1_000_000  # of one list in a footer: columns, row groups, key-value pairs
_BATCH_ROWS = 16_384


class _ProblemError(Exception):
    """Why a file cannot be read: a kind, and what was found."""


def examine(path: str, keys: dict[str, str | None], *, deep: bool) -> dict[str, Any]:
    """Return what a file holds and what is wrong with it, as JSON values.

    Args:
        path: Absolute.
        keys: The folder's value of each partition key, unescaped.
        deep: Whether to decode all pages and to compare their checksums.
    """
    answer: dict[str, Any] = {"kind": None, "text": "", "rows": 0, "schema": "", "disagree": {}}
    try:
        length = _footer_length(path)
        with closing(_opened(path)) as source, closing(_parsed(source, length)) as file:
            answer["rows"] = file.metadata.num_rows
            answer["schema"] = base64.b64encode(_schema(file).serialize()).decode()
            for key, text in keys.items():
                reason = find_disagreement(file.metadata, file.schema_arrow, key, text)
                if reason is not None:
                    answer["disagree"][key] = reason
            if deep:
                _decode(file)
    except _ProblemError as problem:
        answer["kind"], answer["text"] = problem.args
    except FileNotFoundError:
        answer["kind"] = "gone"
    except MemoryError as error:
        answer["kind"], answer["text"] = "memory", first_line(error)
    except OSError as error:
        answer["kind"], answer["text"] = "unreadable", error.strerror or first_line(error)
    return answer


def _footer_length(path: str) -> int:
    """Return the length of the footer, from the last eight bytes.

    Whatever a footer asks for, it is not given more than it could need: PyArrow is told this length as
    the limit of every text in it.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(4)
        file.seek(max(0, size - 8))
        tail = file.read(8)
    if size == 0:
        raise _ProblemError("zero-bytes", "it has no bytes")
    if _ENCRYPTED in {head, tail[-4:]}:
        raise _ProblemError("encrypted", "its footer is encrypted")
    if head != _MAGIC and tail[-4:] != _MAGIC:
        raise _ProblemError("not-parquet", f"it begins with {head!r}, not with {_MAGIC!r}")
    if tail[-4:] != _MAGIC or size < _SHORTEST:
        raise _ProblemError("truncated", "its end, which says where everything stands, is missing")
    length = int.from_bytes(tail[:4], "little")
    if length > size - _SHORTEST + 4:
        said = f"its footer says to be {length} bytes long, and the whole file has {size}"
        raise _ProblemError("truncated", said)
    return length


def _opened(path: str) -> Any:
    try:
        path.encode()
    except UnicodeEncodeError:  # PyArrow takes no such names, but open files
        return pa.PythonFile(open(path, "rb"))
    return pa.OSFile(path)


def _parsed(source: Any, length: int) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(
            source,
            thrift_string_size_limit=max(length, 1),
            thrift_container_size_limit=max(1, min(length, _MOST_ELEMENTS)),
            page_checksum_verification=True,
            pre_buffer=False,
        )
    except (pa.ArrowException, ValueError) as error:
        raise _ProblemError("unreadable", first_line(error)) from error
    except OSError as error:
        if error.errno:
            raise
        raise _ProblemError("unreadable", first_line(error)) from error
    if length - file.metadata.serialized_size == _SIGNATURE:
        raise _ProblemError("encrypted", "some of its columns are encrypted")
    return file


def _schema(file: pq.ParquetFile) -> pa.Schema:
    try:
        return file.schema_arrow.remove_metadata()
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _ProblemError("unreadable", f"its schema: {first_line(error)}") from error


def _decode(file: pq.ParquetFile) -> None:
    """Read every page and throw it away; PyArrow compares the checksums where there are any."""
    rows = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            rows += batch.num_rows
    except (pa.ArrowNotImplementedError, NotImplementedError) as error:
        raise _ProblemError("unsupported", first_line(error)) from error
    except MemoryError:
        raise
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _ProblemError("damaged", f"after row {rows}: {first_line(error)}") from error
    if file.metadata.num_columns and rows != file.metadata.num_rows:
        said = f"its footer says {file.metadata.num_rows} rows, its pages hold {rows}"
        raise _ProblemError("row-count", said)


def main() -> None:
    """Answer requests until the input ends, with no more memory than the first argument says."""
    _limit_memory(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library that prints must not print into the answers
    print(READY, file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(examine(**request)), file=answers, flush=True)


def _limit_memory(most_bytes: int) -> None:
    with suppress(ImportError):  # Windows has no such limits
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        with suppress(ValueError, OSError):  # macOS refuses some; then the process goes without
            most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
