"""Reads what was said on issues, from what was read along with them, and adds comments; it decides nothing.

Sources: Jira REST API, "Issue comments" (`jsdPublic`, `visibility`, properties); "Service Desk: internal
comments" (the property `sd.public.comment`). What is not known to be public counts as internal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tieline.connectors.base import AddComment, Applied, Ask, Comment, Conversation
from tieline.connectors.errors import ConnectorError, Gone, Malformed, Rejected
from tieline.connectors.jira.site import COMMENTS, Site
from tieline.connectors.jira.values import instant
from tieline.connectors.jira.wire import segment
from tieline.connectors.richtext import from_adf, from_wiki, literal, to_adf, to_wiki

PROPERTY: Final = "tieline"
"""The property by which a comment of ours tells what it carries."""
DESK: Final = "sd.public.comment"
"""The property by which Jira Service Management hides a comment from customers."""
_SERVICE_DESK: Final = "service_desk"
_PAGE: Final = 100

Bean = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What an issue told of its comments: the first of them, their number, and the kind of project."""

    beans: tuple[Bean, ...]
    total: int
    desk: bool


def told_in(issue: Mapping[str, Any]) -> Told | None:
    """The comments in an issue's JSON, None if it holds none of them."""
    raw = issue.get("fields")
    page = raw.get(COMMENTS) if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(page, Mapping):
        return None
    beans = page.get("comments")
    if not isinstance(beans, list) or not all(isinstance(b, Mapping) and b.get("id") for b in beans):
        return None
    project = raw.get("project")
    kind = project.get("projectTypeKey") if isinstance(project, Mapping) else ""
    total = page.get("total")
    return Told(tuple(beans), total if isinstance(total, int) else len(beans), kind == _SERVICE_DESK)


