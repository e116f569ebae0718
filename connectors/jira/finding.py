"""Finds issues: by a route's scope, by marker, by the key that a person names; and tells the highest key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from tieline.connectors.base import ISSUE_KEY, Record, Ref
from tieline.connectors.errors import (
    ConfigError,
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    Unavailable,
    Unreadable,
)
from tieline.connectors.jira.reading import Reading
from tieline.connectors.jira.searching import Query, every, ids_clause, page
from tieline.connectors.jira.settings import BULK_FETCH, LABELS, RECONCILE, project_of, quoted
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.wire import Refusal, chunks

_ID: Final = re.compile(r"[0-9]+")


class Finding:
    """Searches of one Jira that the engine asks for."""

    def __init__(self, site: Site, reading: Reading) -> None:
        self._site = site
        self._reading = reading
        self._marks: set[str] = set()

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        """Those that the JQL condition `scope` matches now, past the index; ConfigError if it is refused."""
        if not scope.strip():
            return frozenset(refs)
        batches = chunks(sorted({ref.id for ref in refs}), RECONCILE)
        found = self._site.wire.each(lambda ids: self._matching(ids, scope), batches)
        matching = frozenset().union(*found)
        return frozenset(ref for ref in refs if ref.id in matching)

    def _matching(self, ids: Sequence[str], scope: str) -> frozenset[str]:
        jql = f"{ids_clause(ids)} AND ({scope})"
        query = Query("the scope", jql, ("updated",), reconcile=tuple(map(int, ids)))
        try:
            return frozenset(issue["id"] for issue in every(self._site, query)) & frozenset(ids)
        except Refusal as refusal:
            named = set(_ID.findall(refusal.said.message))
            left = [id_ for id_ in ids if id_ not in named]
            if len(left) == len(ids):
                raise ConfigError(f"jira scope {scope!r}: {refusal}") from None
            # A deleted or hidden issue makes Jira refuse the whole query, naming its id.
            return self._matching(left, scope) if left else frozenset()

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        """Every record that holds `marker`: by search, and by reading the keys above `watermark`."""
        found = {record.ref: record for record in self._searched(marker) if record.marker == marker}
        if watermark:
            newer = self._reading.above(project_of(place), int(watermark.rpartition("-")[2]), marker)
            found.update({record.ref: record for record in newer if record.marker == marker})
        if not found:
            self._site.identity()  # "there is none" is believed only if it was said to us
            if id_ := self._site.made_as(marker):
                raise Unavailable(
                    f"issue {id_} was made and is not shown now: deleted, or hidden for a while"
                )
        return sorted(found.values(), key=lambda record: int(record.ref.id))

    def _searched(self, marker: str) -> list[Record]:
        query = Query("the marker", marker_clause(self._site.settings.marker, marker), ("updated",))
        try:
            refs = [Ref("jira", issue["id"]) for issue in every(self._site, query)]
        except Refusal as refusal:
            raise ConfigError(f"jira.marker {self._site.settings.marker}: {refusal}") from None
        return self._shown(refs)

    def _shown(self, refs: Sequence[Ref]) -> list[Record]:
        """Those of the records that are shown to us; a failure to read one is raised."""
        return _read(self._reading.read(refs))

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        """The issues of all routes' projects that hold a marker of this installation, oldest first.

        They are found by search, whose index lags: what was made a moment ago may be missing. Unreadable at
        the end for issues with any marker that cannot be read: whose it is stands in what cannot be read.
        """
        settings = self._site.settings
        projects = ", ".join(quoted(key) for key in settings.projects)
        jql = f"project in ({projects}) AND {_clause_field(settings.marker)} is not EMPTY"
        query = Query("the markers", f"{jql} ORDER BY created ASC, key ASC", ("updated",))
        broken: list[str] = []
        try:
            issues = every(self._site, query)
            while refs := [Ref("jira", issue["id"]) for issue in islice(issues, BULK_FETCH)]:
                told = dict(zip(refs, self._reading.read(refs), strict=True))
                bad = [ref for ref, record in told.items() if isinstance(record, Malformed)]
                broken += [ref.id for ref in bad]
                shown = _read([record for ref, record in told.items() if ref not in bad])
                yield [record for record in shown if record.marker.startswith(f"{installation}:")]
        except Refusal as refusal:
            raise ConfigError(f"jira.marker {settings.marker}: {refusal}") from None
        if broken:
            raise Unreadable(broken)

    def lookup(self, label: str) -> Ref | None:
        """The issue that a key (also one from before a move) or id means."""
        if not ISSUE_KEY.fullmatch(label.strip()):
            return None
        answer = self._reading.one(label.strip().upper())
        match answer:
            case Gone():
                return None
            case ConnectorError():
                raise answer
            case _:
                return Ref("jira", str(answer["id"]))

    def watermark(self, place: str) -> str:
        """The highest key number known at `place`; each project is searched once, then only watched."""
        project = project_of(place)
        if project not in self._marks:
            query = Query("the newest key", f"project = {quoted(project)} ORDER BY key DESC", ("updated",), 1)
            try:
                for issue in page(self._site, query).issues:
                    self._site.saw(str(issue.get("key", "")))
            except Refusal as refusal:
                raise Denied(f"{refusal}; check jira.project, and the account's rights") from None
            self._marks.add(project)
        return str(self._site.highest(project))


def marker_clause(field: str, marker: str) -> str:
    """JQL for records that may hold `marker`; text search takes words, so what it finds is compared again."""
    if field == LABELS:
        return f"labels = {quoted(marker)}"
    return f"{_clause_field(field)} ~ {quoted(quoted(marker))}"


def _clause_field(field: str) -> str:
    return field if field == LABELS else f"cf[{field.removeprefix('customfield_')}]"


def _read(told: Sequence[Record | ConnectorError]) -> list[Record]:
    """Those that are shown to us; a failure to read one is raised."""
    for record in told:
        if isinstance(record, ConnectorError) and not isinstance(record, Gone):
            raise record
    return [record for record in told if isinstance(record, Record)]
