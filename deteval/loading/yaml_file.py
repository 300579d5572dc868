"""YAML without surprises: every value keeps its line, and what YAML 1.1 would misread is refused."""

import re
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from deteval.errors import DetevalError, nearest, usage_error

Keys = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9]\d*)")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_BASE_60 = re.compile(r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_OLD_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_MOST_NODES = 100_000
_MOST_DIGITS = 300
"""Of an integer: more fit no float, and from some number on Python refuses to convert them."""


class YamlFile(Struct, frozen=True):
    """The value of a YAML file, and the line on which each part of it stands, by path of keys and indices."""

    path: str
    value: Any
    lines: dict[Keys, int]

    def error(self, keys: Keys, problem: str) -> DetevalError:
        """A usage error that names the file and the line of a part."""
        while keys not in self.lines and keys:
            keys = keys[:-1]
        return usage_error(f"{self.path}:{self.lines.get(keys, 1)}: {problem}")

    def check_keys(self, keys: Keys, mapping: Any, valid: list[str]) -> None:
        """Refuse a part that is no mapping, or holds a key that is not valid."""
        if not isinstance(mapping, dict):
            raise self.error(keys, f"a mapping with keys {', '.join(valid)} is needed")
        for key in mapping:
            if key not in valid:
                raise self.error((*keys, key), f"unknown key {key!r}{nearest(str(key), valid)}")

    def check_version(self, known: int) -> None:
        """Refuse a file whose `version`, if it states one, is not the one known."""
        version = self.value.get("version")
        if version is not None and (version != known or isinstance(version, bool)):
            raise self.error(("version",), f"version {version!r} is not known; this deteval reads version {known}")


def read_yaml(path: str | Path, most_nodes: int = _MOST_NODES) -> YamlFile:
    """A YAML file; `DetevalError` (usage) with the line for anything that is wrong with it.

    most_nodes: so many keys and values may it hold, so that one that refers to itself comes to an end.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise usage_error(f"{path}: cannot be read: not UTF-8") from None
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise usage_error(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        if isinstance(error, yaml.reader.ReaderError):  # a character that YAML does not know, in two lines of words
            line = text.count("\n", 0, error.position) + 1
            raise usage_error(f"{path}:{line}: not YAML: a control character, as {chr(error.character)!r}") from None
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise usage_error(f"{path}:{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise usage_error(f"{path}: is nested too deeply") from None
    reader = _Reader(str(path), most_nodes)
    value = {} if root is None else reader.value(root, ())
    return YamlFile(str(path), value, reader.lines)


class _Reader:
    """Turns YAML nodes into values."""

    def __init__(self, path: str, most_nodes: int) -> None:
        self.path = path
        self.most_nodes = most_nodes
        self.lines: dict[Keys, int] = {}
        self.nodes = 0

    def value(self, node: yaml.Node, keys: Keys) -> Any:
        self.nodes += 1
        if self.nodes > self.most_nodes or len(keys) > 20:
            raise self.error(node, "the file is too large for a configuration, or refers to itself")
        self.lines.setdefault(keys, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, keys)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*keys, place)) for place, item in enumerate(node.value)]
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise self.error(node, f"the tag {node.tag} is not understood")
        return node.value if getattr(node, "style", None) else self.plain(node)

    def mapping(self, node: yaml.MappingNode, keys: Keys) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.error(key_node, "a key must be a word or a number")
            key = key_node.value if key_node.style else self.plain(key_node)
            if key in result:
                raise self.error(key_node, f"the key {key!r} stands here for the second time")
            self.lines[(*keys, key)] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, (*keys, key))
        return result

    def plain(self, node: yaml.Node) -> Any:
        """A value without quotes."""
        text = node.value
        if text.lower() in _OLD_BOOLEANS:
            raise self.error(node, f"{text!r} may be read as a boolean; write {_OLD_BOOLEANS[text.lower()]}, or put it "
                             "in quotes")
        if _BASE_60.fullmatch(text) or _LEADING_ZERO.fullmatch(text):
            raise self.error(node, f"{text!r} may be read as a number in base 60 or 8; put it in quotes: \"{text}\"")
        if _NOT_FINITE.fullmatch(text):
            raise self.error(node, f"{text!r} is not a finite number")
        if text.lower() in _CONSTANTS:
            return _CONSTANTS[text.lower()]
        if _INTEGER.fullmatch(text):
            if len(text) > _MOST_DIGITS:
                raise self.error(node, f"a number of {len(text):,} digits is larger than any that is needed here")
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def error(self, node: yaml.Node, problem: str) -> DetevalError:
        return usage_error(f"{self.path}:{node.start_mark.line + 1}: {problem}")
