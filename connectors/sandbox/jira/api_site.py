"""The site itself: who is asking, people, projects, fields, statuses and the other lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tieline.connectors.sandbox.jira import dates
from tieline.connectors.sandbox.jira.api_issue import page
from tieline.connectors.sandbox.jira.beans import Bean
from tieline.connectors.sandbox.jira.http import Answer, Call, Route
from tieline.connectors.sandbox.jira.model import CATEGORIES, ApiError, Named, Project, User

USER_PAGE: Final = 50
MAX_USER_PAGE: Final = 1000
BULK_USER_PAGE: Final = 10
MAX_BULK_USERS: Final = 200
PROJECT_PAGE: Final = 50
PERMISSIONS: Final = (
    "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "RESOLVE_ISSUES", "ASSIGN_ISSUES",
    "LINK_ISSUES", "ADD_COMMENTS", "MODIFY_REPORTER", "DELETE_ISSUES",
)  # fmt: skip
"""Project permissions by key; an account of this stand-in holds all of them."""
_PROJECT_EXPANDS: Final = "description,lead,issueTypes,url,projectKeys,permissions,insight"


def routes() -> list[Route]:
    """The operations of this module."""
    return [
        Route("GET", "/myself", lambda c: Answer(200, c.view.full_user(c.author))),
        Route("GET", "/mypermissions", _permissions),
        Route("GET", "/serverInfo", _server_info, "welcome"),
        Route(
            "GET", "/field", lambda c: Answer(200, [c.view.field(f) for f in c.site.world.fields.values()])
        ),
        Route(
            "GET",
            "/priority",
            lambda c: Answer(200, [c.view.full_priority(p) for p in c.site.world.priorities]),
        ),
        Route("GET", "/priority/{id}", _priority),
        Route(
            "GET",
            "/resolution",
            lambda c: Answer(200, [c.view.resolution(r) for r in c.site.world.resolutions]),
        ),
        Route("GET", "/resolution/{id}", _resolution),
        Route(
            "GET",
            "/status",
            lambda c: Answer(200, [c.view.listed_status(s) for s in c.site.world.statuses.values()]),
        ),
        Route("GET", "/status/{idOrName}", _status),
        Route("GET", "/statuscategory", lambda c: Answer(200, [c.view.category(k) for k in CATEGORIES])),
        Route("GET", "/issuetype", _issue_types),
        Route("GET", "/user", _user),
        Route("GET", "/user/bulk", _users, only="cloud"),
        Route("GET", "/user/search", _search_users),
        Route("GET", "/user/assignable/search", _assignable),
        Route(
            "GET", "/project", lambda c: Answer(200, [_listed(c, p) for p in c.site.world.projects.values()])
        ),
        Route("GET", "/project/search", _search_projects, only="cloud"),
        Route("GET", "/project/{projectIdOrKey}", _project),
        Route("GET", "/project/{projectIdOrKey}/statuses", _statuses),
    ]


def _server_info(call: Call) -> Answer:
    cloud = call.site.world.cloud
    body: Bean = {
        "baseUrl": call.view.base,
        "version": "1001.0.0-SNAPSHOT" if cloud else "9.12.15",
        "versionNumbers": [1001, 0, 0] if cloud else [9, 12, 15],
        "deploymentType": "Cloud" if cloud else "Server",
        "buildNumber": 100_285 if cloud else 9_120_015,
        "buildDate": "2025-06-02T16:51:28.000+0000",
        "serverTime": call.view.date(dates.whole_ms(call.site.clock.now())),
        "scmInfo": "4b7d9c0e5f2a1836c7d8e9f0a1b2c3d4e5f60718",
        "serverTitle": "Jira",
    }
    if not cloud:
        body["databaseBuildNumber"] = 9_120_015
    else:
        body |= {
            "displayUrl": call.view.base, "displayUrlServicedeskHelpCenter": call.view.base,
            "displayUrlConfluence": f"{call.view.base}/wiki", "defaultLocale": {"locale": "en_US"},
            "serverTimeZone": call.site.world.time_zone,
        }  # fmt: skip
    return Answer(200, body)


def _permissions(call: Call) -> Answer:
    """The account's permissions: on Cloud those that are asked for by key, which is required."""
    asked, cloud = call.several("permissions"), call.site.world.cloud
    if cloud and not asked:
        raise ApiError(400, ("The 'permissions' query parameter is required.",))
    unknown = [key for key in asked if key not in PERMISSIONS]
    if unknown:
        raise ApiError(400, tuple(f"Unrecognized permission: {key}" for key in unknown))
    if (project := call.request.param("projectKey")) and call.site.world.project(project) is None:
        raise _no_project(project)
    held = {
        key: _permission(key, number) for number, key in enumerate(PERMISSIONS) if key in asked or not asked
    }
    return Answer(200, {"permissions": held})


def _permission(key: str, number: int) -> Bean:
    return {
        "id": str(10 + number),
        "key": key,
        "name": key.replace("_", " ").capitalize(),
        "type": "PROJECT",
        "description": "",
        "havePermission": True,
    }


def _one(among: Iterable[Named], call: Call, kind: str) -> Named:
    found = next((n for n in among if n.id == call.params["id"]), None)
    if found is None:
        raise ApiError(404, (f"The {kind} with id '{call.params['id']}' does not exist",))
    return found


def _priority(call: Call) -> Answer:
    return Answer(200, call.view.full_priority(_one(call.site.world.priorities, call, "priority")))


def _resolution(call: Call) -> Answer:
    return Answer(200, call.view.resolution(_one(call.site.world.resolutions, call, "resolution")))


def _status(call: Call) -> Answer:
    status = call.site.world.status(call.params["idOrName"])
    if status is None:
        raise ApiError(404, (f"The status with id '{call.params['idOrName']}' does not exist",))
    return Answer(200, call.view.listed_status(status))