class Comments:
    """The comments of one Jira's issues. Safe to use from many threads."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said on these issues; of issues just read, what they told."""
        return self._site.wire.each(self._one, asks)

    def _one(self, ask: Ask) -> Conversation | ConnectorError:
        try:
            kept = self._site.take_told(ask.ref.id)
            told = kept if isinstance(kept, Told) and not ask.fresh else self._ask(ask)
            beans, whole = self._all(ask, told)
            beans = self._with_properties(ask, beans, told)
            found = [self._comment(ask, bean, desk=told.desk) for bean in beans]
        except (Gone, Malformed) as error:
            return error
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            return Malformed(f"comments of {ask.ref}: cannot be read ({type(error).__name__})")
        return Conversation(ask.ref, tuple(sorted(found, key=_in_order)), whole)

    def _ask(self, ask: Ask) -> Told:
        params = {"fields": f"{COMMENTS},project"}
        issue = self._site.wire.get(f"comments of {ask.ref}", f"issue/{segment(ask.ref.id)}", params)
        told = told_in(issue) if isinstance(issue, Mapping) else None
        if told is None or str(issue.get("id")) != ask.ref.id:
            raise Malformed(f"comments of {ask.ref}: the answer holds none")
        return told

    def _all(self, ask: Ask, told: Told) -> tuple[list[Bean], bool]:
        """The comments that the issue told and those behind them, and whether these are all.

        Of a long conversation the latest are read, page by page, until what is left is known.
        """
        found = {str(bean["id"]): bean for bean in told.beans}
        start, total = 0, told.total
        while len(found) < total and start < total:
            page = self._page(ask, start, newest_first=True)
            total = page.total
            found |= {str(bean["id"]): bean for bean in page.beans}
            start += len(page.beans)
            rest = total - len(found)
            if not page.beans:
                break
            if ask.since is not None and rest and rest == len(ask.known.keys() - found.keys()):
                return list(found.values()), False
        return list(found.values()), len(found) == total

    def _page(self, ask: Ask, start: int, *, newest_first: bool = False, expand: str = "") -> Told:
        params = {"startAt": str(start), "maxResults": str(_PAGE)}
        params |= {"orderBy": "-created"} if newest_first else {}
        params |= {"expand": expand} if expand else {}
        what = f"comments of {ask.ref}"
        page = self._site.wire.get(what, f"issue/{segment(ask.ref.id)}/comment", params)
        told = told_in({"fields": {COMMENTS: page}})
        if told is None:
            raise Malformed(f"{what}: the answer holds none")
        return told

    def _with_properties(self, ask: Ask, beans: list[Bean], told: Told) -> list[Bean]:
        """Comments with their properties, where these tell what is not known: our marks, and who may read.

        What Cloud's service desks show, `jsdPublic`, Data Center's keep in a property.
        """
        blind = told.desk and not self._site.settings.cloud
        fresh = [bean for bean in beans if str(bean["id"]) not in ask.known]
        wanted = {str(b["id"]) for b in fresh if "properties" not in b and (blind or self._is_ours(b))}
        known: dict[str, Bean] = {}
        start = 0
        while wanted - known.keys():
            page = self._page(ask, start, expand="properties")
            known |= {str(bean["id"]): bean for bean in page.beans}
            start += len(page.beans)
            if not page.beans or start >= page.total:
                break
        return [known.get(str(bean["id"]), bean) for bean in beans]

    def _is_ours(self, bean: Bean) -> bool:
        author = bean.get("author")
        key = "accountId" if self._site.settings.cloud else "name"
        return isinstance(author, Mapping) and str(author.get(key) or "") == self._site.account()

    def _comment(self, ask: Ask, bean: Bean, *, desk: bool) -> Comment:
        id_, stamp, own = str(bean["id"]), str(bean.get("updated") or bean["created"]), self._is_ours(bean)
        author = bean.get("author") or {}
        wanted = not own and ask.known.get(id_) != stamp
        return Comment(
            id=id_,
            ref=ask.ref,
            author=str(author.get("accountId" if self._site.settings.cloud else "name") or ""),
            name=str(author.get("displayName") or ""),
            created=instant(bean["created"]),
            updated=instant(stamp),
            stamp=stamp,
            text=self._text(bean.get("body")) if wanted else None,
            public=self._is_public(bean, desk=desk),
            kind="comment",
            own=own,
            mark=_mark(bean) if own else "",
        )

    def _text(self, body: object) -> str:
        if isinstance(body, str):
            return from_wiki(body) or ""
        return from_adf(body) or ""

    def _is_public(self, bean: Bean, *, desk: bool) -> bool:
        """Whether customers may read a comment, as far as that is known."""
        internal = _property(bean, DESK).get("internal") is True
        if bean.get("visibility") or internal or bean.get("jsdPublic") is False:
            return False
        if not desk:
            return self._site.settings.unrestricted_public
        return bean.get("jsdPublic") is True or (not self._site.settings.cloud and "properties" in bean)

    # Writing

    def add(self, action: AddComment) -> Applied:
        """Add one comment. An internal one that Jira made public all the same is taken back at once."""
        markdown = "\n\n".join(part for part in (literal(action.line), action.text) if part)
        body: dict[str, Any] = {
            "body": to_adf(markdown) if self._site.settings.cloud else to_wiki(markdown),
            "properties": [
                {"key": DESK, "value": {"internal": not action.public}},
                {"key": PROPERTY, "value": {"mark": action.mark}},
            ],
            **({} if action.public else self._site.restriction()),
        }
        what, path = f"comment on issue {action.ref.id}", f"issue/{segment(action.ref.id)}/comment"
        answer = self._site.wire.send(what, "POST", path, body)
        made = str(answer.get("id") or "") if isinstance(answer, Mapping) else ""
        if made and not action.public and self._leaked(action, answer):
            self._site.wire.send(what, "DELETE", f"{path}/{segment(made)}", {})
            raise Rejected(
                f"{what}: Jira showed an internal comment to customers, and it was taken back "
                "(may the account add internal comments in this project?)",
                {DESK: "was not kept"},
            )
        return Applied(action.ref, made=made)

    def _leaked(self, action: AddComment, answer: Mapping[str, Any]) -> bool:
        shown = answer.get("jsdPublic") is True and not answer.get("visibility")
        return shown and self._site.is_desk(action.ref.id)


def _in_order(entry: Comment) -> Any:
    return entry.created, len(entry.id), entry.id


def _property(bean: Bean, key: str) -> Mapping[str, Any]:
    listed = [entry for entry in bean.get("properties") or () if isinstance(entry, Mapping)]
    values = [entry.get("value") for entry in listed if entry.get("key") == key]
    return values[0] if values and isinstance(values[0], Mapping) else {}


def _mark(bean: Bean) -> str:
    return str(_property(bean, PROPERTY).get("mark") or "")
