"""A disk that writes a whole file as it writes any other: by `create`, which doubles watch."""

from __future__ import annotations

from parquetry.storage.local import LocalStorage


class WritingBySteps(LocalStorage):
    """The real disk; nothing is read back, for it keeps what is written."""

    def write_new(
        self,
        path: str,
        content: bytes | memoryview,
        *,
        read_back: bool = False,  # noqa: ARG002 -- as said above
    ) -> None:
        with self.create(path) as file:
            file.write(content)
