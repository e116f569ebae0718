"""Checks what both sides tell about files against `[attachments]`: rights, limits, and what is not shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tieline.connectors.base import SIDES, Side
from tieline.connectors.metadata import FilesInfo
from tieline.sync.attachments.notes import NAMES, size
from tieline.sync.config.attachments import Attachments
from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import listing


def check_files(
    rules: Attachments, places: Mapping[Side, str], told: Mapping[Side, FilesInfo], roles: Mapping[str, bool]
) -> Iterator[Finding]:
    """What keeps files from being read on one side, or from being put on the other.

    `places` names the table and the project; `roles` are those that the account has in ServiceNow.
    """
    for side, info in told.items():
        if info.hidden:
            yield Finding("TD082", places[side], info.hidden)
        if info.unread and rules.direction != f"to_{side}":
            yield Finding("TD083", places[side], info.unread)
    for side in SIDES:
        if side in told and rules.direction in ("both", f"to_{side}"):
            yield from _writable(rules, side, places[side], told[side], roles)


def _writable(
    rules: Attachments, side: Side, place: str, info: FilesInfo, roles: Mapping[str, bool]
) -> Iterator[Finding]:
    if info.enabled is False:
        yield Finding("TD080", side, f"attachments are switched off in {NAMES[side]}")
    if info.attach is False:
        yield Finding("TD081", place, "the permission to create attachments is missing")
    if info.roles and roles and not {*info.roles, "admin"} & {*roles, "public"}:
        yield Finding("TD081", place, f"only these roles may attach files: {listing(info.roles)}")
    if info.limit is not None and info.limit < rules.max_size:
        told = f"max_size is {size(rules.max_size)}, {NAMES[side]} takes {size(info.limit)}"
        yield Finding("TD084", "attachments.max_size", told)
    if info.extensions:
        endings = listing([f".{name}" for name in info.extensions])
        yield Finding("TD085", side, f"{NAMES[side]} takes these only: {endings}")