def _issue_types(call: Call) -> Answer:
    types = {t.id: t for p in call.site.world.projects.values() for t in p.issue_types}
    return Answer(200, [call.view.issue_type(t) for t in types.values()])


# People


def _user(call: Call) -> Answer:
    cloud = call.site.world.cloud
    handle = call.request.param("accountId" if cloud else "username")
    key = "" if cloud else call.request.param("key")
    if not handle and not key:
        missing = "accountId" if cloud else "username or key"
        raise ApiError(400, (f"Query parameter '{missing}' is required",))
    user = call.site.world.account(handle) if handle else call.site.world.user(key)
    if user is None:
        raise ApiError(404, (
            "Specified user does not exist or you do not have required permissions"
            if cloud else f"The user named '{handle}' does not exist",
        ))  # fmt: skip
    return Answer(200, call.view.full_user(user))


def _users(call: Call) -> Answer:
    ids = call.several("accountId")
    if not ids:
        raise ApiError(400, ("At least one accountId must be provided.",))
    start, size = call.number("startAt", 0), min(call.number("maxResults", BULK_USER_PAGE), MAX_BULK_USERS)
    users = [u for i in dict.fromkeys(ids) if (u := call.site.world.account(i)) is not None]
    shown: list[Any] = [call.view.found_user(u) for u in users[start : start + size]]
    return Answer(200, page(call, "/user/bulk", start, size, len(users), shown))


def _search_users(call: Call) -> Answer:
    cloud = call.site.world.cloud
    query = call.request.param("query" if cloud else "username")
    account = call.request.param("accountId") if cloud else ""
    if not query and not account:
        raise ApiError(400, (f"The {'query' if cloud else 'username'} query parameter was not provided",))
    users: Iterable[User] = call.site.world.users.values()
    if account:
        return _user_page(call, [u for u in users if u.id == account])
    return _user_page(call, [u for u in users if _matches(u, query, cloud=cloud)])


def _matches(user: User, query: str, *, cloud: bool) -> bool:
    """Whether a word of the name, or the address, starts with the query; hidden addresses match whole."""
    wanted = query.strip().lower()
    if wanted == "." and not cloud:
        return True
    names = [user.display.lower(), *user.display.lower().split(), *([] if cloud else [user.name.lower()])]
    if user.email_hidden:
        return wanted == user.email.lower() or any(n.startswith(wanted) for n in names)
    return any(n.startswith(wanted) for n in (*names, user.email.lower()))


def _user_page(call: Call, users: list[User]) -> Answer:
    start, size = call.number("startAt", 0), min(call.number("maxResults", USER_PAGE), MAX_USER_PAGE)
    active = [u for u in users if u.active]
    return Answer(200, [call.view.found_user(u) for u in active[start : start + size]])


def _assignable(call: Call) -> Answer:
    project, issue = (
        call.request.param("project"),
        call.request.param("issueKey") or call.request.param("issueId"),
    )
    if not project and not issue:
        raise ApiError(400, ("One of 'project', 'issueKey' or 'issueId' must be provided.",))
    if project and call.site.world.project(project) is None:
        raise _no_project(project)
    cloud = call.site.world.cloud
    query = call.request.param("query" if cloud else "username")
    account = call.request.param("accountId") if cloud else ""
    people = [u for u in call.site.world.users.values() if u.kind == "atlassian" and account in ("", u.id)]
    return _user_page(call, [u for u in people if not query or _matches(u, query, cloud=cloud)])


# Projects


def _no_project(handle: str) -> ApiError:
    kind = "id" if handle.isdigit() else "key"
    return ApiError(404, (f"No project could be found with {kind} '{handle}'.",))


def _named_project(call: Call) -> Project:
    handle = call.params["projectIdOrKey"]
    found = call.site.world.project(handle)
    if found is None:
        raise _no_project(handle)
    return found


def _listed(call: Call, project: Project) -> Bean:
    bean: Bean = {"expand": _PROJECT_EXPANDS} | call.view.project(project)
    return (
        bean | {"style": "classic", "isPrivate": False, "properties": {}} if call.site.world.cloud else bean
    )


def _search_projects(call: Call) -> Answer:
    start, size = call.number("startAt", 0), min(call.number("maxResults", PROJECT_PAGE), 100)
    keys, query = {k.upper() for k in call.several("keys")}, call.request.param("query").lower()
    found = [
        p for p in call.site.world.projects.values()
        if (not keys or p.key in keys) and (not query or query in p.name.lower() or query in p.key.lower())
    ]  # fmt: skip
    shown: list[Any] = [_listed(call, p) for p in found[start : start + size]]
    return Answer(200, page(call, "/project/search", start, size, len(found), shown))


def _project(call: Call) -> Answer:
    project = _named_project(call)
    lead = next(iter(call.site.world.users.values()))
    details: Bean = {
        "description": "",
        "lead": call.view.user(lead),
        "components": [call.view.component(c) for c in project.components],
        "issueTypes": [call.view.issue_type(t) for t in project.issue_types],
        "assigneeType": "UNASSIGNED",
        "versions": [],
        "roles": {"Administrators": f"{call.view.api}/project/{project.id}/role/10002"},
    }
    return Answer(200, _listed(call, project) | details)


def _statuses(call: Call) -> Answer:
    world = call.site.world
    return Answer(200, [
        {
            "self": f"{call.view.api}/issuetype/{t.id}", "id": t.id, "name": t.name, "subtask": False,
            "statuses": [call.view.listed_status(world.statuses[s]) for s in t.workflow.statuses],
        }
        for t in _named_project(call).issue_types
    ])  # fmt: skip
