"""What one Jira told us once and all parts of the connector share: fields, our account, highest keys."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from tieline.connectors.base import Identity
from tieline.connectors.errors import ConfigError, Denied
from tieline.connectors.jira.files import ATTACHMENT
from tieline.connectors.jira.history import Shown
from tieline.connectors.jira.linked import LINKS
from tieline.connectors.jira.records import BASE_FIELDS, Reader
from tieline.connectors.jira.settings import LABELS, JiraSettings
from tieline.connectors.jira.teams import Teams
from tieline.connectors.jira.values import Field, field_of
from tieline.connectors.jira.wire import Wire

COMMENTS: Final = "comment"
"""The field in which an issue tells its comments."""
_KEPT: Final = 1000
"""Issues whose comments are kept between reading them and asking for them: several waves."""
_FORMATTED: Final = 200
"""Formatted texts that are kept between reading them and writing an edit of theirs: two waves."""
_REMEMBERED: Final = 10_000
"""Issues of our own making that are remembered: more than are ever in work at once."""


class Site:
    """Settings, connection and memory of one connector. Safe to use from many threads."""

    def __init__(self, settings: JiraSettings, wire: Wire) -> None:
        self.settings = settings
        self.wire = wire
        self.teams = Teams()
        self._lock = threading.Lock()
        self._fields: Mapping[str, Field] = {}
        self._reader: Reader | None = None
        self._account = ""
        self._highest: dict[str, int] = {}
        self._demanded: dict[tuple[str, str], frozenset[str]] = {}
        self._made: dict[str, str] = {}
        self._told: dict[str, object] = {}
        self._desks: dict[str, bool] = {}
        self._formatted: dict[tuple[str, str], object] = {}

    def fields(self) -> Mapping[str, Field]:
        """Every field by id, read once. ConfigError names the configured ones that Jira does not have.

        A missing field must not pass for an empty one: that would empty it on the other side.
        """
        with self._lock:
            if not self._fields:
                described = map(field_of, self.wire.fields("Jira's fields"))
                found = {field.id: field for field in described}
                self._check(found)
                self._fields = found
            return self._fields

    def _check(self, found: Mapping[str, Field]) -> None:
        if not found:
            raise Denied("Jira shows this account no fields at all; check its credentials and rights")
        wanted = [*self.settings.fields, self.settings.marker]
        if missing := [name for name in wanted if name not in found and name != LABELS]:
            raise ConfigError(
                f"Jira has no field {', '.join(missing)} that this account can see; "
                "check the ids in the configuration, and the account's rights"
            )

    def reader(self) -> Reader:
        """What turns this Jira's issues into Records."""
        fields = self.fields()
        with self._lock:
            if self._reader is None:
                self._reader = Reader(
                    self.settings,
                    fields,
                    {f.name: f.id for f in fields.values()},
                    self.demanded,
                    self.keep_formatted,
                    self.teams.saw,
                )
            return self._reader

    def team_groups(self) -> bool:
        """Whether groups are mirrored into Team fields, and into no others."""
        fields = self.fields()
        held = [fields[n].team for n, kind in self.settings.fields.items() if kind == "group"]
        return bool(held) and all(held)

    def shown_kinds(self) -> Mapping[str, Shown]:
        """How the changelog shows each field that is read."""
        fields = self.fields()
        told: dict[str, Shown] = dict(self.settings.fields)
        for name in (name for name, kind in self.settings.fields.items() if kind == "group"):
            told[name] = "team" if fields[name].team else "set" if fields[name].type == "array" else "group"
        return told

    def names(self) -> list[str]:
        """The ids of all fields that a Record is made of."""
        files = {ATTACHMENT} if self.settings.attachments else set()
        links = {LINKS} if self.settings.ties else set()
        said = {COMMENTS} if self.settings.comments else set()
        return sorted({*self.settings.fields, *BASE_FIELDS, self.settings.marker, *files, *links, *said})

    def identity(self) -> Identity:
        """Who Jira says that we are; Denied if it takes us for nobody."""
        me: Mapping[str, Any] = self.wire.myself("Jira's answer to who we are")
        id_ = str(me.get("accountId" if self.settings.cloud else "name") or "")
        if not id_:
            raise Denied("Jira takes us for an anonymous visitor; check the credentials")
        with self._lock:
            self._account = id_
        return Identity(
            id=id_,
            name=str(me.get("displayName") or id_),
            time_zone=str(me.get("timeZone") or ""),
            skew=self.wire.skew,
        )

    def account(self) -> str:
        """Our accountId or user name, asked for once."""
        with self._lock:
            known = self._account
        return known or self.identity().id

    def saw(self, label: str) -> None:
        """Remember that an issue of this key exists."""
        project, _, number = label.rpartition("-")
        if number.isdecimal():
            with self._lock:
                self._highest[project] = max(int(number), self._highest.get(project, 0))

    def highest(self, project: str) -> int:
        """The highest key number seen in a project; 0 if none was."""
        with self._lock:
            return self._highest.get(project, 0)

    def made(self, marker: str, id_: str) -> None:
        """Remember that we made the issue with this marker, as Jira has told us."""
        with self._lock:
            self._made[marker] = id_
            if len(self._made) > _REMEMBERED:
                del self._made[next(iter(self._made))]

    def made_as(self, marker: str) -> str:
        """The id of the issue that we made with this marker; "" if we know of none."""
        with self._lock:
            return self._made.get(marker, "")

    def keep_told(self, id_: str, told: object, *, desk: bool) -> None:
        """Keep what an issue told of its comments, until that is asked for."""
        with self._lock:
            self._told[id_], self._desks[id_] = told, desk
            for kept, most in ((self._told, _KEPT), (self._desks, _REMEMBERED)):
                if len(kept) > most:
                    del kept[next(iter(kept))]

    def take_told(self, id_: str) -> object:
        """What an issue told of its comments when it was last read, once; None if it was not read since."""
        with self._lock:
            return self._told.pop(id_, None)

    def keep_formatted(self, id_: str, field: str, raw: object) -> None:
        """Keep the formatted text of an issue's field, as it was last read; None if it has no formatting."""
        with self._lock:
            self._formatted.pop((id_, field), None)
            if raw is not None:
                self._formatted[id_, field] = raw
            if len(self._formatted) > _FORMATTED:
                del self._formatted[next(iter(self._formatted))]

    def formatted(self, id_: str, field: str) -> object:
        """The formatted text of a field as last read; None if it had no formatting, or that was long ago."""
        with self._lock:
            return self._formatted.get((id_, field))

    def is_desk(self, id_: str) -> bool:
        """Whether an issue that was read is one of a service desk."""
        with self._lock:
            return self._desks.get(id_, False)

    def restriction(self) -> dict[str, dict[str, str]]:
        """What restricts an internal comment, as Jira takes it; nothing if it is not configured."""
        if self.settings.restriction is None:
            return {}
        type_, name = self.settings.restriction
        return {"visibility": {"type": type_, "value": name}}

    def demanded(self, move: str, to: str) -> frozenset[str]:
        """The fields that a transition was refused without, though Jira does not tell that it wants them."""
        with self._lock:
            return self._demanded.get((move, to), frozenset())

    def demands(self, move: str, to: str, names: frozenset[str]) -> None:
        """Remember fields that a transition was refused without."""
        with self._lock:
            self._demanded[move, to] = self._demanded.get((move, to), frozenset()) | names
