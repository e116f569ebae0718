"""Single issues and bulk creation: create, read, edit, transition, delete, changelogs, screens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tieline.connectors.sandbox.jira import dates
from tieline.connectors.sandbox.jira.http import Answer, Call, Route
from tieline.connectors.sandbox.jira.issues import Wanted, wanted_fields
from tieline.connectors.sandbox.jira.model import ApiError, Issue, IssueType, Project, bad_payload

MAX_CREATED: Final = 50
MAX_CHANGELOGS: Final = 1000
MAX_CHANGELOG_FIELDS: Final = 10
CHANGELOG_PAGE: Final = 100
META_PAGE: Final = 50
MAX_META_PAGE: Final = 200


def routes() -> list[Route]:
    """The operations of this module."""
    issue = "/issue/{issueIdOrKey}"
    return [
        Route("POST", "/issue", _create),
        Route("POST", "/issue/bulk", _bulk_create),
        Route("GET", issue, _read, "blind"),
        Route("PUT", issue, _edit, "blind"),
        Route("DELETE", issue, _delete, "blind"),
        Route("PUT", f"{issue}/assignee", _assign, "blind"),
        Route("GET", f"{issue}/editmeta", _edit_meta, "blind"),
        Route("GET", f"{issue}/transitions", _transitions, "blind"),
        Route("POST", f"{issue}/transitions", _transition, "blind"),
        Route("GET", f"{issue}/changelog", _changelog, "blind", "cloud"),
        Route("POST", "/changelog/bulkfetch", _bulk_changelog, "empty", "cloud", {"issueChangeLogs": []}),
        Route("GET", "/issue/createmeta/{projectIdOrKey}/issuetypes", _create_types),
        Route("GET", "/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}", _create_fields),
    ]


def _created(call: Call, issue: Issue) -> dict[str, Any]:
    return {
        "id": str(issue.state.id),
        "key": issue.state.key,
        "self": f"{call.view.api}/issue/{issue.state.id}",
    }


def _create(call: Call) -> Answer:
    return Answer(201, _created(call, call.site.writer.create(call.author, call.body(), adf=call.adf)))


def _bulk_create(call: Call) -> Answer:
    updates = call.body().get("issueUpdates")
    if not isinstance(updates, list) or not updates:
        raise bad_payload()
    if len(updates) > MAX_CREATED:
        raise ApiError(400, (f"The maximum number of issues that can be created at once is {MAX_CREATED}.",))
    issues, errors = [], []
    for number, body in enumerate(updates):
        try:
            if not isinstance(body, Mapping):
                raise bad_payload()
            issues.append(_created(call, call.site.writer.create(call.author, body, adf=call.adf)))
        except ApiError as fault:
            errors.append(
                {"status": fault.status, "elementErrors": fault.body, "failedElementNumber": number}
            )
    return Answer(201 if issues else 400, {"issues": issues, "errors": errors})


def wanted_of(call: Call) -> Wanted:
    """What the query parameters of a read ask to see."""
    fields = wanted_fields(call.several("fields"), call.site.world.fields, "*all")
    return Wanted(fields, frozenset(call.several("expand")), tuple(call.several("properties")))


def _read(call: Call) -> Answer:
    return Answer(200, call.renderer.issue(call.issue(), wanted_of(call)))


def _edit(call: Call) -> Answer:
    issue = call.issue()
    call.site.writer.edit(call.author, issue, call.body(), adf=call.adf)
    if call.request.param("returnIssue") == "true" and call.site.world.cloud:
        return Answer(200, call.renderer.issue(issue, wanted_of(call)))
    return Answer(204)


def _delete(call: Call) -> Answer:
    call.site.writer.delete(call.issue(), call.author)
    return Answer(204)


def _assign(call: Call) -> Answer:
    call.site.writer.edit(call.author, call.issue(), {"fields": {"assignee": call.body()}}, adf=call.adf)
    return Answer(204)


def _edit_meta(call: Call) -> Answer:
    return Answer(200, call.renderer.edit_meta(call.issue().state))


def _transitions(call: Call) -> Answer:
    with_fields = "transitions.fields" in call.several("expand")
    shown = call.renderer.transitions(call.issue().state, with_fields=with_fields)
    only = call.request.param("transitionId")
    return Answer(200, {"expand": "transitions", "transitions": [t for t in shown if only in ("", t["id"])]})


def _transition(call: Call) -> Answer:
    call.site.writer.transition(call.author, call.issue(), call.body(), adf=call.adf)
    return Answer(204)


# Changelogs


def _changelog(call: Call) -> Answer:
    issue = call.issue()
    start, size = call.number("startAt", 0), min(call.number("maxResults", CHANGELOG_PAGE), CHANGELOG_PAGE)
    shown = issue.histories[start : start + size]
    return Answer(200, page(call, f"/issue/{issue.state.id}/changelog", start, size, len(issue.histories), [
        call.renderer.history(h) for h in shown
    ]))  # fmt: skip


def page(call: Call, path: str, start: int, size: int, total: int, values: list[Any]) -> dict[str, Any]:
    """One of Jira's pages by number."""
    url = f"{call.view.api}{path}?maxResults={size}&startAt="
    body: dict[str, Any] = {"self": f"{url}{start}"}
    last = start + len(values) >= total
    if not last:
        body["nextPage"] = f"{url}{start + size}"
    return body | {"maxResults": size, "startAt": start, "total": total, "isLast": last, "values": values}


