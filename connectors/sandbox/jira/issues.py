"""An issue as Jira's answers show it: the fields asked for, transitions, changelog, and what hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from tieline.connectors.sandbox.jira import dates
from tieline.connectors.sandbox.jira.beans import Bean, View
from tieline.connectors.sandbox.jira.catalog import NOT_NAVIGABLE
from tieline.connectors.sandbox.jira.edits import open_transitions
from tieline.connectors.sandbox.jira.fields import document
from tieline.connectors.sandbox.jira.model import (
    Comment,
    History,
    Issue,
    Item,
    Link,
    Named,
    RemoteLink,
    State,
    Text,
    Transition,
    User,
    Value,
)
from tieline.connectors.sandbox.jira.settings import Settings
from tieline.connectors.sandbox.jira.store import Store

EXPANDS: Final = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
FOUND_EXPANDS: Final = "operations,versionedRepresentations,editmeta,changelog,renderedFields"
CHANGELOG_CAP: Final = 100
"""Entries that `expand=changelog` shows at most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks to see of issues: fields in order, expansions, properties, or only the id."""

    fields: tuple[str, ...]
    expand: frozenset[str] = frozenset()
    properties: tuple[str, ...] = ()
    only_id: bool = False


def wanted_fields(names: Iterable[str], known: Iterable[str], default: str) -> tuple[str, ...]:
    """The fields meant by a list such as `*all`, `-comment` or `summary,status`; unknown ones are ignored."""
    everything = list(known)
    asked = [n for part in names for n in part.split(",") if n] or [default]
    chosen: set[str] = set()
    if all(n.startswith("-") for n in asked):
        asked = [default, *asked]
    for name in asked:
        match name:
            case "*all":
                chosen |= set(everything)
            case "*navigable":
                chosen |= set(everything) - NOT_NAVIGABLE
            case _ if name.startswith("-"):
                chosen.discard(name[1:])
            case _:
                chosen.add(name)
    return tuple(f for f in everything if f in chosen)


@dataclass(frozen=True, slots=True)
class Renderer:
    """Turns issues into beans for one view."""

    view: View
    store: Store
    settings: Settings

    def issue(
        self, issue: Issue, wanted: Wanted, state: State | None = None, *, expands: str = EXPANDS
    ) -> Bean:
        """The issue as it is, or as it was in `state`."""
        shown = state or issue.state
        if wanted.only_id:
            return {"id": str(shown.id)}
        bean: Bean = {
            "expand": expands,
            "id": str(shown.id),
            "self": f"{self.view.api}/issue/{shown.id}",
            "key": shown.key,
        }
        if "changelog" in wanted.expand:
            bean["changelog"] = self.changelog_page(issue)
        if "transitions" in wanted.expand or "transitions.fields" in wanted.expand:
            bean["transitions"] = self._open(shown, with_fields="transitions.fields" in wanted.expand)
        if wanted.properties:
            chosen = issue.properties if "*all" in wanted.properties else wanted.properties
            bean["properties"] = {k: issue.properties[k] for k in chosen if k in issue.properties}
        if "names" in wanted.expand:
            bean["names"] = self.names(wanted.fields)
        if "schema" in wanted.expand:
            bean["schema"] = self.schemas(wanted.fields)
        if "editmeta" in wanted.expand:
            bean["editmeta"] = self.edit_meta(shown)
        if wanted.fields:
            bean["fields"] = {f: self._field(f, issue, shown) for f in wanted.fields}
        return bean

    def names(self, fields: Iterable[str]) -> dict[str, str]:
        """Field names by id."""
        return {f: self.view.world.fields[f].name for f in fields}

    def schemas(self, fields: Iterable[str]) -> dict[str, Bean]:
        """Field types by id."""
        return {f: self.view.schema(self.view.world.fields[f]) for f in fields}

    def edit_meta(self, state: State) -> Bean:
        """The edit screen's fields."""
        world = self.view.world
        shown = {
            f: self.view.field_meta(world.fields[f], state.project, required=f == "summary")
            for f in state.project.screen
        }
        return {"fields": shown}

    # Fields

    def _field(self, name: str, issue: Issue, state: State) -> Any:
        show = _COMPUTED.get(name)
        return self.value(state.values.get(name), name) if show is None else show(self, issue, state)

    def value(self, value: Value, field: str = "") -> Any:
        """A stored value on the wire."""
        match value:
            case None:
                return None
            case str():
                return value
            case Text():
                return document(value) if self.view.adf else value.wiki
            case User():
                return self.view.user_part(value)
            case Named():
                return self._named(value, field)
            case tuple():
                return [v if isinstance(v, str) else self.view.component(v) for v in value]

    def _named(self, value: Named, field: str) -> orjson.Fragment:
        match field:
            case "priority":
                return self.view.part("priority", value.id, lambda: self.view.priority(value))
            case "resolution":
                return self.view.part("resolution", value.id, lambda: self.view.resolution(value))
            case _ if (found := self.view.world.fields.get(field)) and found.kind == "team":
                return self.view.part("team", value.id, lambda: self.view.team(value))
            case _:
                return self.view.part("option", value.id, lambda: self.view.option(value))

    def date(self, instant: datetime | None) -> str | None:
        """A timestamp, or nothing."""
        return None if instant is None else self.view.date(instant)

    # Workflow

    def transitions(self, state: State, *, with_fields: bool) -> list[Bean]:
        """The arrows open to the issue."""
        return [self._transition(t, state, with_fields=with_fields) for t in open_transitions(state)]

    def _open(self, state: State, *, with_fields: bool) -> list[Bean] | orjson.Fragment:
        if with_fields:
            return self.transitions(state, with_fields=True)
        key = f"{state.type.id}:{state.status.id}"
        return self.view.part("transitions", key, lambda: self.transitions(state, with_fields=False))

    def _transition(self, arrow: Transition, state: State, *, with_fields: bool) -> Bean:
        status = self.view.world.statuses[arrow.target]
        bean: Bean = {
            "id": arrow.id,
            "name": arrow.name,
            "to": self.view.part("status", status.id, lambda: self.view.status(status)),
        }
        if self.view.world.cloud:
            bean |= {
                "hasScreen": bool(arrow.screen), "isGlobal": False, "isInitial": False, "isAvailable": True,
                "isConditional": False, "isLooped": False,
            }  # fmt: skip
        else:
            bean |= {"description": "", "opsbarSequence": int(arrow.id)}
        if with_fields:
            bean["fields"] = self._transition_fields(arrow, state)
        return bean

    def _transition_fields(self, arrow: Transition, state: State) -> Bean:
        world = self.view.world
        shown = [f for f in arrow.screen if not (self.settings.unreported_resolution and f == "resolution")]
        return {
            f: self.view.field_meta(world.fields[f], state.project, required=f in arrow.required)
            for f in shown
        }

    # Changelog

    def changelog_page(self, issue: Issue) -> Bean:
        """The changelog as `expand=changelog` shows it: capped."""
        newest_first = self.settings.newest_first_in_expand and self.view.world.cloud
        entries = issue.histories[::-1] if newest_first else issue.histories
        shown = entries[:CHANGELOG_CAP] if self.view.world.cloud else entries
        return {
            "startAt": 0, "maxResults": len(shown), "total": len(issue.histories),
            "histories": [self.history(h) for h in shown],
        }  # fmt: skip

    def history(self, entry: History, *, epoch: bool = False) -> Bean:
        """One entry of a changelog."""
        return {
            "id": str(entry.id),
            "author": self.view.user_part(entry.author),
            "created": dates.epoch_ms(entry.created) if epoch else self.view.date(entry.created),
            "items": [self.item(i) for i in entry.items],
        }

    def item(self, item: Item) -> Bean:
        """One changed field."""
        bean: Bean = {"field": item.field, "fieldtype": "custom" if item.custom else "jira"}
        if self.view.world.cloud:
            bean["fieldId"] = item.field_id
        return bean | {
            "from": item.origin,
            "fromString": item.origin_text,
            "to": item.target,
            "toString": item.target_text,
        }

    # What hangs on an issue

    def comment(self, issue: Issue, comment: Comment, *, with_properties: bool = False) -> Bean:
        """A comment."""
        bean: Bean = {
            "self": f"{self.view.api}/issue/{issue.state.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.view.user_part(comment.author),
            "body": document(comment.body) if self.view.adf else comment.body.wiki,
            "updateAuthor": self.view.user_part(comment.update_author),
            "created": self.view.date(comment.created),
            "updated": self.view.date(comment.updated),
        }
        if self.view.world.cloud:
            bean["jsdPublic"] = comment.public
        if comment.visibility:
            bean["visibility"] = comment.visibility
        if with_properties:
            bean["properties"] = [{"key": k, "value": v} for k, v in comment.properties.items()]
        return bean

    def remote_link(self, issue: Issue, link: RemoteLink) -> Bean:
        """A remote link; what was left out of it is absent."""
        bean: Bean = {"id": link.id, "self": self.remote_link_url(issue, link)}
        if link.global_id is not None:
            bean["globalId"] = link.global_id
        bean["application"] = link.application
        if link.relationship is not None:
            bean["relationship"] = link.relationship
        return bean | {"object": {**_without_nulls(link.object), "icon": link.object.get("icon") or {}}}

    def remote_link_url(self, issue: Issue, link: RemoteLink) -> str:
        """Where a remote link lives."""
        return f"{self.view.api}/issue/{issue.state.key}/remotelink/{link.id}"

    def link(self, link: Link, side: int | None = None) -> Bean:
        """A link as the issue `side` shows it, or (None) as the link resource does."""
        bean: Bean = {
            "id": str(link.id),
            "self": f"{self.view.api}/issueLink/{link.id}",
            "type": self.view.link_type(link.type),
        }
        if side != link.inward:
            bean["inwardIssue"] = self._linked(link.inward)
        if side != link.outward:
            bean["outwardIssue"] = self._linked(link.outward)
        return bean

    def _linked(self, issue_id: int) -> Bean:
        state = self.store.issues[issue_id].state
        shown = ("summary", "status", "priority", "issuetype")
        return {
            "id": str(state.id), "key": state.key, "self": f"{self.view.api}/issue/{state.id}",
            "fields": {f: self._field(f, self.store.issues[issue_id], state) for f in shown},
        }  # fmt: skip


