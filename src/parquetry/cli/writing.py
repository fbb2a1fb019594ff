"""How commands write a file that a user named: whole, or not at all."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from parquetry.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def beside(output: Path) -> Iterator[Path]:
    """Give a name beside a file, which takes the file's place if all goes well.

    Raises:
        StorageError: The disk refused; what stood there stands there still.
    """
    aside = output.with_name(f".{output.name}.tmp")
    try:
        yield aside
        aside.replace(output)
    except OSError as error:
        reason = error.strerror or str(error).partition(" (os error")[0]
        raise StorageError(
            f"Could not write {output}: {reason}. Nothing stands there that did not before. Check that "
            "the folder exists, that you may write there and that there is space.",
            path=str(output),
            errno=error.errno,
        ) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
