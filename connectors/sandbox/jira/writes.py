"""Carries out what was decided: the one place where issues are written, whoever writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from tieline.connectors.sandbox.core import Clock
from tieline.connectors.sandbox.jira import dates, edits
from tieline.connectors.sandbox.jira.fields import Desk, Invalid, Simple, read, to_simple, to_wire
from tieline.connectors.sandbox.jira.model import (
    ApiError,
    Attachment,
    Comment,
    History,
    Issue,
    IssueType,
    Item,
    Link,
    LinkType,
    Project,
    RemoteLink,
    State,
    Text,
    User,
    Value,
    bad_payload,
)
from tieline.connectors.sandbox.jira.settings import Settings
from tieline.connectors.sandbox.jira.store import Store
from tieline.connectors.sandbox.jira.webhooks import Event
from tieline.connectors.sandbox.jira.world import World

Body = Mapping[str, Any]
MOST_COMMENTS: Final = 5000
MOST_LINKS: Final = 2000
"""What one issue holds at most, of links and of remote links (Atlassian: "Issues approaching limits")."""
Rewrite = Callable[[State | None, Mapping[str, Simple]], Mapping[str, Simple]]
"""A rule of the site that puts other values in place, before they are stored.

Gets the issue as it was (None: it is being created) and what would be set, in simple form; gives what it sets
instead or besides.
"""


@dataclass(slots=True)
class Writer:
    """Writes under the site's rules. A method that raises `ApiError` (in Jira's words) has done nothing."""

    world: World
    store: Store
    clock: Clock
    settings: Settings
    rewrites: list[Rewrite] = field(default_factory=list)
    on_write: Callable[[Issue, User], None] = lambda issue, author: None
    on_event: Callable[[Event], None] = lambda event: None
    forgets_resolution: Callable[[], bool] = lambda: False
    """Whether this transition takes a resolution and does not set it."""

    def now(self) -> datetime:
        """The present, in the whole milliseconds that Jira keeps."""
        return dates.whole_ms(self.clock.now())

    def desk(self, project: Project, *, adf: bool, creating: bool = False) -> Desk:
        """What values are read against in this project."""
        return Desk(self.world, adf, self.settings.text_limit, project, creating)

    # Issues

    def create(self, author: User, body: Body, *, adf: bool) -> Issue:
        """A new issue, with its properties."""
        fields = body.get("fields") or {}
        if not isinstance(fields, Mapping):
            raise bad_payload()
        project, type_ = self._place(fields)
        desk = self.desk(project, adf=adf, creating=True)
        wire = {k: v for k, v in fields.items() if k not in ("project", "issuetype")}
        draft = edits.read_request({**body, "fields": wire}, project.screen, {}, desk)
        edits.check_create(draft, project, project.screen)
        draft.refuse()
        properties = properties_of(body)
        values = {**self._defaults(author), **draft.values}
        values |= self._rewritten(None, values, desk)
        now = self.now()
        status = self.world.statuses[type_.workflow.initial]
        state = State(
            self.store.number("issue"), self.store.new_key(project), project, type_, status, values, author,
            now, now, now,
        )  # fmt: skip
        issue = Issue(state, properties=properties, watchers=[author])
        self.store.add(issue, now)
        self.on_event(Event("jira:issue_created", issue, author))
        self._add_comments(issue, author, draft, now)
        self.on_write(issue, author)
        return issue

    def _place(self, fields: Body) -> tuple[Project, IssueType]:
        wire = fields.get("project")
        handle = wire.get("id") or wire.get("key") if isinstance(wire, Mapping) else None
        found = self.world.project(str(handle)) if handle is not None else None
        if found is None:
            text = "Specify a valid project ID or key" if self.world.cloud else "project is required"
            raise ApiError(400, (), {"project": text})
        wire = fields.get("issuetype")
        wanted = str(wire.get("id") or wire.get("name")) if isinstance(wire, Mapping) else ""
        type_ = next((t for t in found.issue_types if wanted in (t.id, t.name)), None)
        if type_ is None:
            text = "Specify a valid issue type" if self.world.cloud else "valid issue type is required"
            raise ApiError(400, (), {"issuetype": text})
        return found, type_

    def _defaults(self, author: User) -> dict[str, Value]:
        medium = self.world.priorities[len(self.world.priorities) // 2]
        return {"priority": medium, "reporter": author, "labels": (), "components": ()}

    def edit(self, author: User, issue: Issue, body: Body, *, adf: bool) -> None:
        """Set fields on the edit screen. A transition in the body is ignored, as Jira does."""
        if not body.get("fields") and not body.get("update") and not body.get("properties"):
            raise ApiError(400, ("one of 'fields' or 'update' required",))
        before = issue.state
        desk = self.desk(before.project, adf=adf)
        draft = edits.read_request(body, before.project.screen, before.values, desk)
        draft.refuse()
        properties = properties_of(body)
        now = self.now()
        values = draft.values | self._rewritten(before, draft.values, desk)
        self._commit(issue, author, edits.changed(before.values, values), [], before, now)
        issue.properties |= properties
        self._add_comments(issue, author, draft, now)
        self.on_write(issue, author)

    def transition(self, author: User, issue: Issue, body: Body, *, adf: bool) -> None:
        """Take one open arrow of the workflow, with the fields of its screen."""
        before = issue.state
        arrow = edits.find_transition(before, body.get("transition"))
        desk = self.desk(before.project, adf=adf)
        draft = edits.read_request(body, arrow.screen, before.values, desk)
        edits.validate(arrow, draft, before.values, self.world)
        draft.refuse()
        properties = properties_of(body)
        now = self.now()
        status = self.world.statuses[arrow.target]
        values = edits.transition_values(arrow, draft)
        if draft.values.get("resolution") is not None and self.forgets_resolution():
            del values["resolution"]
        values |= self._rewritten(before, values, desk)
        since = before.status_since if status.category == before.status.category else now
        moved = replace(before, status=status, status_since=since)
        extra = [edits.status_item(before.status, status)]
        self._commit(issue, author, edits.changed(before.values, values), extra, moved, now)
        issue.properties |= properties
        self._add_comments(issue, author, draft, now)
        self.on_write(issue, author)

    def _rewritten(self, before: State | None, values: Mapping[str, Value], desk: Desk) -> dict[str, Value]:
        out: dict[str, Value] = {}
        for rewrite in self.rewrites:
            shown = {k: to_simple(v) for k, v in {**values, **out}.items()}
            for name, simple in rewrite(before, shown).items():
                definition = self.world.fields[name]
                try:
                    out[name] = read(
                        definition, to_wire(definition, simple, self.world), desk_of_people(desk)
                    )
                except Invalid as fault:
                    raise ApiError(400, (), {name: fault.message}) from None
        return out

    def _commit(
        self,
        issue: Issue,
        author: User,
        changes: Mapping[str, Value],
        extra: list[Item],
        state: State,
        now: datetime,
    ) -> None:
        before = issue.state
        found = [*edits.items(before.values, changes, self.world), *extra]
        if not found and not self.settings.bump_on_unchanged:
            return
        values = {**before.values, **changes}
        resolved = edits.resolved_at(before, values, now)
        self.store.commit(issue, replace(state, values=values, updated=now, resolved=resolved), now)
        if found:
            issue.histories.append(History(self.store.number("history"), author, now, tuple(found)))
            self.on_event(Event("jira:issue_updated", issue, author, tuple(found)))

    def touch(self, issue: Issue, now: datetime) -> None:
        """Move `updated` without a changelog entry."""
        self.store.commit(issue, replace(issue.state, updated=now), now)

    def delete(self, issue: Issue, author: User | None = None) -> None:
        """Delete the issue for good."""
        self.on_event(Event("jira:issue_deleted", issue, author or issue.state.creator))
        self.store.remove(issue, self.now())

    def move(self, author: User, issue: Issue, project: Project) -> None:
        """Move to another project: a new key, the same id; type and status of the same name, or the first."""
        before = issue.state
        if project.id == before.project.id:
            raise ApiError(400, ("The issue is in this project already.",))
        type_ = next((t for t in project.issue_types if t.name == before.type.name), project.issue_types[0])
        keep = before.status.name in type_.workflow.statuses
        status = before.status if keep else self.world.statuses[type_.workflow.initial]
        after = replace(before, project=project, type=type_, status=status, key=self.store.new_key(project))
        self._commit(issue, author, {}, edits.project_items(before, after), after, self.now())
        self.on_write(issue, author)

    def clone(self, author: User, issue: Issue) -> Issue:
        """Jira's Clone: a new issue with the same fields, custom ones among them, linked to the first."""
        source = issue.state
        now = self.now()
        values = {k: v for k, v in source.values.items() if k != "resolution"}
        values["summary"] = f"CLONE - {source.values['summary']}"[:255]
        state = State(
            self.store.number("issue"), self.store.new_key(source.project), source.project, source.type,
            self.world.statuses[source.type.workflow.initial], values, author, now, now, now,
        )  # fmt: skip
        copy = Issue(state, watchers=[author])
        self.store.add(copy, now)
        self.on_event(Event("jira:issue_created", copy, author))
        self.link(author, next(t for t in self.world.link_types if t.name == "Cloners"), copy, issue)
        self.on_write(copy, author)
        return copy

    # What hangs on an issue

    def _add_comments(self, issue: Issue, author: User, draft: edits.Draft, now: datetime) -> None:
        for text, wire in draft.comments:
            self.comment(author, issue, text, properties_of(wire), now)

    def comment(
        self, author: User, issue: Issue, text: Text, properties: dict[str, Any],
        now: datetime | None = None, visibility: Mapping[str, Any] | None = None,
    ) -> Comment:  # fmt: skip
        """Add a comment; `visibility` names the role or group that it is restricted to."""
        self.room(len(issue.comments), MOST_COMMENTS, "comments")
        at = now or self.now()
        comment = Comment(
            self.store.number("comment"), author, text, at, at, author, properties, dict(visibility or {})
        )
        issue.comments.append(comment)
        if self.settings.bump_on_comment:
            self.touch(issue, at)
        self.on_event(Event("comment_created", issue, author, comment=comment))
        return comment

    def edit_comment(
        self, author: User, issue: Issue, comment: Comment, text: Text, properties: dict[str, Any]
    ) -> None:
        """Change a comment; its id stays."""
        comment.body, comment.updated, comment.update_author = text, self.now(), author
        comment.properties |= properties
        self.touch(issue, comment.updated)
        self.on_event(Event("comment_updated", issue, author, comment=comment))

    def delete_comment(self, author: User, issue: Issue, comment: Comment) -> None:
        """Delete a comment."""
        issue.comments.remove(comment)
        self.touch(issue, self.now())
        self.on_event(Event("comment_deleted", issue, author, comment=comment))

    def room(self, there: int, most: int, what: str) -> None:
        """Refuse one more of what an issue holds already as many of as it can (413)."""
        if self.settings.hang_limits and there >= most:
            raise ApiError(413, (f"The per-issue limit of {most:,} {what} has been reached.",))

    def attach(self, author: User, issue: Issue, name: str, kind: str, content: bytes) -> Attachment:
        """Attach a file."""
        now = self.now()
        attachment = Attachment(self.store.number("attachment"), name, kind, content, author, now)
        issue.attachments.append(attachment)
        item = Item("Attachment", "attachment", False, None, None, str(attachment.id), name)
        issue.histories.append(History(self.store.number("history"), author, now, (item,)))
        self.touch(issue, now)
        self.on_event(Event("jira:issue_updated", issue, author, (item,)))
        return attachment

    def link(self, author: User, type_: LinkType, source: Issue, target: Issue) -> Link:
        """Link two issues: `source` <type.outward> `target`. The same link may be made again."""
        for end in (source, target):
            self.room(len(end.links), MOST_LINKS, "issue links")
        link = Link(self.store.number("link"), type_, source.state.id, target.state.id)
        now = self.now()
        for issue, words, other in ((source, type_.outward, target), (target, type_.inward, source)):
            issue.links.append(link)
            text = f"This issue {words} {other.state.key}"
            item = Item("Link", "issuelinks", False, None, None, other.state.key, text)
            issue.histories.append(History(self.store.number("history"), author, now, (item,)))
            if self.settings.bump_on_link:
                self.touch(issue, now)
        return link

    def unlink(self, author: User, link: Link) -> None:
        """Remove a link from both ends; each end keeps in its history that it had it."""
        now, ends = self.now(), (link.inward, link.outward)
        for end, far, words in zip(ends, ends[::-1], (link.type.outward, link.type.inward), strict=True):
            issue, other = self.store.issues.get(end), self.store.issues.get(far)
            if issue is None:
                continue
            issue.links.remove(link)
            if other is not None:
                text = f"This issue {words} {other.state.key}"
                item = Item("Link", "issuelinks", False, other.state.key, text, None, None)
                issue.histories.append(History(self.store.number("history"), author, now, (item,)))
            if self.settings.bump_on_link:
                self.touch(issue, now)

    def remote_link(self, issue: Issue, body: Body) -> tuple[RemoteLink, bool]:
        """Write a remote link; True if it is new. One with the same globalId is replaced as a whole."""
        target = body.get("object")
        errors = {}
        for name in ("title", "url"):
            if not (isinstance(target, Mapping) and target.get(name)):
                errors[name] = f"'{name}' is required."
        if errors:
            raise ApiError(400, (), errors)
        assert isinstance(target, Mapping)
        global_id = body.get("globalId")
        if global_id is not None and len(str(global_id)) > 255:
            raise ApiError(400, (), {"globalId": "The globalId can't exceed 255 characters."})
        there = next((r for r in issue.remote_links if global_id and r.global_id == global_id), None)
        if there is None:
            self.room(len(issue.remote_links), MOST_LINKS, "remote issue links")
        application = body.get("application") or {}
        if not isinstance(application, Mapping):
            raise bad_payload()
        number = there.id if there else self.store.number("remotelink")
        link = RemoteLink(number, global_id, dict(application), body.get("relationship"), dict(target))
        if there is not None:
            issue.remote_links[issue.remote_links.index(there)] = link
        else:
            issue.remote_links.append(link)
        if self.settings.bump_on_remote_link:
            self.touch(issue, self.now())
        return link, there is None

    def set_property(self, issue: Issue, key: str, value: Any) -> bool:
        """Set an issue property; True if it is new."""
        new = key not in issue.properties
        issue.properties[key] = value
        if self.settings.bump_on_property:
            self.touch(issue, self.now())
        return new


def desk_of_people(desk: Desk) -> Desk:
    """The same desk, for values that people type: documents on Cloud, wiki markup on Data Center."""
    return replace(desk, adf=desk.world.cloud)


def properties_of(body: Body) -> dict[str, Any]:
    """The issue or comment properties in a body. Raises `ApiError` 400."""
    found = body.get("properties") or []
    if not isinstance(found, list) or not all(isinstance(p, Mapping) and "key" in p for p in found):
        raise bad_payload()
    return {str(p["key"]): p.get("value") for p in found}
