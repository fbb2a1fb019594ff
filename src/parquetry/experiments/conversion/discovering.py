"""Finding the CSV runs below a folder, and what each was run with, without opening the CSVs."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, ParameterError, ParquetryError
from parquetry.experiments.conversion.clues import (
    BELOW,
    BESIDE,
    KINDS,
    OWN,
    Clues,
    Deduction,
    ParameterFile,
    nearness,
)
from parquetry.experiments.conversion.parameter_files import read_parameters
from parquetry.experiments.conversion.reports import BadFile, Remark
from parquetry.experiments.conversion.rules import deduce

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from parquetry.storage.protocol import Storage

_KINDS = {"params": 0, "config": 1, "hyperparams": 2, "args": 4}
_OTHER = KINDS.index("other")
_SUFFIXES = (".json", ".yaml", ".yml")
_HYDRA = ".hydra"  # where Hydra puts the config of a run


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A CSV and what it was run with, as far as names and parameter files tell.

    Args:
        csv: Its path below the root.
        deduction: Seed and parameters, and where they come from.
    """

    csv: str
    deduction: Deduction


@dataclass(frozen=True, slots=True)
class Discovery:
    """What stands below a folder.

    Args:
        root: The folder, as an absolute path.
        runs: The CSVs in the order of their paths.
        bad: What could not be read, or cannot be understood, and why.
        skipped: What was left alone on purpose, and why.
    """

    root: str
    runs: tuple[FoundRun, ...]
    bad: tuple[BadFile, ...]
    skipped: tuple[Remark, ...]


@dataclass(slots=True)
class _Folder:
    csvs: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


def discover(
    root: str, storage: Storage, *, pattern: str = "*.csv", leave_out: str | None = None
) -> Discovery:
    """Return the CSV runs below a folder, each with its parameters; what is bad does not stop it.

    **Cost:** one listing a folder, and each parameter file read once.

    Args:
        root: The folder, as an absolute path.
        storage: The disk.
        pattern: Which files are runs, by their names.
        leave_out: A folder below the root that is not looked into.

    Raises:
        NotFoundError: The folder does not exist.
        ParquetryError: The folder itself cannot be listed.
    """
    search = _Search(root, storage, pattern, leave_out)
    search.walk()
    found = [(path, csv) for path in sorted(search.folders) for csv in search.folders[path].csvs]
    return _discovery(search, found)


def discover_some(root: str, csvs: Iterable[str], storage: Storage) -> Discovery:
    """Return the runs of some CSVs, whose paths are known, as `discover` would.

    **Cost:** a listing of the folders on the way to them, and of those directly below.

    Args:
        root: The folder, as an absolute path.
        csvs: Paths below the root.
        storage: The disk.
    """
    search = _Search(root, storage, "*.csv", None)
    return _discovery(search, [posixpath.split(csv) for csv in sorted(csvs)])


def _discovery(search: _Search, found: Iterable[tuple[str, str]]) -> Discovery:
    runs = [run for path, csv in found for run in search.run(path, csv)]
    return Discovery(search.root, tuple(runs), tuple(search.bad), tuple(search.skipped))


