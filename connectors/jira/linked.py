"""Reads the links that an issue shows along with itself; it asks for nothing.

A link reads from one issue to another; each issue shows the other end, under the name of its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tieline.connectors.base import Ref, Tie

LINKS: Final = "issuelinks"
"""The field that shows an issue's links along with it."""


def ties_of(raw: Any, types: frozenset[str]) -> tuple[Tie, ...]:
    """The links that an issue shows, of these types; those that make no sense are not there."""
    found = []
    for link in raw if isinstance(raw, list) else ():
        if not isinstance(link, Mapping):
            continue
        name = str((link.get("type") or {}).get("name") or "")
        for end, outward in (("outwardIssue", True), ("inwardIssue", False)):
            issue = link.get(end)
            if name in types and isinstance(issue, Mapping) and issue.get("id"):
                ref = Ref("jira", str(issue["id"]), "issue")
                found.append(Tie(name, ref, outward, str(link.get("id") or ""), str(issue.get("key") or "")))
    return tuple(sorted(found, key=lambda tie: (tie.name, tie.outward, tie.target, len(tie.id), tie.id)))
