"""What a Jira tells about files: whether they are on, how large they may be, whether we may read one.

Nothing is written. Source: Jira REST, "Get Jira attachment settings" and "Get my permissions".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tieline.connectors.base import Attachment, Ref
from tieline.connectors.errors import ConnectorError, Gone
from tieline.connectors.jira.attachments import Attachments
from tieline.connectors.jira.files import ATTACHMENT, files_of
from tieline.connectors.jira.searching import Query, page
from tieline.connectors.jira.settings import issue_type_of, project_of, quoted
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.wire import Refusal
from tieline.connectors.metadata import FilesInfo
from tieline.connectors.transfer import first_piece

SAMPLE: Final = 100
"""Newest issues among whose files one is read for a try."""
_MAY_ATTACH: Final = "CREATE_ATTACHMENTS"
Get = Callable[[str, str, Mapping[str, Any] | None], Any]


def files_told(site: Site, get: Get, place: str) -> FilesInfo:
    """What is told about the files of one project and issue type; what is not told stays None."""
    settings = _told(get, "Jira's settings of attachments", "attachment/meta", None)
    limit = settings.get("uploadLimit")
    file, hidden = _newest(site, place)
    return FilesInfo(
        enabled=settings["enabled"] if isinstance(settings.get("enabled"), bool) else None,
        attach=_may_attach(get, project_of(place)),
        limit=limit if isinstance(limit, int) and limit > 0 else None,
        hidden=hidden,
        unread="" if file is None else _unread(site, file),
    )


def _told(get: Get, what: str, path: str, params: Mapping[str, Any] | None) -> Mapping[str, Any]:
    try:
        answer = get(what, path, params)
    except ConnectorError:
        return {}
    return answer if isinstance(answer, Mapping) else {}


def _may_attach(get: Get, project: str) -> bool | None:
    params = {"projectKey": project, "permissions": _MAY_ATTACH}
    told = _told(get, "our permissions", "mypermissions", params).get("permissions")
    known = told.get(_MAY_ATTACH) if isinstance(told, Mapping) else None
    return known.get("havePermission") is True if isinstance(known, Mapping) else None


def _newest(site: Site, place: str) -> tuple[Attachment | None, str]:
    """The smallest file of the newest issues, and why issues do not show their files."""
    jql = f"project = {quoted(project_of(place))} AND issuetype = {quoted(issue_type_of(place))}"
    query = Query("the newest files", f"{jql} ORDER BY created DESC", (ATTACHMENT,), SAMPLE)
    try:
        issues = page(site, query).issues
    except (ConnectorError, Refusal) as error:
        return None, str(error)
    fields = [(issue["id"], issue.get("fields") or {}) for issue in issues]
    if fields and not any(ATTACHMENT in shown for _, shown in fields):
        return None, "issues do not show the field of attachments"
    try:
        found = [
            file
            for id_, shown in fields
            for file in files_of(Ref("jira", str(id_)), shown.get(ATTACHMENT), cloud=site.settings.cloud)
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, "issues show attachments in a form that is not known"
    return min(found, key=lambda file: file.size, default=None), ""


def _unread(site: Site, file: Attachment) -> str:
    """Why the content of a file is not shown to us; "" if it is. Its first piece is enough."""
    try:
        first_piece(Attachments(site).content(file))
    except Gone:
        return ""
    except ConnectorError as error:
        return str(error)
    return ""
