"""Many small files of which columns are set, rewritten together.

A small file takes less time to decode, encode and write than Python takes to find out where its bytes
go. So that is found out for all files of one shape at once (`files/bundles`), the new columns of all
of them are encoded by one writer, and what is left for each is to read it and to write it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.files.bundles.alike import WORTH_A_BUNDLE
from parquetry.files.encoding import ROW_GROUP_ROWS
from parquetry.operations.file_options import full_group_rows
from parquetry.operations.opened import SMALL_BYTES
from parquetry.operations.rewriting import Written, rewrite
from parquetry.operations.rewriting_together import Together, hits_of
from parquetry.operations.working import WORKERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.operations.edits import FileEdit
    from parquetry.operations.recoding import NewValues
    from parquetry.operations.rewriting_together import Rewrite
    from parquetry.storage.protocol import Storage

_BUNDLE_BYTES = 16 << 20


def bundled(todo: Sequence[Rewrite]) -> list[list[Rewrite]]:
    """Return the files by those that are rewritten together, each bundle within some megabytes."""
    small: list[Rewrite] = []
    alone: list[list[Rewrite]] = []
    for one in todo:
        if _kind(one.edit) is None:
            alone.append([one])
        else:
            small.append(one)
    size = sum(one.edit.file.state.bytes for one in small)
    count = max(-(-size // _BUNDLE_BYTES), min(WORKERS, len(small) // WORTH_A_BUNDLE))
    if not count:
        return [[one] for one in todo]
    count = -(-count // WORKERS) * WORKERS
    most = -(-size // count)
    bundles: list[list[Rewrite]] = []
    held = most
    for one in small:
        if held >= most:
            bundles.append([])
            held = 0
        bundles[-1].append(one)
        held += one.edit.file.state.bytes
    return bundles + alone


def rewrite_bundle(
    storage: Storage,
    bundle: Sequence[Rewrite],
    values: NewValues | None = None,
    compression: str = "zstd",
) -> list[Written]:
    """Stage the files that take the place of others, and return them in their order.

    **Guarantees:** the new files are those that `rewrite` would write.

    **Cost:** each file is read once; of the columns that are set one file at a time is decoded and
    encoded. Memory holds the bytes of all files, and of the new columns.
    """
    found: dict[int, Written] = {}
    kinds: dict[object, list[int]] = {}
    for number, one in enumerate(bundle):
        kinds.setdefault(_kind(one.edit), []).append(number)
    for kind, numbers in kinds.items():
        if kind is not None and len(numbers) >= WORTH_A_BUNDLE:
            together = Together([bundle[number] for number in numbers], values, compression)
            found |= {numbers[member]: new for member, new in together.written(storage)}
    for number, (edit, path) in enumerate(bundle):
        if number not in found:
            found[number] = rewrite(storage, path, edit, values, compression)
    return [found[number] for number in range(len(bundle))]


def _kind(edit: FileEdit) -> tuple[object, ...] | None:
    """Return what files must have in common to be rewritten together, None if one cannot be."""
    is_small = edit.file.state.bytes <= SMALL_BYTES and all(edit.group_rows)
    setting = tuple(sorted(hits_of(edit)))
    is_leaving = any(one.leaving is not None for one in edit.groups.values())
    has_more = edit.arriving is not None
    if not is_small or is_leaving or not (setting or has_more):
        return None
    if has_more and (len(edit.group_rows) != 1 or edit.rows_after > ROW_GROUP_ROWS):
        return None
    columns = tuple(edit.stored_setting.items()) if setting else ()
    return has_more, setting, len(edit.group_rows), columns, full_group_rows(edit.group_rows)
