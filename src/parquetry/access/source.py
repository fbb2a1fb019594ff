"""One dataset as it can be read now: its files, their columns, and what its folders mean.

Every question lists the folder anew; what is remembered between questions only saves work. The folder
says what a partition key is: its value is taken from the path, except in datasets of our own making,
whose files are known to agree.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.access.key_types import find_key_types, trusted_keys, unknown_keys
from parquetry.access.listing import Listing
from parquetry.access.path_values import PathValues
from parquetry.access.pruning import partition_filter
from parquetry.access.resting import Rest
from parquetry.access.uniting import unite_files
from parquetry.commits.kept_schema import KeptSchema, find_kept_schema
from parquetry.commits.settling import settled
from parquetry.commits.table_link import find_table_link, refuse_foreign_file
from parquetry.errors import LayoutError, NotFoundError
from parquetry.files.skimming import Skimmer
from parquetry.model.schema import unite
from parquetry.storage.listing import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from parquetry.access.conditions import Demand
    from parquetry.commits.home import Home
    from parquetry.files.footers import KnownFooters
    from parquetry.files.skimming import FileSchema, Stamp
    from parquetry.model.partitions import PartitionFilter
    from parquetry.storage.listing import Folder
    from parquetry.storage.protocol import Storage

_ATTEMPTS = 3  # of listing while others keep replacing files


class Source:
    """A dataset to read from. It can be shared between threads, and pickled.

    **Cost:** a question about some partitions touches only their folders and files. A dataset without
    a kept schema, such as one that others made, is looked through once as a whole.

    Args:
        home: Where the dataset stands.
        storage: The disk.
    """

    is_present = True
    """Whether these are the files that the dataset has now, and not those that it once had."""

    def __init__(self, home: Home, storage: Storage) -> None:
        self.home = home
        self.storage = storage
        self._tree = Tree(home.root, storage)
        self._skimmer = Skimmer()
        self._paths = PathValues(home.root)
        self._seen: pa.Schema | None = None  # the columns of all files, when all were last listed
        self._shown: tuple[pa.Schema, dict[str, pa.DataType], pa.Schema] | None = None
        self._rest = Rest(home, storage)

    def __reduce__(self) -> tuple[type[Source], tuple[Home, Storage]]:
        """Leave behind what is remembered: it is worth nothing elsewhere."""
        return type(self), (self.home, self.storage)

    def files(self, where: PartitionFilter | None = None) -> list[str]:
        """Return the absolute paths of the data files that a filter admits, as they are now.

        **Guarantees:** the list is of one moment: no commit is half in it, and what a crash left is
        completed first if this user may write.

        Raises:
            NotFoundError: The dataset does not exist.
            LayoutError: The folders are ambiguous.
        """
        with self._rest.at_rest():
            return self._tree.files(where)

    def schema(self) -> pa.Schema:
        """Return all columns with their types: those of the files, then the keys of the paths alone.

        **Guarantees:** every column that parquetry has ever written is there. One that others brought
        to a dataset of ours is there once a question has listed all files.
        """
        return self.outline().columns

    def outline(self) -> Listing:
        """Return a listing that tells the columns, and of the files only as many as that takes.

        With a kept schema that is one folder, without it all.
        """
        kept = find_kept_schema(self.home, self.storage)
        if kept is None:
            return self.listing()
        with self._rest.at_rest():
            sample = self._find_sample(kept)
        return self._describe(kept, [sample] if sample else [], None, is_whole=sample is None)

    def keys(self) -> dict[str, pa.DataType]:
        """Return the partition keys with their types, outermost first."""
        return dict(self.outline().keys)

    def listing(
        self,
        references: Sequence[Sequence[Demand]] | None = None,
        footers: KnownFooters | None = None,
    ) -> Listing:
        """Return the files that a question can concern, and what is known of them.

        Args:
            references: What the question demands in each place where it reads the dataset; without
                it, all files are listed.
            footers: What keeps the footers of the files that had to be read for it.

        Raises:
            NotFoundError: The dataset does not exist.
            LayoutError: The folders are ambiguous.
            CorruptionError: A file is no Parquet file.
            SchemaMismatchError: Two files have types for a column that no type holds without loss.
        """
        for _ in range(_ATTEMPTS):
            with suppress(NotFoundError):  # a file was retired after it was listed
                return self._list(references, self._rest.at_rest, footers)
        with settled(self.home, self.storage) as rest:  # others are too fast: keep them out
            return self._list(references, lambda: nullcontext(rest.version), footers)

    def settled_listing(self, references: Sequence[Sequence[Demand]] | None = None) -> Listing:
        """Return what `listing` returns, to a caller who keeps commits out by `settled`."""
        return self._list(references, lambda: nullcontext(None), None)

    def listing_of(self, files: Sequence[str]) -> Listing:
        """Return other files, which hold all columns and the keys themselves, as a listing."""
        columns = self.schema()
        return Listing(
            files=files,
            schemas=self._skimmer.skim(files),
            columns=columns,
            path_values=pa.table({}),
            keys={},
            is_whole=False,
        )

    def _list(
        self,
        references: Sequence[Sequence[Demand]] | None,
        at_rest: Callable[[], AbstractContextManager[int | None]],
        footers: KnownFooters | None,
    ) -> Listing:
        kept = find_kept_schema(self.home, self.storage)
        if references is not None and kept is None and self._seen is None:
            # the columns of an answer do not depend on how much is read for it
            self._list(None, at_rest, footers)
        with at_rest() as version:
            folders, is_whole = self._folders(kept, references)
        try:
            return self._describe(kept, folders, footers, is_whole=is_whole, version=version)
        except LayoutError:
            if is_whole or not self._paths.types:
                raise
            # a new folder may have changed what a key is taken for
            self._list(None, at_rest, footers)
            return self._describe(kept, folders, footers, is_whole=False, version=version)

    def _folders(
        self, kept: KeptSchema | None, references: Sequence[Sequence[Demand]] | None
    ) -> tuple[list[Folder], bool]:
        """Return the folders that a question can concern, and whether these are all there are."""
        if kept is not None and references is not None:
            found = self._folders_by_kept_keys(kept, references)
            if found:
                return found, False
        sample = self._find_sample(kept)
        if sample is None:
            return [], True
        if references is None:
            return self._tree.folders(), True
        where = partition_filter(references, self._types_before(sample, kept))
        return self._tree.folders(where), where is None

    def _folders_by_kept_keys(
        self, kept: KeptSchema, references: Sequence[Sequence[Demand]]
    ) -> list[Folder]:
        """Return the folders that a question narrows down to by keys whose types are kept, if it does.

        So no file has to tell the types, and no other folder is touched.
        """
        types = find_key_types(kept.partition_by, kept, [], self._paths.types)
        where = partition_filter(references, types)
        if where is None or len(types) < len(kept.partition_by):
            return []
        with suppress(NotFoundError):
            return self._tree.folders(where)
        return []

    def _find_sample(self, kept: KeptSchema | None) -> Folder | None:
        """Return some folder with files, None if there is none yet."""
        try:
            return self._tree.first()
        except NotFoundError as error:
            if kept is not None:
                return None
            raise NotFoundError(
                f"There is no dataset {self.home.name!r}: the folder {self.home.root} does not exist. "
                "Write something to it first, or check the name.",
                path=self.home.root,
            ) from error

    def _types_before(self, sample: Folder, kept: KeptSchema | None) -> dict[str, pa.DataType]:
        """Return the types of the keys as far as one file and what is known can tell them."""
        columns = [schema.columns for schema in self._skimmer.skim(sample.files[:1])]
        types = find_key_types(sample.keys, kept, columns, self._paths.types)
        missing = [key for key in sample.keys if key not in types]
        if missing:
            self._paths.learn(missing, self._tree.folders())
            types = find_key_types(sample.keys, kept, columns, self._paths.types)
        return types

    def _describe(
        self,
        kept: KeptSchema | None,
        folders: Sequence[Folder],
        footers: KnownFooters | None,
        *,
        is_whole: bool,
        version: int | None = None,
    ) -> Listing:
        files = [path for folder in folders for path in folder.files]
        stamps: list[Stamp] = []
        schemas = self._skimmer.skim(files, stamps, footers)
        distinct = list(dict.fromkeys(schemas))
        self._refuse_foreign(distinct)
        known = [kept.schema] if kept else []
        if self._seen is not None and not is_whole:
            known.append(self._seen)
        columns = _united(tuple(known), tuple(distinct), self.home.root)
        keys = folders[0].keys if folders else kept.partition_by if kept else ()
        if is_whole:
            self._remember(columns, keys, files, folders)
        types = find_key_types(keys, kept, [columns], self._paths.types)
        trusted = trusted_keys(kept, keys, distinct)
        from_paths = {key: kind for key, kind in types.items() if key not in trusted}
        return Listing(
            files=files,
            schemas=schemas,
            columns=self._with_keys(columns, from_paths),
            path_values=self._paths.table(from_paths, folders),
            keys=types,
            is_whole=is_whole,
            stamps=stamps,
            links=frozenset(path for folder in folders for path in folder.links),
            version=version,
        )

    def _with_keys(self, columns: pa.Schema, keys: dict[str, pa.DataType]) -> pa.Schema:
        """Return the columns of files and paths: the same object while they stay what they are."""
        shown = self._shown
        if shown is None or shown[0] is not columns or shown[1] != keys:
            fields = {field.name: field.type for field in columns} | keys
            shown = self._shown = (columns, keys, pa.schema(list(fields.items())))
        return shown[2]

    def _refuse_foreign(self, schemas: Sequence[FileSchema]) -> None:
        """Refuse files that say that they are of another table or MAJOR version than the dataset."""
        tagged = [(schema.tag, schema.example) for schema in schemas if schema.tag is not None]
        link = find_table_link(self.home, self.storage) if tagged else None
        if link is not None:
            for tag, path in tagged:
                refuse_foreign_file(link, tag, path)

    def _remember(
        self, columns: pa.Schema, keys: Sequence[str], files: list[str], folders: Sequence[Folder]
    ) -> None:
        self._seen = columns
        self._skimmer.forget_all_but(files)
        in_paths = unknown_keys(keys, columns)
        if in_paths and folders:
            self._paths.learn(in_paths, folders)


@lru_cache(maxsize=256)
def _united(known: tuple[pa.Schema, ...], schemas: tuple[FileSchema, ...], where: str) -> pa.Schema:
    return unite_files(unite(known, where), schemas, where)
