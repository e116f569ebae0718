"""Reads issues past every index, by id or key; what is not shown is Gone, what is not ours is an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tieline.connectors.base import Record, Ref
from tieline.connectors.errors import ConnectorError, Gone, Malformed, Unavailable
from tieline.connectors.jira.comments import told_in
from tieline.connectors.jira.records import Reader, transitions_lack_screens
from tieline.connectors.jira.searching import issues_in
from tieline.connectors.jira.settings import BULK_FETCH, WATCHES
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.watching import watched
from tieline.connectors.jira.wire import Refusal, chunks, segment

EXPAND: Final = ("transitions", "transitions.fields", "changelog")
_WHAT: Final = "Jira's issues"
_SINGLE_WINDOW: Final = 50
"""Keys that are looked at together where there is no bulk fetch (Data Center)."""

Answer = dict[str, Any] | ConnectorError


class Reading:
    """Reads issues of one Jira. Safe to use from many threads."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._screens: dict[tuple[str, str, str], dict[str, Any]] = {}

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """The records by id; `Gone` in place of those that Jira does not show to us."""
        if not refs:
            return []
        reader = self._site.reader()
        answers = self.answers([ref.id for ref in refs])
        if WATCHES in self._site.settings.fields:
            self._site.account()
            return self._site.wire.each(lambda ref: self.record(reader, answers[ref.id]), refs)
        return [self.record(reader, answers[ref.id]) for ref in refs]

    def answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        """What Jira tells about each of these issues, in its own words; `Gone` for those it does not show."""
        answers = self._answers(list(dict.fromkeys(ids)))
        if all(isinstance(answer, Gone) for answer in answers.values()):
            self._site.identity()  # all gone at once: more likely that it is us who are not let in
        return answers

    def record(self, reader: Reader, answer: Answer) -> Record | ConnectorError:
        """The Record of an answer, or what kept us from having one."""
        if isinstance(answer, ConnectorError):
            return answer
        try:
            record = reader.record(self._complete(answer))
            self._keep_comments(answer)
        except (Gone, Malformed) as error:
            return error
        self._site.saw(record.label)
        return record

    def _keep_comments(self, answer: dict[str, Any]) -> None:
        told = told_in(answer) if self._site.settings.comments else None
        if told is not None:
            self._site.keep_told(str(answer["id"]), told, desk=told.desk)

    def above(self, project: str, number: int, marker: str) -> Iterator[Record]:
        """Issues that may hold `marker`, of keys above `number`, in windows, until one is wholly empty.

        Only those are made records of: after a bulk create that got no answer each of its markers is looked
        for among all the others.
        """
        reader = self._site.reader()
        size = BULK_FETCH if self._site.settings.cloud else _SINGLE_WINDOW
        while True:
            window = [f"{project}-{n}" for n in range(number + 1, number + size + 1)]
            answers = self._bulk(window) if self._site.settings.cloud else self._single(window)
            found = [answer for answer in answers.values() if not isinstance(answer, Gone)]
            for answer in found:
                if isinstance(answer, ConnectorError):
                    raise answer
                self._site.saw(str(answer.get("key", "")))
                if self._may_hold(answer, marker):
                    record = self.record(reader, answer)
                    if isinstance(record, ConnectorError):
                        raise record
                    yield record
            if not found:
                return
            number += size

    def _may_hold(self, answer: Mapping[str, Any], marker: str) -> bool:
        """False only for an issue whose marker field was told, and holds another marker or none."""
        fields = answer.get("fields")
        name = self._site.settings.marker
        if not isinstance(fields, Mapping) or name not in fields:
            return True
        return marker in (fields[name] if isinstance(fields[name], list) else str(fields[name] or ""))

    # Answers by what was asked for: id or key

    def _answers(self, ids: Sequence[str]) -> dict[str, Answer]:
        if not self._site.settings.cloud:
            return self._single(ids)
        pages = self._site.wire.each(self._bulk, chunks(ids, BULK_FETCH))
        return {id_: answer for page in pages for id_, answer in page.items()}

    def _bulk(self, asked: Sequence[str]) -> dict[str, Answer]:
        """Cloud's bulk fetch: it leaves out what it does not show, and names what it failed to read."""
        body = {"issueIdsOrKeys": list(asked), "fields": self._site.names(), "expand": list(EXPAND)}
        try:
            answer = self._site.wire.ask(_WHAT, "issue/bulkfetch", body)
        except Refusal as refusal:
            raise Malformed(str(refusal)) from None
        shown: dict[str, Answer] = {}
        for error in answer.get("issueErrors") or () if isinstance(answer, dict) else ():
            id_ = str(error.get("id", ""))
            unread = Unavailable(f"issue {id_}: {str(error.get('errorMessage', ''))[:200]}")
            if id_ not in asked:
                raise unread  # asked for by its key: which one it is, is not told, so none of them is gone
            shown[id_] = unread
        for issue in issues_in(answer, _WHAT):
            shown[issue["id"]] = shown[str(issue.get("key"))] = issue
        return {id_: shown.get(id_) or gone(id_) for id_ in asked}

    def _single(self, asked: Sequence[str]) -> dict[str, Answer]:
        """Data Center has no bulk fetch, and its search answers from an index: one request an issue."""
        return dict(zip(asked, self._site.wire.each(self.one, asked), strict=True))

    def one(self, id_or_key: str) -> Answer:
        """One issue by id or key, past every index; `Gone` if it is not shown."""
        params = {"fields": ",".join(self._site.names()), "expand": ",".join(EXPAND)}
        try:
            answer = self._site.wire.get(f"issue {id_or_key}", f"issue/{segment(id_or_key)}", params)
        except (Gone, Malformed) as error:
            return error
        if not isinstance(answer, dict) or not answer.get("id"):
            return Malformed(f"issue {id_or_key}: the answer holds no issue")
        return answer

    # Screens of transitions, where Jira does not tell them along with the issue

    def _complete(self, issue: dict[str, Any]) -> dict[str, Any]:
        """The issue with its watchers, and the screen of each open transition.

        Screens are asked for once for each kind of issue; watchers for each issue that has any.
        """
        issue = watched(self._site, issue)
        if not transitions_lack_screens(issue):
            return issue
        raw = issue.get("fields") or {}
        place = [str((raw.get(name) or {}).get("id", "")) for name in ("project", "issuetype", "status")]
        screens = self._screens_of(issue["id"], (place[0], place[1], place[2]))
        known = [
            {**t, "fields": t.get("fields") or screens.get(str(t["id"]), {})} for t in issue["transitions"]
        ]
        return {**issue, "transitions": known}

    def _screens_of(self, id_: str, kind: tuple[str, str, str]) -> dict[str, Any]:
        with self._lock:
            if kind not in self._screens:
                path = f"issue/{segment(str(id_))}/transitions"
                answer: Mapping[str, Any] = self._site.wire.get(
                    f"transitions of issue {id_}", path, {"expand": "transitions.fields"}
                )
                listed = answer.get("transitions") or ()
                self._screens[kind] = {str(t["id"]): t.get("fields") or {} for t in listed}
            return self._screens[kind]


def gone(id_or_key: str) -> Gone:
    """The one failure for an issue that is deleted, hidden or out of reach: Jira does not tell which."""
    return Gone(f"issue {id_or_key}: deleted, or hidden from this account")
