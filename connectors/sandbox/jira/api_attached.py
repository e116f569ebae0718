"""What hangs on issues: comments, links, remote links and properties; attachments elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tieline.connectors.sandbox.jira.edits import comment_text
from tieline.connectors.sandbox.jira.fields import Invalid
from tieline.connectors.sandbox.jira.http import Answer, Call, Route
from tieline.connectors.sandbox.jira.model import (
    ApiError,
    Comment,
    Issue,
    Link,
    RemoteLink,
    Text,
    bad_payload,
    not_found,
)
from tieline.connectors.sandbox.jira.writes import properties_of

COMMENT_PAGE: Final = 100
PROPERTY_LIMIT: Final = 32_768
"""Characters of JSON that one property holds."""


def routes() -> list[Route]:
    """The operations of this module."""
    issue = "/issue/{issueIdOrKey}"
    return [
        Route("GET", f"{issue}/comment", _comments, "blind"),
        Route("POST", f"{issue}/comment", _add_comment, "blind"),
        Route("GET", f"{issue}/comment/{{id}}", _one_comment, "blind"),
        Route("PUT", f"{issue}/comment/{{id}}", _edit_comment, "blind"),
        Route("DELETE", f"{issue}/comment/{{id}}", _delete_comment, "blind"),
        Route("GET", f"{issue}/remotelink", _remote_links, "blind"),
        Route("POST", f"{issue}/remotelink", _write_remote_link, "blind"),
        Route("DELETE", f"{issue}/remotelink", _delete_remote_links, "blind"),
        Route("GET", f"{issue}/remotelink/{{linkId}}", _one_remote_link, "blind"),
        Route("DELETE", f"{issue}/remotelink/{{linkId}}", _delete_remote_link, "blind"),
        Route("GET", f"{issue}/properties", _properties, "blind"),
        Route("GET", f"{issue}/properties/{{propertyKey}}", _property, "blind"),
        Route("PUT", f"{issue}/properties/{{propertyKey}}", _set_property, "blind"),
        Route("DELETE", f"{issue}/properties/{{propertyKey}}", _delete_property, "blind"),
        Route("POST", "/issueLink", _link),
        Route("GET", "/issueLink/{linkId}", _one_link),
        Route("DELETE", "/issueLink/{linkId}", _unlink),
        Route("GET", "/issueLinkType", _link_types),
    ]


# Comments


def _comments(call: Call) -> Answer:
    issue = call.issue()
    start, size = call.number("startAt", 0), min(call.number("maxResults", COMMENT_PAGE), 5000)
    order = call.request.param("orderBy", "created")
    if order not in ("created", "+created", "-created"):
        raise ApiError(400, (f"Invalid value '{order}' for parameter 'orderBy'.",))
    found = issue.comments[::-1] if order == "-created" else issue.comments
    shown = [_shown(call, issue, c) for c in found[start : start + size]]
    return Answer(200, {"startAt": start, "maxResults": size, "total": len(found), "comments": shown})


def _shown(call: Call, issue: Issue, comment: Comment) -> dict[str, Any]:
    return call.renderer.comment(issue, comment, with_properties="properties" in call.several("expand"))


def _text(call: Call, issue: Issue, wire: Any) -> Text:
    try:
        return comment_text(wire, call.site.writer.desk(issue.state.project, adf=call.adf))
    except Invalid as fault:
        raise ApiError(400, (), {"comment": fault.message}) from None


def _add_comment(call: Call) -> Answer:
    issue, body = call.issue(), call.body()
    comment = call.site.writer.comment(
        call.author, issue, _text(call, issue, body.get("body")), properties_of(body),
        visibility=_visibility(body),
    )  # fmt: skip
    return Answer(201, _shown(call, issue, comment))


def _visibility(body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("visibility")
    if not given:
        return {}
    if not isinstance(given, Mapping) or given.get("type") not in ("role", "group"):
        raise ApiError(400, ("Invalid visibility type.",))
    named = str(given.get("value") or given.get("identifier") or "")
    return {"type": given["type"], "value": named, "identifier": named}


def _comment(call: Call, issue: Issue) -> Comment:
    found = next((c for c in issue.comments if str(c.id) == call.params["id"]), None)
    if found is None:
        raise ApiError(404, (f"Can not find a comment for the id: {call.params['id']}.",))
    return found


def _one_comment(call: Call) -> Answer:
    issue = call.issue()
    return Answer(200, _shown(call, issue, _comment(call, issue)))


def _edit_comment(call: Call) -> Answer:
    issue, body = call.issue(), call.body()
    comment = _comment(call, issue)
    text = _text(call, issue, body.get("body"))
    call.site.writer.edit_comment(call.author, issue, comment, text, properties_of(body))
    return Answer(200, _shown(call, issue, comment))


def _delete_comment(call: Call) -> Answer:
    issue = call.issue()
    call.site.writer.delete_comment(call.author, issue, _comment(call, issue))
    return Answer(204)


# Remote links


def _remote_links(call: Call) -> Answer:
    issue = call.issue()
    wanted = call.request.param("globalId")
    if not wanted:
        return Answer(200, [call.renderer.remote_link(issue, r) for r in issue.remote_links])
    found = next((r for r in issue.remote_links if r.global_id == wanted), None)
    if found is None:
        raise _no_remote_link(wanted)
    return Answer(200, call.renderer.remote_link(issue, found))


def _no_remote_link(handle: str) -> ApiError:
    return ApiError(404, (f"No remote issue link with id '{handle}' exists for this issue.",))


def _write_remote_link(call: Call) -> Answer:
    issue = call.issue()
    link, new = call.site.writer.remote_link(issue, call.body())
    return Answer(201 if new else 200, {"id": link.id, "self": call.renderer.remote_link_url(issue, link)})


def _delete_remote_links(call: Call) -> Answer:
    issue = call.issue()
    wanted = call.request.param("globalId")
    kept = [r for r in issue.remote_links if r.global_id != wanted]
    if len(kept) == len(issue.remote_links):
        raise _no_remote_link(wanted)
    issue.remote_links[:] = kept
    return Answer(204)


def _remote_link(call: Call, issue: Issue) -> RemoteLink:
    found = next((r for r in issue.remote_links if str(r.id) == call.params["linkId"]), None)
    if found is None:
        raise _no_remote_link(call.params["linkId"])
    return found


def _one_remote_link(call: Call) -> Answer:
    issue = call.issue()
    return Answer(200, call.renderer.remote_link(issue, _remote_link(call, issue)))


def _delete_remote_link(call: Call) -> Answer:
    issue = call.issue()
    issue.remote_links.remove(_remote_link(call, issue))
    return Answer(204)


# Properties


def _properties(call: Call) -> Answer:
    issue = call.issue()
    root = f"{call.view.api}/issue/{issue.state.id}/properties"
    return Answer(200, {"keys": [{"self": f"{root}/{k}", "key": k} for k in issue.properties]})


def _property(call: Call) -> Answer:
    issue, key = call.issue(), call.params["propertyKey"]
    if key not in issue.properties:
        raise _no_property(key)
    return Answer(200, {"key": key, "value": issue.properties[key]})


def _no_property(key: str) -> ApiError:
    return ApiError(404, (f"The property with key '{key}' does not exist.",))


def _set_property(call: Call) -> Answer:
    issue = call.issue()
    if len(call.request.body) > PROPERTY_LIMIT:
        raise ApiError(400, (f"The property value can't exceed {PROPERTY_LIMIT} characters.",))
    try:
        value = orjson.loads(call.request.body)
    except orjson.JSONDecodeError:
        raise ApiError(400, ("The property value has to be valid JSON.",)) from None
    new = call.site.writer.set_property(issue, call.params["propertyKey"], value)
    return Answer(201 if new else 200)


def _delete_property(call: Call) -> Answer:
    issue, key = call.issue(), call.params["propertyKey"]
    if key not in issue.properties:
        raise _no_property(key)
    del issue.properties[key]
    return Answer(204)


# Issue links


def _link(call: Call) -> Answer:
    body = call.body()
    wanted = body.get("type") or {}
    if not isinstance(wanted, dict):
        raise bad_payload()
    types = call.site.world.link_types
    type_ = next((t for t in types if wanted.get("id") == t.id or wanted.get("name") == t.name), None)
    if type_ is None:
        raise ApiError(404, (f"No issue link type with name '{wanted.get('name')}' found.",))
    source, target = (_end(call, body.get(name)) for name in ("inwardIssue", "outwardIssue"))
    call.site.writer.link(call.author, type_, source, target)
    return Answer(201)


def _end(call: Call, wire: Any) -> Issue:
    handle = (wire.get("id") or wire.get("key")) if isinstance(wire, dict) else None
    found = call.site.store.get(str(handle)) if handle else None
    if found is None or found.hidden:
        raise not_found()
    return found


def _found_link(call: Call) -> Link:
    wanted = call.params["linkId"]
    store = call.site.store
    found = next((k for i in store.issues.values() for k in i.links if str(k.id) == wanted), None)
    if found is None or not (store.visible(found.inward) and store.visible(found.outward)):
        raise ApiError(404, (f"No issue link with id '{wanted}' exists.",))
    return found


def _one_link(call: Call) -> Answer:
    return Answer(200, call.renderer.link(_found_link(call)))


def _unlink(call: Call) -> Answer:
    call.site.writer.unlink(call.author, _found_link(call))
    return Answer(204)


def _link_types(call: Call) -> Answer:
    return Answer(200, {"issueLinkTypes": [call.view.link_type(t) for t in call.site.world.link_types]})
