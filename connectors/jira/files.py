"""What an issue tells of its files; it asks for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tieline.connectors.base import Attachment, Ref
from tieline.connectors.jira.values import instant

ATTACHMENT: Final = "attachment"
"""The field of an issue that holds its files."""


def files_of(ref: Ref, raw: Any, *, cloud: bool) -> tuple[Attachment, ...]:
    """What the field holds, the oldest first; KeyError, TypeError or ValueError for what it never holds."""
    found = [_file(ref, one, cloud=cloud) for one in raw or ()]
    return tuple(sorted(found, key=lambda file: (file.created, len(file.id), file.id)))


def _file(ref: Ref, raw: Mapping[str, Any], *, cloud: bool) -> Attachment:
    author = raw.get("author") or {}
    return Attachment(
        id=str(int(raw["id"])),
        ref=ref,
        name=str(raw["filename"]),
        size=int(raw["size"]),
        type=str(raw.get("mimeType") or ""),
        created=instant(raw["created"]),
        author=str(author.get("accountId" if cloud else "name") or ""),
        url=str(raw.get("content") or ""),
    )
