"""Sends writes, each once: one directly, several by the Batch API; `writes.py` says what each request is.

What an answer leaves open is looked for before it is told. After a failure that concerns the whole instance
nothing more is sent.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from tieline.connectors import parallel
from tieline.connectors.base import (
    DROPPED,
    Action,
    AddComment,
    Applied,
    Ask,
    Conversation,
    Create,
    Record,
)
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    Rejected,
    Retryable,
    Unavailable,
    Unknown,
)
from tieline.connectors.http import HttpSettings
from tieline.connectors.servicenow import batch, query
from tieline.connectors.servicenow.answers import Doubted
from tieline.connectors.servicenow.directory import chunks
from tieline.connectors.servicenow.journal import INTERNAL, PUBLIC, is_ours
from tieline.connectors.servicenow.newest import Newest
from tieline.connectors.servicenow.records import Row, asked_fields
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.wire import Call, Wire
from tieline.connectors.servicenow.writes import call_of, outcome_of, refusal, shows_entry

Find = Callable[[str, str, str], Sequence[Record]]
"""Every record with a marker, at a place, above a watermark."""

Conversations = Callable[[Sequence[Ask]], Sequence[Conversation | ConnectorError]]


class Sender:
    """Writes to one table of an instance.

    `find` and `conversations` look for what an answer does not show, `newest` is told what it does show; `us`
    tells our own user name, "" while it is not known.
    """

    def __init__(
        self,
        wire: Wire,
        http: HttpSettings,
        settings: ServiceNowSettings,
        newest: Newest,
        us: Callable[[], str],
        find: Find,
        conversations: Conversations,
    ) -> None:
        self._wire = wire
        self._base_url = http.base_url
        self._concurrency = http.concurrency
        self._settings = settings
        self._newest = newest
        self._us = us
        self._find = find
        self._conversations = conversations
        self._fields = asked_fields(settings)
        self._batching = True
        self._batched = False  # until one batch was answered, the others wait: there may be no Batch API here

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Make each write once: one directly, several in requests of the Batch API, and these at once.

        After a failure that concerns the whole side nothing more is sent: the rest is Unavailable.
        """
        calls = [call_of(action, self._settings) for action in actions]
        refused = [refusal(action, self._settings) for action in actions]
        rows: list[Row | ConnectorError] = [
            why or Gone(f"{call.what}: no record has such an id")
            for call, why in zip(calls, refused, strict=True)
        ]
        stop = threading.Event()

        def run(chunk: Sequence[int]) -> None:
            sent = self._send([calls[n] for n in chunk], goes_on=not stop.is_set())
            for n, row in zip(chunk, sent, strict=True):
                rows[n] = self._proven(actions[n], row)
            if not is_well([rows[n] for n in chunk]):
                stop.set()

        sendable = [
            n for n, call in enumerate(calls)
            if refused[n] is None and (call.sys_id is None or query.is_id(call.sys_id))
        ]  # fmt: skip
        queue = list(chunks(sendable, self._settings.batch_size if self._batching else 1))
        alone = queue if _repeats(calls) else queue[: 0 if self._batched else 1]
        parallel.each(run, alone, 1)
        parallel.each(run, queue[len(alone) :], self._concurrency)
        return self._outcomes(actions, rows)

    def _send(self, calls: Sequence[Call], *, goes_on: bool) -> list[Row | ConnectorError]:
        if goes_on and len(calls) > 1 and self._batching:
            outcomes = self._send_batch(calls)
            if outcomes is not None:
                return outcomes
        rows: list[Row | ConnectorError] = []
        for call in calls:
            rows.append(self._send_one(call) if goes_on and is_well(rows) else _unsent(call))
        return rows

    def _send_one(self, call: Call) -> Row | ConnectorError:
        try:
            return self._wire.write(call, self._fields)
        except ConnectorError as error:
            return error

    def _send_batch(self, calls: Sequence[Call]) -> list[Row | ConnectorError] | None:
        """The parts' outcomes; None if there is no Batch API here and nothing was written."""
        prefix = urlsplit(self._base_url).path.rstrip("/")
        try:
            response = self._wire.batch(batch.pack(calls, self._fields, prefix), batch.WHAT)
        except ConnectorError as error:
            return [error for _ in calls]
        self._batching = response.status_code not in {400, 403, 404, 405}
        self._batched = self._batching
        return None if batch.is_refused(response) else batch.unpack(response, calls)

    def _proven(self, action: Action, row: Row | ConnectorError) -> Row | ConnectorError:
        """Looks for a record that an access rule is said to have refused."""
        if not isinstance(action, Create) or not isinstance(row, Doubted):
            return row
        try:
            found = self._find(action.marker, action.place, action.watermark)
        except ConnectorError:
            return Unknown(f"{row}; it may have been carried out")
        return Unknown(f"{row}; the record is there all the same") if found else row

    def _outcomes(
        self, actions: Sequence[Action], rows: Sequence[Row | ConnectorError]
    ) -> list[Applied | ConnectorError]:
        outcomes: list[Applied | ConnectorError] = []
        written: Counter[str] = Counter()
        for action, row in zip(actions, rows, strict=True):
            if isinstance(row, ConnectorError):
                outcomes.append(row)
                continue
            ref_id = "" if isinstance(action, Create) else action.ref.id
            outcome = outcome_of(
                action, row, self._settings, self._base_url, us=self._us(), own_writes=written[ref_id]
            )
            if (
                isinstance(action, AddComment)
                and isinstance(outcome, Applied)
                and not shows_entry(action, row)
            ):
                outcome = self._kept(action, outcome)
            if isinstance(outcome, Applied):
                self._newest.note(outcome.record)
            outcomes.append(outcome)
            written[ref_id] += 1
        return outcomes

    def _kept(self, action: AddComment, outcome: Applied) -> Applied | ConnectorError:
        """An entry that the answer does not show is looked for: a closed incident drops it in silence."""
        try:
            told = self._conversations([Ask(action.ref)])[0]
        except ConnectorError as error:
            told = error
        if isinstance(told, ConnectorError):
            return Unknown(f"adding an entry to {action.ref}: it is not shown ({told})")
        if is_ours(told, action.mark):
            return outcome
        return Rejected(
            f"{action.ref} kept nothing of the entry, without saying so (is it closed?)",
            {PUBLIC if action.public else INTERNAL: DROPPED},
        )


def is_well(rows: Sequence[Row | Applied | ConnectorError]) -> bool:
    """False after a failure of the side as a whole, or a lost answer: the instance is not well."""
    return not any(isinstance(row, Denied | Retryable | Unknown) for row in rows)


def _repeats(calls: Sequence[Call]) -> bool:
    """Whether two writes are for one record: they go out in their order."""
    written = [call.sys_id for call in calls if call.sys_id is not None]
    return len(set(written)) < len(written)


def _unsent(call: Call) -> Unavailable:
    return Unavailable(f"{call.what}: not sent, after the failure of a write before it")
