"""Small files written and read in one go, by the fewest calls of the system.

Python's own file objects ask what they have opened, where they stand in it and how large it is, and give
the interpreter's lock away at every such question: of a file of some kilobytes that is half of the time.
"""

from __future__ import annotations

import os

_PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | _PLAIN


def create_file(path: str) -> int:
    """Return the descriptor of a new file, to be written and read."""
    return os.open(path, _NEW, 0o666)


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write all bytes; a system may take fewer at a call."""
    left = memoryview(content)
    written = os.write(descriptor, left)
    while written < len(left):
        left = left[written:]
        written = os.write(descriptor, left)


def holds(descriptor: int, content: bytes | memoryview) -> bool:
    """Whether a file that was just written gives these bytes back."""
    found = b""
    while len(found) < len(content):
        part = read_at(descriptor, len(content) - len(found), len(found))
        if not part:
            return False
        found += part
    return found == bytes(content)  # for views of Arrow's signed bytes differ from any others


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """Return bytes of an opened file, as many as the system gives in one call.

    Windows has no call for that: there a descriptor must not be read from by two threads at once.
    """
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


def read_file(path: str) -> bytes:
    """Return a whole file."""
    descriptor = os.open(path, os.O_RDONLY | _PLAIN)
    try:
        parts = [os.read(descriptor, os.fstat(descriptor).st_size + 1)]
        while parts[-1]:  # until the system says that this was all
            parts.append(os.read(descriptor, 1 << 16))
        return b"".join(parts)
    finally:
        os.close(descriptor)
