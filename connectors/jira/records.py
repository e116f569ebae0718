"""Turns one issue's JSON into a Record: values, marker, open moves, last touches; it asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from tieline.connectors.base import Attachment, Move, Record, Ref, Tie, Value, Version
from tieline.connectors.errors import Malformed
from tieline.connectors.jira.files import ATTACHMENT, files_of
from tieline.connectors.jira.history import entries, touches
from tieline.connectors.jira.linked import LINKS, ties_of
from tieline.connectors.jira.settings import LABELS, JiraSettings
from tieline.connectors.jira.values import Field, decode, instant
from tieline.connectors.richtext import formatted

BASE_FIELDS: Final = ("project", "issuetype", "created", "updated", "status", "resolution")
_MARKER: Final = re.compile(r"[^\s:]+:[^\s:]+:\S+")
"""`installation:route:origin id`: how a marker is told from other labels."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads issues of one Jira, whose fields are `fields` by id, and `ids` by name.

    `demanded` tells what a transition (by id and target) wants besides what Jira reports; `formatted` is told
    each text (by issue and field) whose formatting is more than its value says, and None where it is not.
    `team` is told what a Team field shows.
    """

    settings: JiraSettings
    fields: Mapping[str, Field]
    ids: Mapping[str, str]
    demanded: Callable[[str, str], frozenset[str]] = lambda _move, _to: frozenset()
    formatted: Callable[[str, str, object], None] = lambda _id, _field, _raw: None
    team: Callable[[object], None] = lambda _raw: None

    def record(self, issue: Mapping[str, Any]) -> Record:
        """The issue as a Record; Malformed if what every issue has is missing or unreadable."""
        try:
            return self._record(issue)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            label = str(issue.get("key") or issue.get("id") or "?")[:40]
            raise Malformed(f"issue {label}: cannot be read ({type(error).__name__})") from None

    def _record(self, issue: Mapping[str, Any]) -> Record:
        raw = issue["fields"]
        label = str(issue["key"])
        found = entries(issue.get("changelog"), self.ids)
        return Record(
            ref=Ref("jira", str(int(issue["id"]))),
            label=label,
            version=Version(str(raw["updated"])),
            values=MappingProxyType(
                {name: self._value(str(issue["id"]), name, raw.get(name)) for name in self.settings.fields}
            ),
            created=instant(raw["created"]),
            updated=instant(raw["updated"]),
            updated_by=found[-1].by if found else "",
            place=f"{raw['project']['key']}/{raw['issuetype']['name']}",
            marker=self._marker(raw.get(self.settings.marker)),
            url=f"{self.settings.url}/browse/{label}",
            moves=tuple(self._move(t) for t in issue.get("transitions") or ()),
            touched=MappingProxyType(touches(found)),
            attachments=self._files(Ref("jira", str(int(issue["id"]))), raw),
            ties=self._ties(raw),
        )

    def _ties(self, raw: Mapping[str, Any]) -> tuple[Tie, ...] | None:
        """The issue's links of the configured types, None where they were not asked for."""
        if not self.settings.ties or LINKS not in raw:
            return None
        return ties_of(raw[LINKS], self.settings.ties)

    def _files(self, ref: Ref, raw: Mapping[str, Any]) -> tuple[Attachment, ...] | None:
        """The issue's files, None where they were not asked for."""
        if not self.settings.attachments or ATTACHMENT not in raw:
            return None
        return files_of(ref, raw[ATTACHMENT], cloud=self.settings.cloud)

    def _move(self, transition: Mapping[str, Any]) -> Move:
        move = move_of(transition)
        more = self.demanded(move.id, move.to)
        return replace(move, fields=move.fields | more, required=move.required | more) if more else move

    def _value(self, id_: str, name: str, raw: Any) -> Value:
        value = decode(self.fields[name], self.settings.fields[name], raw, cloud=self.settings.cloud)
        if self.fields[name].team:
            self.team(raw)
        if self.fields[name].rich:
            self.formatted(id_, name, raw if formatted(raw) else None)
        if name == self.settings.marker == LABELS and isinstance(value, frozenset):
            return frozenset(label for label in value if not is_marker(label)) or None
        return value

    def _marker(self, raw: Any) -> str:
        if isinstance(raw, list):
            return next((str(label) for label in sorted(raw, key=str) if is_marker(str(label))), "")
        return str(raw or "").strip()


def is_marker(label: str) -> bool:
    """Whether a label is a marker."""
    return _MARKER.fullmatch(label) is not None


def move_of(transition: Mapping[str, Any]) -> Move:
    """One open transition; where its screen is not told, `fields` and `required` are empty."""
    to = transition["to"]
    screen = transition.get("fields") or {}
    return Move(
        id=str(transition["id"]),
        to=str(to["name"]),
        done=(to.get("statusCategory") or {}).get("key") == "done",
        fields=frozenset(screen),
        required=frozenset(
            name for name, meta in screen.items() if meta.get("required") and not meta.get("hasDefaultValue")
        ),
    )


def transitions_lack_screens(issue: Mapping[str, Any]) -> bool:
    """Whether an answer told the open transitions and not what is on their screens."""
    return any("fields" not in transition for transition in issue.get("transitions") or ())


def is_whole(issue: object) -> bool:
    """Whether an answer holds an issue with all that a Record needs, and not only what was edited."""
    raw = issue.get("fields") if isinstance(issue, Mapping) else None
    return isinstance(raw, Mapping) and all(name in raw for name in BASE_FIELDS)
