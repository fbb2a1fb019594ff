"""The parameters of every experiment: `grids/grid_id=…/params.json`, written once, never changed."""

from __future__ import annotations

import json
import math
import posixpath
import uuid
from typing import TYPE_CHECKING, Any

from parquetry.commits.log import now
from parquetry.errors import AlreadyExistsError, CorruptionError, NotFoundError, ParameterError
from parquetry.experiments.canonical import params_members
from parquetry.experiments.code_version import find_code_version
from parquetry.experiments.hashing import ID_DIGITS, canonicalize_params, digest_params
from parquetry.model.hive import encode_segment
from parquetry.storage.folders import make_folders, write_file
from parquetry.version import __version__

if TYPE_CHECKING:
    from parquetry.experiments.hashing import CanonOptions, ParamsDigest
    from parquetry.storage.protocol import Storage

GRIDS = "grids"
_FILE = "params.json"
_known: dict[str, str] = {}  # path of a params.json that this process has seen, and its digest


def grid_file(store: str, grid_id: str) -> str:
    """Return where the parameters of a grid are kept."""
    return f"{store}/{GRIDS}/{encode_segment('grid_id', grid_id)}/{_FILE}"


def register_grid(
    store: str, storage: Storage, params: Any, options: CanonOptions | None = None
) -> str:
    """Keep a parameter set, once, and return its id.

    The id is the one in the parameters or the one made from them. If another parameter set has the
    same short id, this one's grows by four digits until it is alone.

    Args:
        store: The store's folder.
        storage: The disk.
        params: The parameters, with or without their `grid_id`.
        options: What was chosen about the canonical form.

    Raises:
        ParameterError: A given id stands for other parameters already, or a value has no canonical
            form.
    """
    chosen = options or {}
    digest = digest_params(params, **chosen)
    if digest.is_own_id and len(digest.grid_id) >= ID_DIGITS and _is_made(digest):
        without = {k: v for k, v in params_members(params).items() if k != "grid_id"}
        digest = digest_params(without, length=len(digest.grid_id), **chosen)
    while not _is_ours(store, storage, digest, params, chosen):
        if digest.is_own_id:
            raise ParameterError(
                f"The grid_id {digest.grid_id!r} stands for other parameters already: "
                f"{grid_file(store, digest.grid_id)}. Nothing was written. If a parameter was changed "
                "after the id was attached, attach it again; if it was attached with volatile=, keep=, "
                "defaults= or sig_digits=, write with the same; otherwise choose another id."
            )
        digest = digest.grown()
    return digest.grid_id


def _is_made(digest: ParamsDigest) -> bool:
    """Return whether a given id is the one that the parameters have anyway."""
    return digest.digest.startswith(digest.grid_id)


def _is_ours(
    store: str, storage: Storage, digest: ParamsDigest, params: Any, options: CanonOptions
) -> bool:
    path = grid_file(store, digest.grid_id)
    if path not in _known:
        try:
            _known[path] = str(read_grid(storage, path)["digest"])
        except NotFoundError:
            _write(store, storage, path, _document(digest, params, options))
            return _is_ours(store, storage, digest, params, options)
    return _known[path] == digest.digest


def read_grid(storage: Storage, path: str) -> dict[str, Any]:
    """Return what a `params.json` says.

    Raises:
        NotFoundError: It does not exist.
        CorruptionError: It is no such file.
    """
    try:
        document = json.loads(storage.read_bytes(path))
        document["digest"], document["params"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptionError(
            f"The parameters {path} cannot be read. No rows were touched. Restore the file from a "
            "backup, or move it away: it is written again with the next run of these parameters.",
            path=path,
        ) from error
    return dict(document)


def _document(digest: ParamsDigest, params: Any, options: CanonOptions) -> dict[str, Any]:
    return {
        "grid_id": digest.grid_id,
        "canon": digest.algo,
        "digest": digest.digest,
        "params": _plain(params, options),
        "canonical": digest.canonical,
        "ignored": list(digest.ignored),
        "defaulted": list(digest.defaulted),
        "code_version": find_code_version(),
        "written_by": f"parquetry {__version__}",
        "created": now(),
    }


def _plain(params: Any, options: CanonOptions) -> dict[str, Any]:
    """Return the parameters that count as JSON holds them: scalars exactly, all else canonically."""
    # A key that begins with `$` has another one in canonical form; see `canonical.py`.
    scalars = {
        key: value
        for key, value in params_members(params).items()
        if _is_json_scalar(value) and not str(key).startswith("$")
    }
    canonical = canonicalize_params(params, **options)
    return {key: scalars.get(key, value) for key, value in canonical.items()}


def _is_json_scalar(value: Any) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return type(value) in {bool, int, str, type(None)}


def _write(store: str, storage: Storage, path: str, document: dict[str, Any]) -> None:
    aside = f"{store}/.parquetry/drafts"
    made = make_folders(storage, aside) + make_folders(storage, posixpath.dirname(path))
    draft = f"{aside}/{uuid.uuid4().hex}"
    write_file(storage, draft, json.dumps(document, indent=1, allow_nan=False).encode())
    storage.sync(draft)
    try:
        storage.link(draft, path)
    except AlreadyExistsError:
        pass  # another process was faster; the caller compares
    finally:
        storage.unlink(draft)
    parents = {posixpath.dirname(folder) for folder in made}
    storage.sync_all(sorted({*parents, posixpath.dirname(path)}))
