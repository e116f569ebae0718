"""What scripted people do and see on the Jira stand-in in this process; they obey the rules of its API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tieline.connectors.sandbox.core import Refused
from tieline.connectors.sandbox.jira import adf
from tieline.connectors.sandbox.jira.fields import Simple, to_simple, to_wire
from tieline.connectors.sandbox.jira.http import Site
from tieline.connectors.sandbox.jira.model import (
    ApiError,
    Attachment,
    Comment,
    Field,
    Issue,
    Project,
    Text,
    User,
)
from tieline.connectors.sandbox.jira.world import seed_people


@dataclass(frozen=True, slots=True)
class Ticket:
    """An issue as a person sees it, in simple values: names, accountIds, plain text; None for nothing.

    `values` has the fields of the project's screens, `status` and `resolution`.
    """

    id: str
    key: str
    project: str
    issue_type: str
    values: Mapping[str, str | tuple[str, ...] | None]
    created: datetime
    updated: datetime
    hidden: bool = False

    @property
    def status(self) -> str:
        """The status's name."""
        return str(self.values["status"])


class People:
    """The site as people work on it; `lock` is held while they do.

    They name people by accountId, user name or e-mail address, and give values in simple form: priorities,
    options, resolutions and statuses by name, texts plain, several values as a list, None for nothing. What
    Jira refuses is `Refused` with its words.
    """

    def __init__(self, site: Site, lock: AbstractContextManager[Any]) -> None:
        self.world = site.world
        self.site = site
        self._lock = lock

    # People, and what is on the site

    def seed_world(self) -> None:
        """The people that both stand-ins know; done by the constructor unless it is told not to."""
        with self._lock:
            seed_people(self.world)

    def add_user(
        self,
        name: str,
        *,
        email: str = "",
        display: str = "",
        time_zone: str = "",
        email_hidden: bool = False,
    ) -> str:
        """A new person; returns what the API knows them by: accountId (Cloud), user name (Data Center)."""
        with self._lock:
            user = self.world.user(name) or self.world.add_user(
                name, email=email, display=display, time_zone=time_zone, email_hidden=email_hidden
            )
            return user.id if self.world.cloud else user.name

    def add_field(
        self, definition: Field, options: Iterable[str] = (), *, projects: Iterable[str] = ()
    ) -> None:
        """A new field, on the screens of these projects."""
        with self._lock:
            self.world.add_field(definition, options)
            for key in projects:
                project = self.world.projects[key]
                self.world.projects[key] = _with_field(project, definition.id)

    def add_option(self, field: str, value: str) -> str:
        """One more option of a select field, by its id or name; returns the option's id."""
        with self._lock:
            definition = next(f for f in self.world.fields.values() if field in (f.id, f.name))
            return self.world.add_option(definition.id, value).id

    def account_id(self, user: str) -> str:
        """The accountId behind any of a person's names."""
        return self._user(user).id

    def _user(self, handle: str) -> User:
        found = self.world.user(handle)
        if found is None:
            raise Refused(f"The user '{handle}' does not exist.")
        return found

    # What people do

    def create(self, user: str, project: str, issue_type: str, fields: Mapping[str, Simple]) -> Ticket:
        """Raise an issue."""
        wire = self._wire(fields) | {"project": {"key": project}, "issuetype": {"name": issue_type}}
        return self._do(
            lambda: self.site.writer.create(self._user(user), {"fields": wire}, adf=self.world.cloud)
        )

    def update(self, user: str, issue_id: str | int, fields: Mapping[str, Simple]) -> Ticket:
        """Edit fields of an issue, by its id or key."""
        body = {"fields": self._wire(fields)}
        return self._change(
            issue_id, lambda i: self.site.writer.edit(self._user(user), i, body, adf=self.world.cloud)
        )

    def transition(
        self, user: str, issue_id: str | int, to_status: str, fields: Mapping[str, Simple] | None = None
    ) -> Ticket:  # fmt: skip
        """Take the first open transition that leads to a status."""

        def hop(issue: Issue) -> None:
            arrows = (t for t in issue.state.type.workflow.transitions if t.source == issue.state.status.name)
            arrow = next((t for t in arrows if t.target == to_status), None)
            if arrow is None:
                raise ApiError(
                    400, (f"There is no transition from '{issue.state.status.name}' to '{to_status}'.",)
                )
            body = {"transition": {"id": arrow.id}, "fields": self._wire(fields or {})}
            self.site.writer.transition(self._user(user), issue, body, adf=self.world.cloud)

        return self._change(issue_id, hop)

    def comment(self, user: str, issue_id: str | int, text: str, *, internal: bool = False) -> Ticket:
        """Comment on an issue."""
        properties = {"sd.public.comment": {"internal": True}} if internal else {}
        body = self._text(text)
        return self._change(
            issue_id, lambda i: self.site.writer.comment(self._user(user), i, body, properties)
        )

    def comments(self, issue_id: str | int) -> list[Comment]:
        """What was said on an issue, oldest first."""
        with self._lock:
            return list(self._issue(issue_id).comments)

    def edit_comment(self, user: str, issue_id: str | int, comment: int, text: str) -> Ticket:
        """Change a comment of an issue, by its id."""
        body = self._text(text)
        return self._change(
            issue_id,
            lambda i: self.site.writer.edit_comment(self._user(user), i, _said(i, comment), body, {}),
        )

    def delete_comment(self, user: str, issue_id: str | int, comment: int) -> Ticket:
        """Delete a comment of an issue, by its id."""
        return self._change(
            issue_id, lambda i: self.site.writer.delete_comment(self._user(user), i, _said(i, comment))
        )

    def make_service_desk(self, project: str) -> None:
        """Let a project be one whose customers read public comments; before it has issues."""
        with self._lock:
            self.world.projects[project] = replace(self.world.projects[project], kind="service_desk")

    def attach(
        self, user: str, issue_id: str | int, name: str, content: bytes, kind: str = "text/plain"
    ) -> Ticket:
        """Attach a file to an issue."""
        return self._change(
            issue_id, lambda i: self.site.writer.attach(self._user(user), i, name, kind, content)
        )

    def link(self, user: str, type_: str, source: str | int, target: str | int) -> str:
        """Link two issues as `user`: `source` <outward words of the type> `target`. The link's id."""
        with self._lock:
            found = next(t for t in self.world.link_types if t.name == type_)
            author = self._user(user)
            return str(self.site.writer.link(author, found, self._issue(source), self._issue(target)).id)

    def unlink(self, user: str, issue_id: str | int, type_: str, other: str | int) -> None:
        """Remove the links of a type between two issues as `user`."""
        with self._lock:
            issue, far = self._issue(issue_id), self._issue(other).state.id
            for link in [k for k in issue.links if k.type.name == type_ and far in (k.inward, k.outward)]:
                self.site.writer.unlink(self._user(user), link)

    def links(self, issue_id: str | int) -> list[tuple[str, str, str]]:
        """The links of an issue: (id of the source, the type's name, id of the target)."""
        with self._lock:
            return [(str(k.inward), k.type.name, str(k.outward)) for k in self._issue(issue_id).links]

    def attached(self, issue_id: str | int) -> list[Attachment]:
        """The files of an issue with their content, the one attached first first."""
        with self._lock:
            return list(self._issue(issue_id).attachments)

    def move(self, user: str, issue_id: str | int, project: str) -> Ticket:
        """Move an issue to another project."""
        return self._change(
            issue_id, lambda i: self.site.writer.move(self._user(user), i, self._project(project))
        )

    def clone(self, user: str, issue_id: str | int) -> Ticket:
        """Clone an issue; returns the copy."""
        return self._do(lambda: self.site.writer.clone(self._user(user), self._issue(issue_id)))

    def delete(self, issue_id: str | int) -> None:
        """Delete an issue."""
        with self._lock:
            self.site.writer.delete(self._issue(issue_id))

    def hide(self, issue_id: str | int) -> None:
        """Put an issue out of the API accounts' sight, as a security level does."""
        with self._lock:
            self._issue(issue_id).hidden = True

    def veil(self, issue_id: str | int, age: timedelta, span: timedelta) -> bool:
        """Hide an issue of at least this age for a span; whether it was there and old enough."""
        with self._lock:
            issue, now = self.site.store.get(str(issue_id)), self.site.clock.now()
            if issue is None or issue.hidden or now - issue.state.created < age:
                return False
            self.site.store.veil(issue, now + span)
            return True

    def unhide(self, issue_id: str | int) -> None:
        """Let the API accounts see the issue again."""
        with self._lock:
            self._issue(issue_id).hidden = False

    # What people see

    def get(self, issue_id: str | int) -> Ticket:
        """The issue with this id. Raises `Refused` if it is not there."""
        with self._lock:
            return self._ticket(self._issue(issue_id))

    def by_key(self, key: str) -> Ticket:
        """The issue with this key, or that once had it."""
        return self.get(key)

    def issues(self) -> list[Ticket]:
        """All issues, the hidden ones too, by id."""
        with self._lock:
            return [self._ticket(i) for _, i in sorted(self.site.store.issues.items())]

    # Between simple and stored

    def _wire(self, fields: Mapping[str, Simple]) -> dict[str, Any]:
        known = self.world.fields
        return {k: to_wire(known[k], v, self.world) if k in known else v for k, v in fields.items()}

    def _text(self, text: str) -> Text:
        document = adf.from_plain(text)
        return Text(adf.to_wiki(document), document) if self.world.cloud else Text(text)

    def _project(self, key: str) -> Project:
        found = self.world.project(key)
        if found is None:
            raise Refused(f"No project could be found with key '{key}'.")
        return found

    def _issue(self, issue_id: str | int) -> Issue:
        found = self.site.store.get(str(issue_id))
        if found is None:
            raise Refused("Issue does not exist or you do not have permission to see it.")
        return found

    def _change(self, issue_id: str | int, change: Callable[[Issue], object]) -> Ticket:
        def run() -> Issue:
            issue = self._issue(issue_id)
            change(issue)
            return issue

        return self._do(run)

    def _do(self, work: Callable[[], Issue]) -> Ticket:
        with self._lock:
            try:
                return self._ticket(work())
            except ApiError as fault:
                raise Refused(str(fault)) from None

    def _ticket(self, issue: Issue) -> Ticket:
        state = issue.state
        values: dict[str, str | tuple[str, ...] | None] = dict.fromkeys((*state.project.screen, "resolution"))
        values |= {k: to_simple(v) for k, v in state.values.items()}
        values["status"] = state.status.name
        return Ticket(
            str(state.id),
            state.key,
            state.project.key,
            state.type.name,
            values,
            state.created,
            state.updated,
            issue.hidden,
        )


def _with_field(project: Project, field_id: str) -> Project:
    return replace(project, screen=(*project.screen, field_id))


def _said(issue: Issue, comment: int) -> Comment:
    found = next((c for c in issue.comments if c.id == comment), None)
    if found is None:
        raise ApiError(404, (f"Can not find a comment for the id: {comment}.",))
    return found
