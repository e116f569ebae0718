"""Reads the text of a TOML file, or says where and why it is none; it knows no setting."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from tieline.sync.config.faults import Fault, FaultyConfig


def read_text(path: Path) -> str:
    """The file's text; a byte order mark, as Windows editors leave it, is dropped.

    Raises `FaultyConfig` if it is missing, cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        remedy = "copy config.example.toml and edit it, or run `tieline sandbox` for one that works at once"
        raise FaultyConfig([Fault(str(path), 0, 0, "", "there is no such file", "", remedy)]) from None
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "is not a usable path"
        remedy = "check the path and that this account may read it"
        raise FaultyConfig([Fault(str(path), 0, 0, "", what, "", remedy)]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        value = f"byte 0x{content[error.start]:02x}"
        remedy = "save the file as UTF-8"
        raise FaultyConfig([Fault(str(path), line, column, "", "is not UTF-8", value, remedy)]) from None


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises `FaultyConfig` with the place where it is none."""
    try:
        return tomllib.loads(text)
    except (
        ValueError,
        RecursionError,
    ) as error:  # ValueError: TOMLDecodeError, and numbers of over 4,300 digits
        line, column = _syntax_place(text, str(error))
        what = (
            re.sub(r" \(at .*\)$", "", str(error))
            if isinstance(error, tomllib.TOMLDecodeError)
            else "goes too far"
        )
    remedy = "correct the syntax here, or just before (see toml.io)"
    raise FaultyConfig([Fault(str(path), line, column, "", f"not TOML: {what}", "", remedy)])


def _syntax_place(text: str, message: str) -> tuple[int, int]:
    """Where the parser stopped; it tells in words. At the end of the text, the last line."""
    found = re.search(r"at line (\d+), column (\d+)", message)
    if found:
        return int(found[1]), int(found[2])
    lines = text.split("\n") if "end of document" in message else [""]
    last = lines[:-1] if len(lines) > 1 and not lines[-1] else lines
    return len(last), len(last[-1]) + 1
