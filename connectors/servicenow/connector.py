"""The port to one ServiceNow table: joins queries, wire and values, each ruled in a module of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from requests.auth import AuthBase

from tieline.connectors import parallel
from tieline.connectors.auth import Auth, BasicAuth
from tieline.connectors.base import (
    Action,
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
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    Unavailable,
    Unreadable,
)
from tieline.connectors.http import HardenedAdapter, Timing
from tieline.connectors.servicenow import query
from tieline.connectors.servicenow.affected import AffectedItems
from tieline.connectors.servicenow.attachments import Attachments
from tieline.connectors.servicenow.columns import Columns
from tieline.connectors.servicenow.directory import Directory, EntityKind, askable_ids, chunks
from tieline.connectors.servicenow.feed import Feed
from tieline.connectors.servicenow.journal import Journal
from tieline.connectors.servicenow.newest import Newest
from tieline.connectors.servicenow.records import (
    FEED_FIELDS,
    Row,
    asked_fields,
    label_of,
    plain,
    record_of,
)
from tieline.connectors.servicenow.sending import Sender, is_well
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.targets import Targets
from tieline.connectors.servicenow.wire import Rows, Wire
from tieline.connectors.servicenow.writes import reviewed

_SEARCH_LIMIT: Final = 1000
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
        self._columns = Columns(self._wire, settings.table)
        self._sender = Sender(
            self._wire, adapter.settings, settings, self._newest,
            lambda: self._user, self.find, self.conversations,
        )  # fmt: skip

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
        self._columns.saw(rows.values())
        if rows:
            self._columns.check(name for name in self._fields if "." not in name)
        return [self._newest.checked(self._record(ref, rows.get(ref.id))) for ref in refs]

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
        self._columns.check_scope(condition)
        found: set[str] = set()
        for ids in chunks(_ids(refs), self._settings.read_batch):
            asked = f"{query.by_ids(ids)}^{condition}"
            found |= self._rows_by_id(ids, asked, ("sys_id",), insist=True).keys()
        return frozenset(ref for ref in refs if ref.id in found)

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

    # Writing

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Make each write once; files, and creates in another table, one after the other."""
        others = [action for action in actions if not self._goes_alone(action)]
        outcomes = iter(self._sender.write(others) if others else ())
        done: list[Applied | ConnectorError] = []
        for action in actions:
            if not self._goes_alone(action):
                done.append(next(outcomes))
            elif not is_well(done):
                what = f"attaching {action.name!r}" if isinstance(action, Attach) else "creating a record"
                done.append(Unavailable(f"{what}: not sent, after a failure before it"))
            elif isinstance(action, Attach):
                done.append(self._files.attach(action))
            else:
                assert isinstance(action, Create)
                done.append(self._at(action.place)._sender.write([action])[0])
        return done

    def _goes_alone(self, action: Action) -> bool:
        elsewhere = isinstance(action, Create) and action.place != self._settings.table
        return isinstance(action, Attach) or elsewhere

    def _at(self, table: str) -> ServiceNowConnector:
        """Another table of the instance, of which nothing is mirrored: for records that are opened there."""
        nothing: dict[str, FieldKind] = {}
        bare = replace(self._settings, table=table, fields=nothing, watched=nothing, ties={}, link="")
        return ServiceNowConnector(bare, *self._made_of)

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
