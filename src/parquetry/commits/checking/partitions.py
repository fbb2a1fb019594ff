"""Files whose partition is ambiguous: in the root, at other depths, under other keys."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from parquetry.model.findings import Finding, printable
from parquetry.model.hive import decode_segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.checking.survey import Survey

_REFUSED = "parquetry refuses to read the dataset; engines fail, or fill in NULL."


def partition_findings(seen: Survey) -> Iterator[Finding]:
    """Yield what is wrong with how data files stand in folders, one finding a folder."""
    files = Counter(file.folder for file in seen.data)
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for folder in files:
        fault = _fault(folder, files[folder])
        if fault is not None:
            yield fault
        else:
            groups[keys_of(folder)].append(folder)
    if len(groups) < 2:  # noqa: PLR2004  one way of partitioning is as it should be
        return
    usual = max(groups, key=lambda keys: (sum(files[f] for f in groups[keys]), len(keys)))
    for keys, folders in groups.items():
        if keys != usual:
            for folder in folders:
                yield _odd(folder, files[folder], keys, usual)


def keys_of(folder: str) -> tuple[str, ...]:
    """Return the partition keys on the way to a relative folder, of those that are `key=value`."""
    segments = [decode_segment(name) for name in folder.split("/")] if folder else []
    return tuple(segment.key for segment in segments if segment is not None)


def _fault(folder: str, files: int) -> Finding | None:
    keys = keys_of(folder)
    if folder and len(keys) < folder.count("/") + 1:
        stray = next(name for name in folder.split("/") if decode_segment(name) is None)
        return Finding(
            "error",
            "folder-not-key-value",
            printable(folder),
            f"{_counted(files)} here, and {printable(stray)!r} is not of the form key=value, so the "
            f"partition is not known. {_REFUSED}",
            "Rename the folder to key=value, or move the files.",
        )
    if len(set(keys)) < len(keys):
        repeated = max(keys, key=keys.count)
        return Finding(
            "error",
            "key-repeated",
            printable(folder),
            f"{_counted(files)} here, and the key {repeated!r} occurs twice on the way. Engines take "
            "the first value, the last, or fail.",
            "Rename one of the folders.",
        )
    return None


def _odd(folder: str, files: int, keys: tuple[str, ...], usual: tuple[str, ...]) -> Finding:
    if not keys:
        kind, message = "root-file", "in the root of a dataset that is partitioned by"
    elif len(keys) != len(usual):
        kind, message = "mixed-depth", f"under {list(keys)}, while most of the dataset is under"
    else:
        kind, message = "mixed-keys", f"under the keys {list(keys)}, and most files under"
    return Finding(
        "error",
        kind,
        printable(folder) or ".",
        f"{_counted(files)} {message} {list(usual)}. {_REFUSED}",
        "Move the files where they belong, or repartition the dataset.",
    )


def _counted(files: int) -> str:
    return "1 file stands" if files == 1 else f"{files} files stand"
