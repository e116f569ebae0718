"""Makes writes, each once: independent ones at the same time, those of one issue in their order.

A failure that is about one issue comes back in its place. Nothing is repeated here: what may be sent again
is the transport's business, and a lost answer is Unknown.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, assert_never
from urllib.parse import urlsplit

from tieline.connectors.base import (
    Action,
    AddComment,
    AddNote,
    Applied,
    Attach,
    Create,
    Record,
    Ref,
    Relate,
    RemoveLink,
    ShowLink,
    Transition,
    Unrelate,
    Update,
    Values,
)
from tieline.connectors.errors import ConnectorError, Denied, Gone, Malformed, Rejected, Stale, Unknown
from tieline.connectors.jira.attachments import Attachments
from tieline.connectors.jira.comments import DESK, Comments
from tieline.connectors.jira.creating import Creating
from tieline.connectors.jira.history import Sent, alone, entries, races, was_made
from tieline.connectors.jira.reading import EXPAND, Reading
from tieline.connectors.jira.records import is_whole
from tieline.connectors.jira.relating import Relating
from tieline.connectors.jira.settings import BULK_CREATE, WATCHES
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.values import edits, encode, instant
from tieline.connectors.jira.watching import watch
from tieline.connectors.jira.wire import chunks, segment
from tieline.connectors.richtext import text_to_adf, text_to_wiki

Outcome = Applied | ConnectorError
_REQUIRED: Final = re.compile(r"\bField (.+?) is required\b", re.I)
"""How a workflow's validator names a field that it misses."""
_INTERNAL: Final = {"key": DESK, "value": {"internal": True}}