class _Search:
    """The folders that were looked into, and what they hold."""

    def __init__(self, root: str, storage: Storage, pattern: str, leave_out: str | None) -> None:
        self.root = root
        self.storage = storage
        self.pattern = pattern
        self.leave_out = leave_out
        self.folders: dict[str, _Folder] = {}
        self.bad: list[BadFile] = []
        self.skipped: list[Remark] = []
        self._read: dict[str, dict[str, object] | ParameterError | None] = {}

    def walk(self) -> None:
        """List every folder once."""
        self.folders[""] = self._listed("")
        waiting = [""]
        while waiting:
            path = waiting.pop()
            waiting += [_joined(path, name) for name in self._folder(path).folders]

    def _folder(self, path: str) -> _Folder:
        if path not in self.folders:
            try:
                self.folders[path] = self._listed(path)
            except NotFoundError:
                self.folders[path] = _Folder()  # it went while we looked
            except ParquetryError as error:
                self.bad.append(BadFile(path + "/", str(error)))
                self.folders[path] = _Folder()
        return self.folders[path]

    def _listed(self, path: str) -> _Folder:
        folder = _Folder()
        for name, kind in sorted(self.storage.list_folder(self._absolute(path))):
            relative = _joined(path, name)
            is_csv = fnmatchcase(name.lower(), self.pattern.lower()) and name.lower().endswith(
                "csv"
            )
            if kind == "folder":
                if self._is_looked_into(relative):
                    folder.folders.append(name)
            elif kind == "file" and is_csv:
                folder.csvs.append(name)
            elif kind == "file" and name.endswith(_SUFFIXES):
                folder.parameters.append(name)
            elif kind in {"link", "other"} and (is_csv or kind == "link"):
                self.skipped.append(Remark(relative, "a link or a special file is not followed"))
        return folder

    def _is_looked_into(self, path: str) -> bool:
        # Hidden folders hold the state of programs, except for Hydra's, which holds configs.
        name = posixpath.basename(path)
        is_visible = not name.startswith(".") or name == _HYDRA
        return is_visible and self._absolute(path) != self.leave_out

    def run(self, path: str, csv: str) -> Iterator[FoundRun]:
        """Yield the run of a CSV; if it cannot be understood, it goes to `bad`."""
        relative = _joined(path, csv)
        try:
            yield FoundRun(relative, deduce(self._clues(path, csv)))
        except ParameterError as error:
            self.bad.append(BadFile(relative, str(error)))

    def _clues(self, path: str, csv: str) -> Clues:
        stem = csv[: -len(".csv")]
        files = sorted(
            self._parameter_files(path, stem), key=lambda file: (file.near, file.kind, file.path)
        )
        folders = tuple(path.split("/")) if path else ()
        deepest = max((_depth(file, folders) for file in files), default=0)
        return Clues(folders, stem, deepest, tuple(files))

    def _parameter_files(self, path: str, stem: str) -> Iterator[ParameterFile]:
        here = self._folder(path)
        own = {name[: -len(".csv")] for name in here.csvs}
        for name in here.parameters:
            named_after = posixpath.splitext(name)[0]
            if named_after == stem:
                yield from self._file(path, name, nearness(OWN))
            elif named_after not in own:
                yield from self._file(path, name, nearness(BESIDE))
        for folder in self._without_csv(path):
            for name in self._folder(folder).parameters:
                yield from self._file(folder, name, nearness(BELOW))
        for steps, above in enumerate(_folders_above(path), start=1):
            for name in self._folder(above).parameters:
                yield from self._file(above, name, nearness(BESIDE, steps))

    def _without_csv(self, path: str) -> Iterator[str]:
        for name in self._folder(path).folders:
            below = _joined(path, name)
            if not self._holds_csv(below):
                yield below

    def _holds_csv(self, path: str) -> bool:
        folder = self._folder(path)
        return bool(folder.csvs) or any(
            self._holds_csv(_joined(path, name)) for name in folder.folders
        )

    def _file(self, path: str, name: str, near: int) -> Iterator[ParameterFile]:
        kind = _OTHER if near == OWN else _kind(name)
        if kind is None:
            return
        relative = _joined(path, name)
        values = self._values(relative)
        if isinstance(values, ParameterError):
            raise values
        if values is not None:
            yield ParameterFile(relative, near, kind, dict(values))

    def _values(self, relative: str) -> Mapping[str, object] | ParameterError | None:
        if relative not in self._read:
            try:
                self._read[relative] = read_parameters(self._absolute(relative), self.storage)
            except ParameterError as error:
                self._read[relative] = error
            except ParquetryError as error:
                self._read[relative] = ParameterError(f"A parameter file cannot be read. {error}")
            if self._read[relative] is None:
                self.skipped.append(Remark(relative, "it holds no mapping, so no parameters"))
        return self._read[relative]

    def _absolute(self, relative: str) -> str:
        return _joined(self.root, relative)


def _kind(name: str) -> int | None:
    stem, suffix = posixpath.splitext(name)
    return _KINDS.get(stem.lower(), _OTHER if suffix == ".json" else None)


def _depth(file: ParameterFile, folders: tuple[str, ...]) -> int:
    """Return how many of the folders on the way to a CSV the file speaks for."""
    return min(file.path.count("/"), len(folders))


def _folders_above(path: str) -> Iterator[str]:
    while path:
        path = posixpath.dirname(path)
        yield path


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path and name else path or name
