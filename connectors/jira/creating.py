"""Creates issues in bulk and tells each one's outcome; a create whose answer is lost is never sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline.connectors.base import Applied, Create, Ref
from tieline.connectors.errors import ConnectorError, RateLimited, Rejected, Unknown
from tieline.connectors.jira.settings import LABELS, issue_type_of, project_of
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.values import encode
from tieline.connectors.jira.wire import said_in

Outcome = Applied | ConnectorError
_WHAT = "creation of issues"


class Creating:
    """Bulk creates at one Jira (Jira REST: "Bulk create issue")."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def create(self, actions: Sequence[Create]) -> list[Outcome]:
        """The outcome of each of at most 50 creates."""
        outcomes: dict[int, Outcome] = {}
        bodies: dict[int, dict[str, Any]] = {}
        for index, action in enumerate(actions):
            try:
                bodies[index] = {"fields": self._fields(action)}
            except Rejected as error:
                outcomes[index] = error
        asked = list(bodies)
        outcomes.update(zip(asked, self._send([bodies[index] for index in asked]), strict=True))
        for index, outcome in outcomes.items():
            if isinstance(outcome, Applied):
                self._site.made(actions[index].marker, outcome.ref.id)
        return [outcomes[index] for index in range(len(actions))]

    def _fields(self, action: Create) -> dict[str, Any]:
        place = action.place
        fields: dict[str, Any] = {
            "project": {"key": project_of(place)},
            "issuetype": {"name": issue_type_of(place)},
        }
        for name, value in action.values.items():
            field = self._site.fields().get(name)
            if field is None:
                raise Rejected(f"Jira has no field {name}", {name: "unknown"})
            if value is None:
                continue
            try:
                fields[name] = encode(field, value, cloud=self._site.settings.cloud)
            except ValueError as error:
                raise Rejected(f"{name}: {error}", {name: str(error)}) from None
        marker = self._site.settings.marker
        fields[marker] = [*fields.get(LABELS, ()), action.marker] if marker == LABELS else action.marker
        return fields

    def _send(self, bodies: Sequence[dict[str, Any]]) -> list[Outcome]:
        if not bodies:
            return []
        try:
            made, answer = self._site.wire.create(_WHAT, {"issueUpdates": list(bodies)})
        except ConnectorError as error:
            return [error] * len(bodies)
        refused = _refusals(answer)
        if not made and not refused:
            return self._refused_as_a_whole(bodies, answer)
        return self._placed(len(bodies), made, answer, refused)

    def _refused_as_a_whole(self, bodies: Sequence[dict[str, Any]], answer: object) -> list[Outcome]:
        """Jira refused the request (nothing was made) without saying which of its issues is at fault."""
        if len(bodies) > 1:
            return self._site.wire.each(lambda body: self._send([body])[0], bodies)
        words = said_in(answer)
        return [
            Rejected(f"{_WHAT}: {words.message if words else 'refused'}", words.fields if words else None)
        ]

    def _placed(
        self, count: int, made: bool, answer: object, refused: Mapping[int, Outcome]
    ) -> list[Outcome]:
        """Outcomes by place: the refused ones are numbered, the others were made in their order."""
        listed = answer.get("issues") if isinstance(answer, Mapping) else None
        issues = [issue for issue in listed or () if isinstance(issue, Mapping)]
        others = [index for index in range(count) if index not in refused]
        if len(issues) != len(others) or (not made and issues):
            lost = Unknown(f"{_WHAT}: the answer does not tell which issues were made")
            return [refused.get(index, lost) for index in range(count)]
        placed = dict(zip(others, map(self._made, issues), strict=True))
        return [refused.get(index) or placed[index] for index in range(count)]

    def _made(self, issue: Mapping[str, Any]) -> Outcome:
        id_, key = str(issue.get("id", "")), str(issue.get("key", ""))
        if not id_.isdecimal():
            return Unknown(f"{_WHAT}: the answer names no id")
        self._site.saw(key)
        return Applied(Ref("jira", id_))


def _refusals(answer: object) -> dict[int, Outcome]:
    """The refused elements of a bulk create, by their number in the request."""
    listed = answer.get("errors") if isinstance(answer, Mapping) else None
    errors = listed if isinstance(listed, list) else []
    found: dict[int, Outcome] = {}
    for error in errors:
        number = error.get("failedElementNumber") if isinstance(error, Mapping) else None
        if isinstance(number, int):
            found[number] = _refusal(error)
    return found


def _refusal(error: Mapping[str, Any]) -> Outcome:
    words = said_in(error.get("elementErrors"))
    message = f"{_WHAT}: {words.message if words and words.message else 'refused without a reason'}"
    status = error.get("status")
    if status == 429:
        return RateLimited(message)
    if isinstance(status, int) and status >= 500:
        return Unknown(message)
    return Rejected(message, words.fields if words else None)