class Writing:
    """Writes to one Jira. One list at a time, many threads inside."""

    def __init__(self, site: Site, reading: Reading) -> None:
        self._site = site
        self._reading = reading
        self._creating = Creating(site)
        self._comments = Comments(site)
        self._relating = Relating(site)
        self._attachments = Attachments(site)

    def write(self, actions: Sequence[Action]) -> list[Outcome]:
        """The outcome of each action, in order.

        Once Jira denies us everything, what was not sent yet is not sent. Denied is raised only if nothing
        came of any action; otherwise it stands in the places that it concerns.
        """
        if not actions:
            return []
        self._site.fields()
        outcomes: list[Outcome | None] = [None] * len(actions)
        stop = threading.Event()

        def run(job: Sequence[int]) -> None:
            done = self._job([actions[index] for index in job], stop)
            for index, outcome in zip(job, done, strict=True):
                outcomes[index] = outcome
                if isinstance(outcome, Denied):
                    stop.set()

        self._site.wire.each(run, _jobs(actions))
        settled = [outcome or Unknown("a write without an outcome") for outcome in outcomes]
        denied = next((outcome for outcome in settled if isinstance(outcome, Denied)), None)
        if denied is not None and not any(isinstance(outcome, Applied | Unknown) for outcome in settled):
            raise denied
        return settled

    def _job(self, actions: Sequence[Action], stop: threading.Event) -> list[Outcome]:
        if stop.is_set():
            return [Denied("not sent: Jira denied a write before it") for _ in actions]
        creates = [action for action in actions if isinstance(action, Create)]
        if creates:
            return self._creating.create(creates)
        outcomes: list[Outcome] = []
        for action in actions:
            if outcomes and not isinstance(outcomes[-1], Applied):
                outcomes.append(Stale("not sent: an earlier write to the same issue did not come through"))
            else:
                outcomes.append(self._one(action))
        return outcomes

    def _one(self, action: Action) -> Outcome:
        try:
            match action:
                case Update():
                    return self._update(action)
                case Transition():
                    return self._transition(action)
                case ShowLink():
                    return self._show(action)
                case RemoveLink():
                    return self._hide(action)
                case Relate():
                    return self._relating.relate(action)
                case Unrelate():
                    return self._relating.unrelate(action)
                case AddNote():
                    return self._note(action.ref, action.text)
                case AddComment():
                    return self._comments.add(action)
                case Attach():
                    return self._attachments.attach(action)
                case Create():
                    return self._creating.create([action])[0]
                case _:
                    assert_never(action)
        except ConnectorError as error:
            return error

    # Fields

    def _update(self, action: Update) -> Applied:
        if WATCHES in action.values:
            watch(self._site, action)
        values = {name: value for name, value in action.values.items() if name != WATCHES}
        body = self._edit(action.ref, values, action.before)
        applied = Applied(action.ref)
        if body:
            params = {"returnIssue": "true", "expand": ",".join(EXPAND)} if self._site.settings.cloud else {}
            what = f"update of issue {action.ref.id}"
            answer = self._site.wire.send(what, "PUT", f"issue/{segment(action.ref.id)}", body, **params)
            applied = self._shown(action, answer)
        if action.note:
            self._after(lambda: self._note(action.ref, action.note))
        return applied

    def _edit(self, ref: Ref, values: Values, before: Values) -> dict[str, Any]:
        """The body that sets `values`; sets of labels and components element by element."""
        fields: dict[str, Any] = {}
        update: dict[str, Any] = {}
        for name, value in values.items():
            field = self._site.fields().get(name)
            if field is None:
                raise Rejected(f"Jira has no field {name}", {name: "unknown"})
            steps = edits(field, value, before.get(name), cloud=self._site.settings.cloud)
            if steps is not None and name in before:
                update.update({name: steps} if steps else {})
                continue
            try:
                over = self._site.formatted(ref.id, name)
                fields[name] = encode(field, value, cloud=self._site.settings.cloud, over=over)
            except ValueError as error:
                raise Rejected(f"{name}: {error}", {name: str(error)}) from None
        return {key: part for key, part in (("fields", fields), ("update", update)) if part}

    def _shown(self, action: Update, answer: object) -> Applied:
        """What an answer shows of the issue as it is after the write, and of who else wrote meanwhile."""
        if answer is None:
            return Applied(action.ref)
        if not isinstance(answer, Mapping) or str(answer.get("id", "")) != action.ref.id:
            raise Unknown(f"update of issue {action.ref.id}: the answer is about something else")
        sent = Sent(action.values, action.before, self._account(), _since(action))
        try:
            found = entries(answer.get("changelog"), self._site.reader().ids)
        except (Malformed, AttributeError, TypeError):
            return Applied(action.ref, self._record(answer))
        kinds, record = self._site.shown_kinds(), self._record(answer)
        raced = races(found, sent, kinds)
        made = record is not None and was_made(found, sent, kinds, record.values) is True
        return Applied(action.ref, record, alone(found, sent, raced), raced, certain=made)

    def _account(self) -> str:
        """Who we are; "" if Jira does not say so now: the write has been made and must not fail by this."""
        try:
            return self._site.account()
        except ConnectorError:
            return ""

    def _record(self, answer: Mapping[str, Any]) -> Record | None:
        if not is_whole(answer):
            return None
        record = self._after(lambda: self._reading.record(self._site.reader(), dict(answer)))
        return record if isinstance(record, Record) else None

    @staticmethod
    def _after(step: Callable[[], Any]) -> Any:
        """Something that follows a write which was made, and whose failure does not undo it."""
        try:
            return step()
        except ConnectorError:
            return None

    # Workflow, links, notes

    def _transition(self, action: Transition) -> Applied:
        body = {"transition": {"id": action.move.id}, **self._edit(action.ref, action.values, {})}
        what = f"transition of issue {action.ref.id} to {action.move.to}"
        try:
            self._site.wire.send(what, "POST", f"issue/{segment(action.ref.id)}/transitions", body)
        except Rejected as refusal:
            raise self._demanded(action, refusal) from None
        return Applied(action.ref)

    def _demanded(self, action: Transition, refusal: Rejected) -> Rejected:
        """The refusal, by field, of a transition whose validator misses something.

        What a validator asks for ("Field Resolution is required.") is not in what Jira tells about a
        transition. From now on our records say that this one wants those fields.
        """
        ids = {field.name.casefold(): field.id for field in self._site.fields().values()}
        missed = [ids.get(name.strip().casefold(), "") for name in _REQUIRED.findall(str(refusal))]
        wanted = frozenset(name for name in (*missed, *refusal.fields) if name and name not in action.values)
        if not wanted:
            return refusal
        self._site.demands(action.move.id, action.move.to, wanted)
        return Rejected(str(refusal), {**dict.fromkeys(sorted(wanted), "is required"), **refusal.fields})

    def _show(self, action: ShowLink) -> Applied:
        site = urlsplit(action.url)
        icon = f"{site.scheme}://{site.netloc}/favicon.ico"
        name = self._site.settings.link_application
        shown = {
            "url": action.url,
            "title": action.label,
            "icon": {"url16x16": icon, "title": name},
            "status": {"resolved": action.done, "icon": {"url16x16": icon, "title": action.status or name}},
            **({"summary": action.status} if action.status else {}),
        }
        body = {"globalId": action.global_id, "application": {"name": name}, "object": shown}
        what = f"link on issue {action.ref.id}"
        self._site.wire.send(what, "POST", f"issue/{segment(action.ref.id)}/remotelink", body)
        return Applied(action.ref)

    def _hide(self, action: RemoveLink) -> Applied:
        what = f"link on issue {action.ref.id}"
        path = f"issue/{segment(action.ref.id)}/remotelink"
        try:
            self._site.wire.send(what, "DELETE", path, {}, globalId=action.global_id)
        except Gone:  # no such link, or no such issue: either way it is not shown any more
            return Applied(action.ref)
        return Applied(action.ref)

    def _note(self, ref: Ref, text: str) -> Applied:
        content: Any = text_to_adf(text) if self._site.settings.cloud else text_to_wiki(text)
        body = {"body": content, "properties": [_INTERNAL], **self._site.restriction()}
        self._site.wire.send(f"note on issue {ref.id}", "POST", f"issue/{segment(ref.id)}/comment", body)
        return Applied(ref)


def _since(action: Update) -> Any:
    """When the record last moved, by what it was decided from; None if that is not told."""
    try:
        return instant(action.seen.token) if action.seen.token else None
    except Malformed:
        return None


def _jobs(actions: Sequence[Action]) -> list[list[int]]:
    """What can be done at the same time: creates in bulk, the writes of each issue in their order."""
    creates = [index for index, action in enumerate(actions) if isinstance(action, Create)]
    issues: dict[Ref, list[int]] = {}
    for index, action in enumerate(actions):
        if not isinstance(action, Create):
            issues.setdefault(action.ref, []).append(index)
    return chunks(creates, BULK_CREATE) + list(issues.values())
