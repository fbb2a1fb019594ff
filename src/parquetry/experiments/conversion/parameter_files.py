"""Parameter files as plain data: JSON and YAML, and nothing that would run code.

YAML is read as PyYAML's safe loader reads it, with four differences:

- `!!python/object/apply:collections.OrderedDict` is a mapping and `!!python/tuple` a list; any
  other Python tag is refused.
- A number with an exponent needs no point: `1e-4` is a number, not text.
- A key that stands twice in one mapping is refused; so it is in JSON.
- Anchors that would unfold to more than 100,000 values are refused.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from parquetry.errors import ParameterError

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage

VALUE_LIMIT = 100_000
_PYTHON_TAG = "tag:yaml.org,2002:python/"
_ORDERED = tuple(f"{_PYTHON_TAG}object/{how}:collections.OrderedDict" for how in ("apply", "new"))
_EXPONENT_FLOAT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+\Z")


def read_parameters(path: str, storage: Storage) -> dict[str, Any] | None:
    """Return what a parameter file holds, nested mappings nested, or None if it is no mapping.

    Args:
        path: A file whose name ends in `.json`, `.yaml` or `.yml`.
        storage: The disk.

    Raises:
        ParameterError: The file is not valid; the message names it, and the line where there is one.
        StorageError: The file cannot be read.
    """
    text = _decoded(storage.read_bytes(path), path)
    values = _parsed_json(text, path) if path.endswith(".json") else _parsed_yaml(text, path)
    return values if isinstance(values, dict) else None


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(path, f"line {line} is not UTF-8 ({error.reason})")


def _parsed_json(text: str, path: str) -> Any:
    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            double = next(key for index, key in enumerate(keys) if key in keys[:index])
            _refuse(path, f"the key {double!r} stands twice in one mapping")
        return made

    try:
        return json.loads(text, object_pairs_hook=without_duplicates)
    except json.JSONDecodeError as error:
        _refuse(path, f"line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        _refuse(path, "its values are nested too deeply")


def _parsed_yaml(text: str, path: str) -> Any:
    loader = _PlainLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_nodes(node, path)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        _refuse(path, where + str(getattr(error, "problem", None) or error))
    except ParameterError:
        raise
    except ValueError as error:  # a date such as 2024-02-31
        _refuse(path, str(error))
    except RecursionError:
        _refuse(path, "its values are nested too deeply")
    finally:
        loader.dispose()


def _refuse(path: str, reason: str) -> NoReturn:
    raise ParameterError(
        f"The parameter file {path} cannot be read: {reason}. Nothing was converted with it. "
        f"Mend {posixpath.basename(path)}, or move it away if it holds no parameters.",
        path=path,
    )


def _check_nodes(root: yaml.Node, path: str) -> None:
    """Refuse keys that stand twice, and anchors that hold themselves or unfold to very much."""
    sizes: dict[int, int | None] = {}

    def unfolded(node: yaml.Node) -> int:
        known = sizes.get(id(node), 0)
        if known is None:
            _refuse(path, f"line {node.start_mark.line + 1}: an anchor holds itself")
        if known:
            return known
        sizes[id(node)] = None
        size = 1 + sum(unfolded(inner) for inner in _inner_nodes(node))
        if size > VALUE_LIMIT:
            _refuse(path, f"its anchors unfold to more than {VALUE_LIMIT} values")
        sizes[id(node)] = size
        return size

    unfolded(root)


def _inner_nodes(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [inner for pair in node.value for inner in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


class _PlainLoader(yaml.SafeLoader):
    """The safe loader with the differences that the module names."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Return a mapping whose keys stand once each; those that `<<` brings are no doubles."""
        node = super().compose_mapping_node(anchor)
        self._check_keys([(key.tag, str(key.value)) for key, _ in node.value], node)
        return node

    def construct_ordered(self, node: yaml.Node) -> dict[Any, Any]:
        """Return the mapping of an OrderedDict, which is written as a list of its arguments."""
        if not isinstance(node, yaml.SequenceNode):
            self._refuse(node, "an OrderedDict is expected to hold a list of [key, value] pairs")
        arguments = self.construct_sequence(node, deep=True)
        pairs = arguments[0] if len(arguments) == 1 else arguments
        if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
            self._refuse(node, "an OrderedDict is expected to hold a list of [key, value] pairs")
        self._check_keys([("", key) for key, _ in pairs], node)
        return dict(pairs)

    def construct_refused(self, _suffix: str, node: yaml.Node) -> NoReturn:
        """Refuse a tag that would make a Python object."""
        tag = "!!python/" + node.tag.removeprefix(_PYTHON_TAG)
        self._refuse(node, f"the tag {tag} would make a Python object, which is never done")

    def _check_keys(self, keys: list[tuple[str, str]], node: yaml.Node) -> None:
        if len(set(keys)) < len(keys):
            double = next(key for index, key in enumerate(keys) if key in keys[:index])
            self._refuse(node, f"the key {double[1]!r} stands twice in one mapping")

    def _refuse(self, node: yaml.Node, reason: str) -> NoReturn:
        raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)  # noqa: PLR2004


def _plain_list(loader: _PlainLoader, node: yaml.SequenceNode) -> list[Any]:
    return list(loader.construct_sequence(node, deep=True))


for _tag in _ORDERED:
    _PlainLoader.add_constructor(_tag, _PlainLoader.construct_ordered)
_PlainLoader.add_constructor(f"{_PYTHON_TAG}tuple", _plain_list)
_PlainLoader.add_multi_constructor(_PYTHON_TAG, _PlainLoader.construct_refused)
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT_FLOAT, list("-+0123456789"))
