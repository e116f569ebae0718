"""Names and types of files as both systems and their clients take them; it touches no file."""

from __future__ import annotations

import mimetypes
import re
from typing import Final

UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NAME_BYTES: Final = 200


def safe_name(name: str) -> str:
    """A file's name as both systems and their clients take it: no folder, no control sign, not too long.

    Signs that turn the direction of text go too: they make `exe.gpj` look like `jpg.exe`.
    """
    clean = _UNFIT.sub("_", name).strip().strip(".") or "file"
    stem, dot, ending = clean.rpartition(".")
    ending = f"{dot}{ending}"[:20] if stem else ""
    stem = stem or clean
    room = _NAME_BYTES - len(ending.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + ending


def content_type(told: str, name: str) -> str:
    """A content type that can stand in a header: the one told, else by the name's ending.

    ServiceNow has been seen to tell "text/plain (.txt)".
    """
    found = _TYPE.match(told.strip())
    if found is not None:
        return found.group().lower()
    return mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