def _bulk_changelog(call: Call) -> Answer:
    body = call.body()
    asked, fields = body.get("issueIdsOrKeys") or [], body.get("fieldIds") or []
    if not isinstance(asked, list) or not asked or not isinstance(fields, list):
        raise ApiError(400, ("At least one issue ID or key must be provided.",))
    if len(asked) > MAX_CHANGELOGS:
        raise ApiError(
            400,
            (
                f"You may only load changelogs for a maximum of {MAX_CHANGELOGS:,} issues "
                "by ID or key at a time.",
            ),
        )
    if len(fields) > MAX_CHANGELOG_FIELDS:
        raise ApiError(
            400, (f"You may only filter changelogs by a maximum of {MAX_CHANGELOG_FIELDS} fields at a time.",)
        )
    issues = {i.state.id: i for h in asked if (i := call.site.store.get(str(h))) is not None and not i.hidden}
    entries = [(i, h) for i in sorted(issues) for h in issues[i].histories if _concerns(h.items, fields)]
    token, limit = str(body.get("nextPageToken") or 0), body.get("maxResults") or MAX_CHANGELOGS
    if not token.isdecimal() or not isinstance(limit, int):
        raise bad_payload()
    start, size = int(token), max(1, min(limit, 10_000))
    logs: dict[int, list[Any]] = {}
    epoch = call.site.settings.epoch_in_bulk_changelog
    for issue_id, history in entries[start : start + size]:
        logs.setdefault(issue_id, []).append(call.renderer.history(history, epoch=epoch))
    answer: dict[str, Any] = {
        "issueChangeLogs": [{"issueId": str(i), "changeHistories": found} for i, found in logs.items()]
    }
    if start + size < len(entries):
        answer["nextPageToken"] = str(start + size)
    return Answer(200, answer)


def _concerns(items: Any, fields: list[str]) -> bool:
    return not fields or any(item.field_id in fields for item in items)


# Screens


def _project(call: Call) -> Project:
    project = call.site.world.project(call.params["projectIdOrKey"])
    if project is None:
        raise ApiError(404, (f"No project could be found with key '{call.params['projectIdOrKey']}'.",))
    return project


def _meta_page(call: Call, name: str, beans: list[Mapping[str, Any]]) -> Answer:
    start, size = call.number("startAt", 0), call.number("maxResults", META_PAGE)
    if size > MAX_META_PAGE:
        raise ApiError(400, (f"Parameter 'maxResults' must not exceed the limit '{MAX_META_PAGE}'",))
    shown = beans[start : start + size]
    body: dict[str, Any] = {"maxResults": size, "startAt": start, "total": len(beans)}
    if call.site.world.cloud:
        return Answer(200, body | {name: shown})
    return Answer(200, body | {"isLast": start + len(shown) >= len(beans), "values": shown})


def _create_types(call: Call) -> Answer:
    return _meta_page(call, "issueTypes", [_create_type(call, t) for t in _project(call).issue_types])


def _create_type(call: Call, type_: IssueType) -> Mapping[str, Any]:
    return call.view.issue_type(type_)


def _create_fields(call: Call) -> Answer:
    project, world = _project(call), call.site.world
    type_ = next((t for t in project.issue_types if t.id == call.params["issueTypeId"]), None)
    if type_ is None:
        raise ApiError(400, ("The issue type selected is invalid.",))
    beans: list[Mapping[str, Any]] = [
        _create_field(call, "issuetype", project, [call.view.issue_type(type_)]),
        _create_field(call, "project", project, [call.view.project(project)]),
    ]
    for name in project.screen:
        meta = call.view.field_meta(world.fields[name], project, required=name in ("summary", "reporter"))
        beans.append(meta | {"fieldId": name} | ({"hasDefaultValue": True} if name == "reporter" else {}))
    return _meta_page(call, "fields", beans)


def _create_field(call: Call, name: str, project: Project, allowed: list[Any]) -> dict[str, Any]:
    meta = call.view.field_meta(call.site.world.fields[name], project, required=True)
    return meta | {
        "fieldId": name,
        "allowedValues": allowed,
        "operations": ["set"] if name == "project" else [],
    }


def server_time(call: Call) -> str:
    """The present, in the caller's zone."""
    return call.view.date(dates.whole_ms(call.site.clock.now()))
