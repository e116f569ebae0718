"""Watchers of issues: listed, added and removed one by one; watching moves no `updated`, as on real sites."""

from __future__ import annotations

import json

from tieline.connectors.sandbox.jira.http import Answer, Call, Route
from tieline.connectors.sandbox.jira.model import ApiError, User


def routes() -> list[Route]:
    """The operations of this module."""
    path = "/issue/{issueIdOrKey}/watchers"
    return [
        Route("GET", path, _list, "blind"),
        Route("POST", path, _add, "blind"),
        Route("DELETE", path, _remove, "blind"),
    ]


def _list(call: Call) -> Answer:
    issue = call.issue()
    shown = {
        "self": f"{call.view.api}/issue/{issue.state.key}/watchers",
        "isWatching": call.author in issue.watchers,
        "watchCount": len(issue.watchers),
        "watchers": [call.view.user(user) for user in issue.watchers],
    }
    return Answer(200, shown)


def _add(call: Call) -> Answer:
    """The body is the bare name as JSON text; none means whoever asks (REST, "Add watcher")."""
    issue = call.issue()
    try:
        named = json.loads(call.request.body or b'""')
    except ValueError:
        named = None
    if not isinstance(named, str):
        raise ApiError(400, ("The request body is not a user.",))
    user = _user(call, named) if named else call.author
    if user not in issue.watchers:
        issue.watchers.append(user)
    return Answer(204)


def _remove(call: Call) -> Answer:
    issue = call.issue()
    named = call.request.param("accountId" if call.site.world.cloud else "username")
    if not named:
        raise ApiError(400, ("The user is missing from the request.",))
    user = _user(call, named)
    if user in issue.watchers:
        issue.watchers.remove(user)
    return Answer(204)


def _user(call: Call, named: str) -> User:
    found = call.site.world.account(named)
    if found is None:
        raise ApiError(404, (f"The user '{named}' does not exist.",))
    return found
