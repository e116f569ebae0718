"""Atlassian teams: what Jira's Team field holds, and what is known of a team; it asks for nothing.

The field is read as an object with the team's id and name, and written as the bare id (Atlassian: "Team field
in Jira REST API"). Jira has no search for teams by name: a team is known by name once an issue has shown it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any, Final

from tieline.connectors.base import Entity
from tieline.connectors.richtext import canonical_text

_MOST: Final = 10_000
"""Teams that are remembered by name."""
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-\d+)?|\d+", re.I)
"""What the ids of teams look like: those of Atlassian teams, and the numbers of Data Center's plans."""


class Teams:
    """The teams that issues have shown. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}

    def saw(self, raw: Any) -> None:
        """Remember what an issue shows in its Team field."""
        if isinstance(raw, Mapping) and raw.get("id"):
            name = canonical_text(str(raw.get("name") or raw.get("title") or "")) or ""
            with self._lock:
                if len(self._names) < _MOST:
                    self._names[str(raw["id"])] = name

    def entity(self, id_: str) -> Entity | None:
        """The team with this id; None for what is no team's id. The id stands for a name not shown yet."""
        with self._lock:
            known = id_ in self._names or is_team(id_)
            return Entity("jira", "group", id_, self._names.get(id_) or id_) if known else None

    def named(self, name: str) -> Entity | None:
        """The only team that issues have shown under this name."""
        with self._lock:
            same = [id_ for id_, known in self._names.items() if known.casefold() == name.casefold()]
        return self.entity(same[0]) if len(same) == 1 else None


def is_team(id_: str) -> bool:
    """Whether this looks like the id of a team, as opposed to its name."""
    return _ID.fullmatch(id_) is not None
