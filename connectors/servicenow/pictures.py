"""Pictures in journal entries: those that show a file of the instance, and no others; it asks for nothing."""

from __future__ import annotations

import re
from typing import Final

from tieline.connectors.richtext.hooks import Image, ImageHook

_FILE: Final = re.compile(r"(.*?)/?sys_attachment\.do\?(?:.*&)?sys_id=([0-9a-f]{32})\b.*", re.I | re.S)


def pictures_read(base_url: str) -> ImageHook:
    """A picture that shows one of the instance's own files, with its whole address; any other is a link.

    What stands on another host would tell that host who reads the entry.
    """
    base = base_url.rstrip("/")

    def own(image: Image) -> Image | None:
        found = _FILE.fullmatch(image.url)
        if found is None or found[1].rstrip("/") not in ("", base):
            return None
        return Image(image.name, found[2], f"{base}/sys_attachment.do?sys_id={found[2]}")

    return own


def pictures_written(image: Image) -> Image | None:
    """A picture that shows a file of an instance stays one; of any other its name is written."""
    return image if _FILE.fullmatch(image.url) else None
