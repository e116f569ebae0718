"""The port to one ServiceNow table: joins queries, wire and values, each ruled in a module of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from requests.auth import AuthBase

from tieline.connectors import parallel
from tieline.connectors.auth import Auth, BasicAuth
from tieline.connectors.base import (
    DROPPED,
    Action,
    AddComment,
    Affected,
    Applied,
    Ask,
    Attach,
    Attachment,
    Capabilities,
    Conversation,
    Create,
    Entity,
    FieldKind,
    Identity,
    Page,
    PersonKey,
    Record,
    Ref,
    Reviewed,
    Search,
    Target,
    Transition,
    Update,
)
from tieline.connectors.errors import (
    ConfigError,
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    Rejected,
    Retryable,
    Unavailable,
    Unknown,
    Unreadable,
)
from tieline.connectors.http import HardenedAdapter, Timing
from tieline.connectors.servicenow import batch, query
from tieline.connectors.servicenow.affected import AffectedItems
from tieline.connectors.servicenow.answers import Doubted
from tieline.connectors.servicenow.attachments import Attachments
from tieline.connectors.servicenow.directory import Directory, EntityKind, askable_ids, chunks
from tieline.connectors.servicenow.feed import Feed
from tieline.connectors.servicenow.journal import INTERNAL, PUBLIC, Journal, is_ours
from tieline.connectors.servicenow.newest import Newest
from tieline.connectors.servicenow.records import (
    FEED_FIELDS,
    Row,
    asked_fields,
    label_of,
    plain,
    record_of,
)
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.targets import Targets
from tieline.connectors.servicenow.wire import Call, Rows, Wire
from tieline.connectors.servicenow.writes import call_of, outcome_of, refusal, reviewed, shows_entry

_SEARCH_LIMIT: Final = 1000
_SAMPLE: Final = 100
"""Records that are looked at to tell a column that does not exist from one that a record hides."""
_WHO_AM_I: Final = "sys_id=javascript:gs.getUserID()"


class ServiceNowConnector:
    """Reads and writes one table of an instance, as `Connector` in `base.py` promises."""

    def __init__(
        self,
        settings: ServiceNowSettings,
        adapter: HardenedAdapter,
        auth: Auth | AuthBase,
        timing: Timing | None = None,
    ) -> None:
        self._settings = settings
        self._made_of = adapter, auth, timing
        self._adapter = adapter
        self._user = auth.user if isinstance(auth, BasicAuth) else ""
        self._now = (timing or Timing()).now
        self._wire = Wire(adapter, auth)
        self._newest = Newest()
        self._files = Attachments(
            self._wire, settings, adapter.settings.base_url, self._now, lambda: adapter.skew
        )
        self._directory = Directory(self._wire, settings.read_batch)
        self._time_zone = ""
        self._called = ""
        self._journal = Journal(self._wire, settings, lambda: (self._user, self._called, self._time_zone))
        self._targets = Targets(self._wire, settings.read_batch, adapter.settings.base_url)
        self._affected = AffectedItems(self._wire, settings, self._now, lambda: adapter.skew)
        self._fields = asked_fields(settings)
        self._batching = True
        self._batched = False  # until one batch was answered, the others wait: there may be no Batch API here
        self._known_scopes: frozenset[str] = frozenset({""})
        self._shown_columns: frozenset[str] = frozenset()

    @property
    def capabilities(self) -> Capabilities:
        """No transitions; reads and writes in batches."""
        return Capabilities("servicenow", False, self._settings.read_batch, self._settings.batch_size)

    @property
    def _base_url(self) -> str:
        return self._adapter.settings.base_url

    # Who we are

    def identity(self) -> Identity:
        """Our own row of sys_user. Denied unless the answer is ours."""
        asked = query.equals("user_name", self._user) if self._user else _WHO_AM_I
        fields = ("sys_id", "name", "user_name", "time_zone")
        page, headers = self._wire.rows("sys_user", asked, fields, limit=2)
        if not page.rows and page.total:  # one answer may hide what the next one shows
            page, headers = self._wire.rows("sys_user", asked, fields, limit=2)
        ours = [row for row in page.rows if not self._user or self._is_us(row)]
        if headers.get("X-Is-Logged-In", "true").lower() == "false" or len(page.rows) != len(ours):
            raise Denied("ServiceNow does not take us for the configured user")
        # A script that the instance does not run is dropped from the query, and then anybody's row comes.
        if len(ours) == 1 and (self._user or page.total in (None, 1)):
            row = ours[0]
            self._user = plain(row.get("user_name"))
            self._called = plain(row.get("name")) or self._user
            self._time_zone = plain(row.get("time_zone"))
            return Identity(plain(row.get("sys_id")), self._called, self._time_zone, self._adapter.skew)
        raise Denied("ServiceNow does not show our own user (grant read access to sys_user)")

    def _is_us(self, row: Row) -> bool:
        return plain(row.get("user_name")).casefold() == self._user.casefold()

    # Reading

    def feed(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Everything that changed in the table, whatever its scope; a pass begins with it."""
        self._adapter.pace.begin_pass()
        self._journal.begin_pass()
        feed = Feed(
            ask=self._ask_feed,
            overlap=self._settings.overlap,
            page_size=self._settings.page_size,
            now=self._now,
            skew=lambda: self._adapter.skew,
        )
        return feed.pages(cursor, start)

    def _ask_feed(self, asked: str, limit: int, offset: int) -> Rows:
        return self._wire.rows(self._settings.table, asked, FEED_FIELDS, limit=limit, offset=offset)[0]

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """The records by sys_id, up to `read_batch` in one request."""
        rows: dict[str, Row] = {}
        for page in parallel.each(
            lambda ids: self._rows_by_id(ids, query.by_ids(ids), self._fields),
            chunks(_ids(refs), self._settings.read_batch),
            self._adapter.settings.concurrency,
        ):
            rows |= page
        self._shown_columns = self._shown_columns.union(*rows.values())
        if rows:
            self._check_columns(name for name in self._fields if "." not in name)
        return [self._newest.checked(self._record(ref, rows.get(ref.id))) for ref in refs]

    def _check_columns(self, names: Iterable[str]) -> None:
        """ConfigError for columns that no record shows; what a single one hides is its own affair."""
        doubtful = sorted(set(names) - self._shown_columns)
        if not doubtful:
            return
        page, _ = self._wire.rows(self._settings.table, "", ("sys_id", *doubtful), limit=_SAMPLE)
        self._shown_columns = self._shown_columns.union(*page.rows)
        unknown = [name for name in doubtful if name not in self._shown_columns]
        if page.rows and unknown:
            raise ConfigError(
                f"ServiceNow's table {self._settings.table} shows this account no column "
                f"{', '.join(unknown)}; check the names in the configuration, and the account's rights"
            )

    def _rows_by_id(
        self, ids: Sequence[str], asked: str, fields: Sequence[str], *, insist: bool = False
    ) -> dict[str, Row]:
        table = self._settings.table
        page = self._wire.all_rows(table, asked, fields, limit=len(ids) + 1, insist=insist)
        found = {plain(row.get("sys_id")): row for row in page.rows}
        if not found.keys() <= set(ids):
            raise Malformed(f"reading {table}: the answer holds records that were not asked for")
        return found

    def _record(self, ref: Ref, row: Row | None) -> Record | ConnectorError:
        if row is None:
            return Gone(f"{ref} is deleted, or hidden from this account")
        try:
            return record_of(row, self._settings, self._base_url)
        except Malformed as error:
            return error

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        """Those of `refs` that match an encoded query. ConfigError for one that cannot be asked by id.

        An empty scope matches everything, and costs nothing.
        """
        condition = query.checked_scope(scope)
        if not condition or not refs:
            return frozenset(refs)
        self._check_scope(condition)
        found: set[str] = set()
        for ids in chunks(_ids(refs), self._settings.read_batch):
            asked = f"{query.by_ids(ids)}^{condition}"
            found |= self._rows_by_id(ids, asked, ("sys_id",), insist=True).keys()
        return frozenset(ref for ref in refs if ref.id in found)

    def _check_scope(self, condition: str) -> None:
        """Once for each scope: a condition on an unknown column is dropped, and then all records match."""
        if condition in self._known_scopes:
            return
        fields = query.scope_fields(condition)
        columns = {field.partition(".")[0] for field in fields}
        asked = ("sys_id", *sorted(fields | columns))
        page, _ = self._wire.rows(self._settings.table, "", asked, limit=1)
        if not page.rows:
            return
        # What a dot leads to shows only where its reference is set.
        row = page.rows[0]
        missing = sorted(
            field for field in fields | columns
            if field not in row and (field in columns or plain(row.get(field.partition(".")[0])))
        )  # fmt: skip
        if missing:
            shown = ", ".join(missing)
            raise ConfigError(f"the scope {condition!r} names what ServiceNow does not show: {shown}")
        self._known_scopes |= {condition}

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        """Every record that holds `marker`; Malformed if one of them is hidden from this account."""
        if place and place != self._settings.table:
            return self._at(place).find(marker, place, watermark)
        field = self._settings.marker
        page = self._wire.all_rows(
            self._settings.table, query.equals(field, marker), self._fields, limit=_SEARCH_LIMIT
        )
        if any(plain(row.get(field)).casefold() != marker.casefold() for row in page.rows):
            raise Malformed(f"searching {field}: the answer holds records without the marker asked for")
        if page.total is not None and page.total > len(page.rows):
            raise Malformed(f"searching {field}: a record with this marker is hidden from this account")
        holders = [row for row in page.rows if plain(row.get(field)) == marker]
        return [record_of(row, self._settings, self._base_url) for row in holders]

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        """Every record with a marker of this installation, oldest first; Malformed for any other.

        Unreadable at the end for those with such a marker that cannot be read.
        """
        field, prefix, size = self._settings.marker, f"{installation}:", self._settings.read_batch
        last: Record | None = None
        offset, more, broken = 0, True, list[str]()
        while more:
            after = None if last is None else (last.created, last.ref.id)
            asked = query.starting_with(field, prefix, after)
            page, _ = self._wire.rows(self._settings.table, asked, self._fields, limit=size, offset=offset)
            told = [_told(row, self._settings, self._base_url) for row in page.rows]
            records = [record for record in told if isinstance(record, Record)]
            broken += [label for label in told if isinstance(label, str)]
            if not all(record.marker.startswith(prefix) for record in records):
                raise Malformed(f"searching {field}: the answer holds records without the marker asked for")
            yield records
            more = bool(page.rows) if page.more is None else page.more
            offset = 0 if records else offset + size
            last = records[-1] if records else last
        if broken:
            raise Unreadable(list(dict.fromkeys(broken)))

    def lookup(self, label: str) -> Ref | None:
        """The record with this number, or sys_id."""
        if not query.is_id(label):
            return None
        for field in ("number", "sys_id"):
            asked = query.any_of(field, {label, label.upper()})
            page, _ = self._wire.rows(self._settings.table, asked, ("sys_id", "number"), limit=2)
            found = [row for row in page.rows if plain(row.get(field)).casefold() == label.casefold()]
            if len(found) == 1:
                return Ref("servicenow", plain(found[0].get("sys_id")))
        return None

    def watermark(self, place: str) -> str:
        """Not needed: searches by the marker are consistent here."""
        return ""

    # People and groups

    def entities(self, kind: EntityKind, ids: Sequence[str]) -> list[Entity]:
        """The rows of sys_user or sys_user_group with these sys_ids."""
        return self._directory.entities(kind, ids)

    def search_entities(
        self, kind: EntityKind, keys: Sequence[str], by: PersonKey = "email"
    ) -> Mapping[str, Entity]:
        """People by e-mail address or user name, groups by name: each key that finds exactly one."""
        return self._directory.search(kind, keys, by)

    # Files

    def attachments(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of each record, in one request for up to `read_batch` of them."""
        return self._files.of(records)

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Incidents that got a file: `sys_updated_on` of an incident does not tell."""
        return self._files.attached(cursor, start)

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The content of a file, as a stream."""
        return self._files.content(file)

    # What an incident may be tied to

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The records of a kind with these sys_ids or numbers (`servicenow/targets.py`)."""
        return self._targets.targets(kind, keys)

    def seek(self, search: Search) -> list[Target]:
        """The records that a search finds."""
        return self._targets.seek(search)

    def depends_on(self, cis: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """By configuration item those that it depends on, as cmdb_rel_ci tells."""
        return self._targets.depends_on(cis)

    def affected(self, refs: Sequence[Ref]) -> list[Affected]:
        """The items of each record, as `task_ci` tells, in one request for up to `read_batch` records."""
        return self._affected.of(refs)

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Records that got an affected item."""
        return self._affected.affecting(cursor, start)

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        """ServiceNow has no remote links."""
        return [frozenset() for _ in refs]

    # Conversations

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said on these incidents, in one request for up to `read_batch` of them."""
        if asks and not self._called:
            self.identity()
        return self._journal.conversations(asks)

    def _kept(self, action: AddComment, outcome: Applied) -> Applied | ConnectorError:
        """An entry that the answer does not show is looked for: a closed incident drops it in silence."""
        try:
            told = self.conversations([Ask(action.ref)])[0]
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

    # Writing

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Make each write once; files, and creates in another table, one after the other."""
        others = [action for action in actions if not self._goes_alone(action)]
        outcomes = iter(self._write(others) if others else ())
        done: list[Applied | ConnectorError] = []
        for action in actions:
            if not self._goes_alone(action):
                done.append(next(outcomes))
            elif not _goes_on(done):
                what = f"attaching {action.name!r}" if isinstance(action, Attach) else "creating a record"
                done.append(Unavailable(f"{what}: not sent, after a failure before it"))
            elif isinstance(action, Attach):
                done.append(self._files.attach(action))
            else:
                assert isinstance(action, Create)
                done.append(self._at(action.place)._write([action])[0])
        return done

    def _goes_alone(self, action: Action) -> bool:
        elsewhere = isinstance(action, Create) and action.place != self._settings.table
        return isinstance(action, Attach) or elsewhere

    def _at(self, table: str) -> ServiceNowConnector:
        """Another table of the instance, of which nothing is mirrored: for records that are opened there."""
        nothing: dict[str, FieldKind] = {}
        bare = replace(self._settings, table=table, fields=nothing, watched=nothing, ties={}, link="")
        return ServiceNowConnector(bare, *self._made_of)

    def _write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
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
            if not _goes_on([rows[n] for n in chunk]):
                stop.set()

        sendable = [
            n for n, call in enumerate(calls)
            if refused[n] is None and (call.sys_id is None or query.is_id(call.sys_id))
        ]  # fmt: skip
        queue = list(chunks(sendable, self._settings.batch_size if self._batching else 1))
        alone = queue if _repeats(calls) else queue[: 0 if self._batched else 1]
        parallel.each(run, alone, 1)
        parallel.each(run, queue[len(alone) :], self._adapter.settings.concurrency)
        return self._outcomes(actions, rows)

    def _proven(self, action: Action, row: Row | ConnectorError) -> Row | ConnectorError:
        """Looks for a record that an access rule is said to have refused."""
        if not isinstance(action, Create) or not isinstance(row, Doubted):
            return row
        try:
            found = self.find(action.marker, action.place, action.watermark)
        except ConnectorError:
            return Unknown(f"{row}; it may have been carried out")
        return Unknown(f"{row}; the record is there all the same") if found else row

    def _send(self, calls: Sequence[Call], *, goes_on: bool) -> list[Row | ConnectorError]:
        if goes_on and len(calls) > 1 and self._batching:
            outcomes = self._send_batch(calls)
            if outcomes is not None:
                return outcomes
        rows: list[Row | ConnectorError] = []
        for call in calls:
            rows.append(self._send_one(call) if goes_on and _goes_on(rows) else _unsent(call))
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
                action, row, self._settings, self._base_url, us=self._user, own_writes=written[ref_id]
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

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What the records and their `sys_mod_count` tell about writes that may have been made."""
        shown = self.read([write.ref for write in writes])
        return [
            found if isinstance(found, ConnectorError) else reviewed(write, found, us=self._user)
            for write, found in zip(writes, shown, strict=True)
        ]

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()


def _told(row: Row, settings: ServiceNowSettings, base_url: str) -> Record | str:
    """The record in a row, or what people call it where it cannot be read."""
    try:
        return record_of(row, settings, base_url)
    except Malformed:
        return label_of(row)


def _ids(refs: Iterable[Ref]) -> list[str]:
    return askable_ids(ref.id for ref in refs)


def _repeats(calls: Sequence[Call]) -> bool:
    """Whether two writes are for one record: they go out in their order."""
    written = [call.sys_id for call in calls if call.sys_id is not None]
    return len(set(written)) < len(written)


def _goes_on(rows: Sequence[Row | Applied | ConnectorError]) -> bool:
    """False after a failure of the side as a whole, or a lost answer: the instance is not well."""
    return not any(isinstance(row, Denied | Retryable | Unknown) for row in rows)


def _unsent(call: Call) -> Unavailable:
    return Unavailable(f"{call.what}: not sent, after the failure of a write before it")
