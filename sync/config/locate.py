"""Where each key and value of a TOML text stands; whether the text is valid is tomllib's business.

Lines and columns count from 1, columns in characters.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

MAX_DEPTH: Final = 16
"""Places are kept down to this depth, far below any setting; what is deeper points to what is around it."""

Path = tuple[str | int, ...]
"""The way to a value: keys of tables, and indexes (from 0) of arrays."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both from 1."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a text's keys and values, by their paths."""

    keys: dict[Path, Place]
    values: dict[Path, Place]

    def of_key(self, path: Path) -> Place:
        """Where the key stands; for an array's element its value; else the nearest table around it."""
        return self.keys.get(path) or self.of_value(path)

    def of_value(self, path: Path) -> Place:
        """Where the value stands, or the header of the nearest table around it."""
        around = (path[:length] for length in range(len(path), 0, -1))
        return next((self.values[part] for part in around if part in self.values), Place())


@dataclass(slots=True)
class _Walk:
    """One walk over the tree of a text, collecting places as it goes."""

    source: bytes
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    elements: Counter[Path] = field(default_factory=Counter)

    def document(self, root: Node) -> None:
        for node in root.named_children:
            if node.type == "pair":
                self.pair((), node)
            elif node.type in ("table", "table_array_element"):
                self.table(node)

    def table(self, node: Node) -> None:
        """A header and the pairs below it; a header reaches into the last element of an array above it."""
        header, *rest = [child for child in node.named_children if child.type != "comment"]
        path = self.inside(tuple(_parts(header)), node.type == "table_array_element")
        for length in range(1, len(path) + 1):
            self.values.setdefault(path[:length], self.place(header))
            self.keys.setdefault(path[:length], self.place(header))
        for child in rest:
            if child.type == "pair":
                self.pair(path, child)

    def inside(self, names: tuple[str, ...], appends: bool) -> Path:
        path: Path = ()
        for number, name in enumerate(names, start=1):
            path = (*path, name)
            self.elements[path] += appends and number == len(names)
            if self.elements[path]:
                path = (*path, self.elements[path] - 1)
        return path

    def pair(self, path: Path, node: Node) -> None:
        named = [child for child in node.named_children if child.type != "comment"]
        if len(named) < 2:
            return
        for name in _parts(named[0]):
            path = (*path, name)
            self.keys.setdefault(path, self.place(named[0]))
            self.values.setdefault(path, self.place(named[0]))
        self.value(path, named[1])

    def value(self, path: Path, node: Node) -> None:
        self.values[path] = self.place(node)
        if len(path) >= MAX_DEPTH:
            return
        if node.type == "inline_table":
            for child in node.named_children:
                if child.type == "pair":
                    self.pair(path, child)
        elif node.type == "array":
            for index, child in enumerate(c for c in node.named_children if c.type != "comment"):
                self.value((*path, index), child)

    def place(self, node: Node) -> Place:
        start = self.source.rfind(b"\n", 0, node.start_byte) + 1
        before = self.source[start : node.start_byte].decode(errors="replace")
        return Place(node.start_point.row + 1, len(before) + 1)


def _parts(node: Node) -> list[str]:
    """The names of a key, unquoted; a loop, as the grammar nests `a.b.c` to the left."""
    names: list[str] = []
    while node.type == "dotted_key":
        node, last = node.named_children[0], node.named_children[-1]
        names.append(_name(last))
    return [*reversed([*names, _name(node)])][:MAX_DEPTH]


def _name(node: Node) -> str:
    text = (node.text or b"").decode(errors="replace")
    return str(tomllib.loads(f"key = {text}")["key"]) if node.type == "quoted_key" else text


def locate(text: str) -> Places:
    """The places in `text`, which tomllib has accepted."""
    source = text.encode()
    walk = _Walk(source)
    walk.document(Parser(Language(tree_sitter_toml.language())).parse(source).root_node)
    return Places(walk.keys, walk.values)
