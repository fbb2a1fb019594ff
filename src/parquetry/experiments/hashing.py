"""Ids that parameter sets have by their content: canonicalize, hash, attach.

```python
params = attach_grid_id({"algo": "memorypair", "gamma_bar": 1.0})
params["grid_id"]                       # the same on every machine, in every run
```
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from parquetry.errors import ParameterError
from parquetry.experiments.canonical import (
    canonical_form,
    canonical_json,
    params_members,
    refuse_unreadable,
)
from parquetry.experiments.legacy import legacy_digest, legacy_json
from parquetry.experiments.volatile import GRID_ID, key_rules, without_defaults

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Unpack

Algo = Literal["canon2", "legacy"]
DEFAULT_SIG_DIGITS = 10
ID_DIGITS = 8
_GROWTH = 4
_SAFE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


class CanonOptions(TypedDict, total=False):
    """What can be chosen about the canonical form; two ids compare only under the same choices.

    Args:
        sig_digits: How many significant digits of a float count; other than ten, it becomes a
            part of what is hashed.
        volatile: Keys, or dotted paths of keys, to leave out beside the known ones.
        keep: Keys, or dotted paths of keys, to keep although they would be left out.
        defaults: Values that are left out where they are met, so that a parameter which is added
            later renames no experiment that does without it.
    """

    sig_digits: int
    volatile: Collection[str]
    keep: Collection[str]
    defaults: Any


@dataclass(frozen=True, slots=True)
class ParamsDigest:
    """All that identifies a parameter set; `params.json` keeps it.

    Args:
        grid_id: The id: the beginning of the digest, or the caller's own.
        digest: All hexadecimal digits of the hash.
        canonical: The JSON text that was hashed.
        algo: How: `canon2`, `canon2;sig=12` or `legacy`.
        ignored: The dotted paths of the keys that were left out as volatile.
        defaulted: The dotted paths of the keys that were left out as equal to their default.
        is_own_id: Whether the caller chose the id.
    """

    grid_id: str
    digest: str
    canonical: str
    algo: str
    ignored: tuple[str, ...] = ()
    defaulted: tuple[str, ...] = ()
    is_own_id: bool = False

    def grown(self) -> ParamsDigest:
        """Return itself with an id that is four digits longer, for when the id is taken.

        Raises:
            ParameterError: The caller chose the id, or all digits are used already.
        """
        if self.is_own_id or len(self.grid_id) >= len(self.digest):
            raise ParameterError(
                f"The id {self.grid_id!r} stands for other parameters already and cannot grow: "
                + ("it was given. " if self.is_own_id else "it has all digits of the hash. ")
                + "Nothing was written. Give these parameters another grid_id, or none."
            )
        return replace(self, grid_id=self.digest[: len(self.grid_id) + _GROWTH])


def canonicalize_params(
    params: Any,
    *,
    sig_digits: int = DEFAULT_SIG_DIGITS,
    volatile: Collection[str] = (),
    keep: Collection[str] = (),
    defaults: Any = None,
) -> dict[str, Any]:
    """Return the parameters that count, in canonical form: sorted, rounded, as JSON can hold them.

    Args:
        params: A mapping with text keys, a dataclass, a pydantic model or an OmegaConf config.
        sig_digits: How many significant digits of a float count.
        volatile: Keys, or dotted paths of keys, to leave out beside the known ones.
        keep: Keys, or dotted paths of keys, to keep although they would be left out.
        defaults: Values that are left out where they are met.

    Raises:
        ParameterError: A value has no canonical form; the message names its key path and type.
    """
    return _canonicalized(params, sig_digits, volatile, keep, defaults)[0]


def grid_hash(
    params: Any, *, length: int = ID_DIGITS, algo: Algo = "canon2", **options: Unpack[CanonOptions]
) -> str:
    """Return the id that the parameters have by their content, in lower-case hexadecimal digits.

    A `grid_id` among the parameters plays no part.

    Args:
        params: A mapping with text keys, a dataclass, a pydantic model or an OmegaConf config.
        length: How many digits; with eight, two of 10,000 parameter sets share an id with a
            probability of 1.2 %.
        algo: The canonical form; `legacy` gives the ids of the first generation.
        options: See `CanonOptions`.

    Raises:
        ParameterError: A value has no canonical form, or an option is not accepted.
    """
    digest = _hashed(params_members(params), algo, options).digest
    return digest[: _checked_length(length, digest)]


def attach_grid_id(
    params: Any, *, length: int = ID_DIGITS, algo: Algo = "canon2", **options: Unpack[CanonOptions]
) -> dict[str, Any]:
    """Return a new dict of all the parameters, untouched, and their `grid_id`.

    A `grid_id` that is there already is kept as it is, so that attaching twice is attaching once.

    Args:
        params: A mapping with text keys, a dataclass, a pydantic model or an OmegaConf config.
        length: How many hexadecimal digits the id has.
        algo: The canonical form; `legacy` gives the ids of the first generation.
        options: See `CanonOptions`.

    Raises:
        ParameterError: A value has no canonical form, an option is not accepted, or the given
            `grid_id` cannot name a folder.
    """
    members = params_members(params)
    refuse_unreadable(members)
    digest = digest_params(members, length=length, algo=algo, **options)
    return {**members, GRID_ID: digest.grid_id}


def digest_params(
    params: Any, *, length: int = ID_DIGITS, algo: Algo = "canon2", **options: Unpack[CanonOptions]
) -> ParamsDigest:
    """Return the id of a parameter set with everything that it was made from.

    Args:
        params: A mapping with text keys, a dataclass, a pydantic model or an OmegaConf config.
        length: How many hexadecimal digits the id has, unless `grid_id` is given in `params`.
        algo: The canonical form; `legacy` gives the ids of the first generation.
        options: See `CanonOptions`.

    Raises:
        ParameterError: A value has no canonical form, an option is not accepted, or the given
            `grid_id` cannot name a folder.
    """
    members = params_members(params)
    hashed = _hashed(members, algo, options)
    digits = _checked_length(length, hashed.digest)
    own = members.get(GRID_ID)
    if own is None:
        return replace(hashed, grid_id=hashed.digest[:digits])
    return replace(hashed, grid_id=check_grid_id(own), is_own_id=True)


def check_grid_id(grid_id: Any) -> str:
    """Return the id if it can name a folder on any system and in any reader.

    Raises:
        ParameterError: It is no text, is too long, or has other signs than ASCII letters, digits,
            `-`, `_` and, not at either end, `.`.
    """
    if (
        isinstance(grid_id, str)
        and _SAFE_ID.fullmatch(grid_id)
        and not grid_id.endswith(".")
        and grid_id != "__HIVE_DEFAULT_PARTITION__"
    ):
        return str(grid_id)
    raise ParameterError(
        f"grid_id={grid_id!r} cannot name a folder: expected text of 1 to 128 ASCII letters, "
        "digits, '-', '_' or '.', that neither begins nor ends with '.'. Nothing was written. "
        "Give another grid_id, or none, to have it made from the parameters."
    )


def _hashed(members: dict[Any, Any], algo: Algo, options: CanonOptions) -> ParamsDigest:
    unknown = sorted(options.keys() - CanonOptions.__annotations__.keys()) if options else ()
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}")
    if algo == "canon2":
        return _hashed_canon2(members, **options)
    if algo != "legacy":
        raise ParameterError(
            f"algo={algo!r} is unknown; expected 'canon2' or 'legacy'. Nothing was hashed."
        )
    changed = [name for name, value in options.items() if _is_chosen(name, value)]
    if changed:
        raise ParameterError(
            f"algo='legacy' takes no {', '.join(changed)}: with them the id would not be the old "
            "one. Nothing was hashed. Leave them out, or use algo='canon2'."
        )
    text, ignored = legacy_json(members)
    return ParamsDigest("", legacy_digest(text), text, "legacy", tuple(ignored))


def _is_chosen(option: str, value: Any) -> bool:
    return bool(value != DEFAULT_SIG_DIGITS if option == "sig_digits" else value)


def _hashed_canon2(
    members: dict[Any, Any],
    *,
    sig_digits: int = DEFAULT_SIG_DIGITS,
    volatile: Collection[str] = (),
    keep: Collection[str] = (),
    defaults: Any = None,
) -> ParamsDigest:
    values, ignored, defaulted = _canonicalized(members, sig_digits, volatile, keep, defaults)
    text = canonical_json(values)
    algo = "canon2" if sig_digits == DEFAULT_SIG_DIGITS else f"canon2;sig={sig_digits}"
    digest = hashlib.sha256(f"{algo}\n{text}".encode()).hexdigest()
    return ParamsDigest("", digest, text, algo, ignored, defaulted)


def _canonicalized(
    params: Any, sig_digits: int, volatile: Collection[str], keep: Collection[str], defaults: Any
) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    leaves_out = key_rules(volatile, keep).leaves_out
    # The id is no part of what it is made from, and needs no mention among what is left out.
    members = {key: value for key, value in params_members(params).items() if key != GRID_ID}
    form = canonical_form(members, sig_digits=sig_digits, leaves_out=leaves_out)
    if defaults is None:
        return form.values, form.ignored, ()
    known = canonical_form(defaults, sig_digits=sig_digits, leaves_out=leaves_out)
    kept, dropped = without_defaults(form.values, known.values)
    return kept, form.ignored, tuple(dropped)


def _checked_length(length: int, digest: str) -> int:
    if type(length) is int and ID_DIGITS // 2 <= length <= len(digest):
        return length
    raise ParameterError(
        f"length={length!r} is no length for an id; expected {ID_DIGITS // 2} to {len(digest)} "
        "hexadecimal digits. Nothing was hashed."
    )