def _without_nulls(value: Mapping[str, Any]) -> Bean:
    return {k: v for k, v in value.items() if v is not None}


def _comments(r: Renderer, issue: Issue, state: State) -> Bean:
    most = r.settings.embedded_comments
    shown = [r.comment(issue, c) for c in issue.comments[:most]]
    bean: Bean = {"comments": shown}
    if r.view.world.cloud:
        bean["self"] = f"{r.view.api}/issue/{state.id}/comment"
    return bean | {"maxResults": len(shown), "total": len(issue.comments), "startAt": 0}


def _fixed(value: Any) -> Callable[[Renderer, Issue, State], Any]:
    return lambda r, issue, state: value


_COMPUTED: Final[Mapping[str, Callable[[Renderer, Issue, State], Any]]] = {
    "statuscategorychangedate": lambda r, i, s: r.date(s.status_since),
    "issuetype": lambda r, i, s: r.view.part("issuetype", s.type.id, lambda: r.view.issue_type(s.type)),
    "project": lambda r, i, s: r.view.part("project", s.project.id, lambda: r.view.project(s.project)),
    "status": lambda r, i, s: r.view.part("status", s.status.id, lambda: r.view.status(s.status)),
    "statusCategory": lambda r, i, s: r.view.part(
        "category", s.status.category.key, lambda: r.view.category(s.status.category)
    ),
    "creator": lambda r, i, s: r.view.user_part(s.creator),
    "created": lambda r, i, s: r.date(s.created),
    "updated": lambda r, i, s: r.date(s.updated),
    "resolutiondate": lambda r, i, s: r.date(s.resolved),
    "comment": _comments,
    "issuelinks": lambda r, i, s: [
        r.link(k, s.id) for k in i.links if r.store.visible(k.inward) and r.store.visible(k.outward)
    ],
    "worklog": _fixed({"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []}),
    "watches": lambda r, i, s: {
        "self": f"{r.view.api}/issue/{s.key}/watchers", "watchCount": len(i.watchers),
        "isWatching": False,
    },
    "votes": lambda r, i, s: {"self": f"{r.view.api}/issue/{s.key}/votes", "votes": 0, "hasVoted": False},
    "labels": lambda r, i, s: r.value(s.values.get("labels")) or [],
    "components": lambda r, i, s: r.value(s.values.get("components")) or [],
    "progress": _fixed({"progress": 0, "total": 0}),
    "aggregateprogress": _fixed({"progress": 0, "total": 0}),
    "timetracking": _fixed({}),
    "issuerestriction": _fixed({"issuerestrictions": {}, "shouldDisplay": False}),
    "workratio": _fixed(-1),
    "attachment": lambda r, i, s: [r.view.attachment(a) for a in i.attachments],
    "subtasks": _fixed([]),
    "fixVersions": _fixed([]),
    "versions": _fixed([]),
}  # fmt: skip
