"""What is wrong with a configuration, in words for people; a secret is never among them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from tieline.connectors.errors import ConfigError

Path = tuple[str | int, ...]

MAX_SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault before its place is known: where it is by path, what it is, what to do.

    `value` is the offending value as it may be shown ("" for nothing to show); `at` says what to point to.
    `meant` is set for a key that means nothing: the key that it may stand for, or "".
    """

    path: Path
    what: str
    remedy: str
    value: str = ""
    at: Literal["key", "value"] = "value"
    meant: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to correct. Line and column count from 1, and are 0 where the file could not be read."""

    file: str
    line: int
    column: int
    key: str
    what: str
    value: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        key = f"{self.key}: " if self.key else ""
        value = f" ({self.value})" if self.value else ""
        return f"{place}: {key}{self.what}{value} -> {self.remedy}"


class FaultyConfig(ConfigError):
    """The configuration cannot be used; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def shown(path: Path, value: object) -> str:
    """A value as a message may quote it: short, on one line, and nothing that may be a secret."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < 10**MAX_SHOWN_CHARACTERS else "a huge number"
        case str() if _may_be_secret(path, value):
            return "not shown"
        case str():
            return quoted(value)
        case dict():
            return "a table"
        case list() | tuple():
            return "an array"
        case _:
            return str(value)[:MAX_SHOWN_CHARACTERS]


def quoted(text: str) -> str:
    """`text` in quotes, cut to a length that fits a line, without anything that moves a cursor."""
    cut = text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def _may_be_secret(path: Path, text: str) -> bool:
    """Whatever stands in a sign-in, or in an address that may carry a password."""
    if "auth" in path:
        return path[-1] != "kind"
    return "://" in text and any(sign in text for sign in "@?")


def key_text(path: Path, data: object) -> str:
    """A path as people write it, with an element's own name where it has one: `route[ops].jira`."""
    text = ""
    for part in path:
        data = _step(data, part)
        if isinstance(part, str):
            bare = part.replace("_", "").replace("-", "").isalnum() and part.isascii()
            text += f".{part}" if bare else f".{quoted(part)}"
        else:
            name = data.get("name") if isinstance(data, dict) else None
            text += f"[{name}]" if isinstance(name, str) and _plain(name) else f"[{part}]"
    return text.removeprefix(".")


def _step(data: object, part: str | int) -> object:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _plain(name: str) -> bool:
    return 0 < len(name) <= MAX_SHOWN_CHARACTERS and name.isprintable()


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that `word` may be a slip of; "" if none is near."""
    by_form = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_form, n=1, cutoff=0.6)
    return by_form[near[0]] if near else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """The remedy for a word that is none of `known`: the nearest one, else all of them."""
    names = list(known)
    near = nearest(word, names)
    if near:
        return f"did you mean {near}?"
    return f"known here: {', '.join(names)}" if names else "nothing is known here"
