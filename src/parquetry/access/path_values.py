"""What the folders of a dataset say about the rows below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from parquetry.errors import LayoutError
from parquetry.model.hive import decode_segment
from parquetry.model.partitions import infer_type, parse_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.storage.listing import Folder

_Texts = tuple[str | None, ...]


class PathValues:
    """The texts of folder names, decoded once a folder, and the types that they are taken for."""

    def __init__(self, root: str) -> None:
        self._start = len(root) + 1
        self._texts: dict[str, tuple[Folder, _Texts]] = {}
        self.types: dict[str, pa.DataType] = {}

    def learn(self, keys: Iterable[str], folders: Sequence[Folder]) -> None:
        """Decide the types of keys that no file has, from all folders of the dataset."""
        texts = [self._texts_of(folder) for folder in folders]
        self.types = {
            key: infer_type({text[place] for text in texts})
            for place, key in _places(keys, folders)
        }
        self._texts = {folder.path: self._texts[folder.path] for folder in folders}

    def table(self, types: Mapping[str, pa.DataType], folders: Sequence[Folder]) -> pa.Table:
        """Return the typed values of some keys, one row a file.

        Raises:
            LayoutError: A folder's text is no value of its key's type.
        """
        if not types:
            return pa.table({})
        texts = [self._texts_of(folder) for folder in folders]
        columns = {}
        for place, key in _places(types, folders):
            parsed = {text: _value(key, text, types[key]) for text in {one[place] for one in texts}}
            values: list[Any] = []
            for one, folder in zip(texts, folders, strict=True):
                values += [parsed[one[place]]] * len(folder.files)
            columns[key] = _array(key, values, types[key])
        for key, kind in types.items():
            columns.setdefault(key, pa.array([], kind))
        return pa.table({key: columns[key] for key in types})

    def _texts_of(self, folder: Folder) -> _Texts:
        known = self._texts.get(folder.path)
        if known is None or known[0] is not folder:
            names = folder.path[self._start :].split("/") if folder.keys else []
            segments = map(decode_segment, names)
            known = (folder, tuple(one.text if one is not None else None for one in segments))
            self._texts[folder.path] = known
        return known[1]


def _places(keys: Iterable[str], folders: Sequence[Folder]) -> list[tuple[int, str]]:
    """Return where in a path the keys stand; it is the same in all folders."""
    if not folders:
        return []
    return [(folders[0].keys.index(key), key) for key in keys]


def _value(key: str, text: str | None, kind: pa.DataType) -> Any:
    try:
        return parse_text(text, kind)
    except LayoutError as error:
        raise LayoutError(f"The folder {key}={text}: {error.message}") from error


def _array(key: str, values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        raise LayoutError(
            f"The folders {key}=… hold a value that is no {kind}: {error}. Nothing was read. Rename the "
            "folder, or declare the key as text."
        ) from error
