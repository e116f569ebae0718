"""Reads what forms say of their files as browsers and servers mean it; both stand-ins take forms."""

from __future__ import annotations

import re
from email.message import Message
from typing import Final

_NAME: Final = re.compile(r'\bfilename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_ESCAPED: Final = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))


def file_name(part: Message) -> str | None:
    """The name of a part's file; None if it is no file.

    Names stand in a form in plain UTF-8 with three signs escaped (HTML: "Multipart form data"), which
    Python's parser of mail takes for unknown bytes.
    """
    raw = next((str(value) for key, value in part.raw_items() if key.lower() == "content-disposition"), "")
    found = _NAME.search(raw)
    if found is None:
        return part.get_filename()
    name = found[1].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    for escaped, sign in _ESCAPED:
        name = name.replace(escaped, sign)
    return name
