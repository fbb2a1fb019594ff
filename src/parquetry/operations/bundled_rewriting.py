"""Many small files of which columns are set, rewritten together.

A small file takes less time to decode, encode and write than Python takes to find out where its bytes
go. So that is found out for all files of one shape at once (`files/bundles`), the new columns of all
of them are encoded by one writer, and what is left for each is to read it and to write it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.files.bundles.alike import WORTH_A_BUNDLE
from parquetry.files.encoding import ROW_GROUP_ROWS
from parquetry.operations.bundles import bundles_of
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

_BUNDLE_BYTES = 64 << 20
_BUNDLE_FILES = 160


def bundled(todo: Sequence[Rewrite]) -> list[list[Rewrite]]:
    """Return the files by those of one kind that are rewritten together, within bounds."""
    kinds: dict[object, list[Rewrite]] = {}
    for one in todo:
        kinds.setdefault(_kind(one.edit), []).append(one)
    alone = kinds.pop(None, [])
    alone += [one for some in kinds.values() if len(some) < WORTH_A_BUNDLE for one in some]
    worth = [some for some in kinds.values() if len(some) >= WORTH_A_BUNDLE]
    size = sum(_share(one) for some in worth for one in some)
    fair = -(-size // (-(-size // (WORKERS * _BUNDLE_BYTES)) * WORKERS)) if worth else 0
    bundles = []
    for some in worth:
        size = sum(map(_share, some))
        count = min(-(-size // fair), len(some) // WORTH_A_BUNDLE)
        bundles += bundles_of(some, lambda _: 1, -(-len(some) // count))
    return [*bundles, *([one] for one in alone)]


def _share(one: Rewrite) -> int:
    return max(one.edit.file.state.bytes, _BUNDLE_BYTES // _BUNDLE_FILES)


def rewrite_bundle(
    storage: Storage,
    bundle: Sequence[Rewrite],
    values: NewValues | None = None,
    compression: str = "zstd",
) -> list[Written]:
    """Stage the files that take the place of others, and return them in their order.

    **Guarantees:** the new files are those that `rewrite` would write.

    **Cost:** of each file the end is read, the columns that are set, and what is copied; of the columns
    some files at a time are decoded and encoded. Memory holds the new columns of all files.
    """
    found: dict[int, Written] = {}
    if len(bundle) >= WORTH_A_BUNDLE:
        found.update(Together(bundle, values, compression).written(storage))
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
