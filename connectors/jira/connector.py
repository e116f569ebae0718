"""The port for Jira: puts reading, finding, the feed, people and writing behind one Connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from requests.auth import AuthBase

from tieline.connectors.auth import Auth
from tieline.connectors.base import (
    Action,
    Affected,
    Applied,
    Ask,
    Attachment,
    Capabilities,
    Conversation,
    Entity,
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
from tieline.connectors.errors import ConnectorError
from tieline.connectors.http import HardenedAdapter
from tieline.connectors.jira import feed, people
from tieline.connectors.jira.attachments import Attachments
from tieline.connectors.jira.comments import Comments
from tieline.connectors.jira.finding import Finding
from tieline.connectors.jira.reading import Reading
from tieline.connectors.jira.relating import Relating
from tieline.connectors.jira.reviewing import Reviewing
from tieline.connectors.jira.settings import BULK_CREATE, BULK_FETCH, JiraSettings
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.wire import Clock, Wire
from tieline.connectors.jira.writing import Writing


class JiraConnector:
    """Jira Cloud (REST v3) or Data Center (REST v2) as a `Connector`.

    `adapter` is the transport to use; give one with `safe=only_reads`, so that searches are repeated like
    other reads. Without it, one with default time-outs is made. `auth` may sign by itself, as that of
    `tieline.connectors.oauth` does. `clock` tells our time, in UTC.
    """

    def __init__(
        self,
        settings: JiraSettings,
        auth: Auth | AuthBase,
        adapter: HardenedAdapter | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._wire = Wire(settings, auth, adapter, clock)
        self._site = Site(settings, self._wire)
        self._reading = Reading(self._site)
        self._attachments = Attachments(self._site)
        self._relating = Relating(self._site)
        self._comments = Comments(self._site)
        self._finding = Finding(self._site, self._reading)
        self._writing = Writing(self._site, self._reading)
        self._reviewing = Reviewing(self._site, self._reading)

    @property
    def capabilities(self) -> Capabilities:
        """What Jira can do: its statuses move along workflows."""
        return Capabilities("jira", transitions=True, read_batch=BULK_FETCH, create_batch=BULK_CREATE)

    def identity(self) -> Identity:
        """Who Jira says that we are; `Denied` unless it knows us."""
        return self._site.identity()

    def feed(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Everything that changed in the routes' projects; see `tieline.connectors.jira.feed`."""
        self._wire.begin_pass()
        return feed.feed(self._site, cursor, start)

    def read(self, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """The records by id, past the index; `ConfigError` if a configured field does not exist."""
        return self._reading.read(refs)

    def in_scope(self, refs: Sequence[Ref], scope: str) -> frozenset[Ref]:
        """Those that the JQL condition matches; `ConfigError` names a condition that Jira refuses."""
        return self._finding.in_scope(refs, scope)

    def find(self, marker: str, place: str, watermark: str) -> list[Record]:
        """Every record with the marker, by search and by consistent reads above the watermark."""
        return self._finding.find(marker, place, watermark)

    def marked(self, installation: str) -> Iterator[Sequence[Record]]:
        """Every record with a marker of this installation, oldest first, as far as the index has it."""
        return self._finding.marked(installation)

    def lookup(self, label: str) -> Ref | None:
        """The issue of a key, also of one from before a move."""
        return self._finding.lookup(label)

    def watermark(self, place: str) -> str:
        """The highest key number known in the place's project."""
        return self._finding.watermark(place)

    def entities(self, kind: Literal["person", "group"], ids: Sequence[str]) -> list[Entity]:
        """The people or groups behind field values."""
        return people.entities(self._site, kind, ids)

    def search_entities(
        self, kind: Literal["person", "group"], keys: Sequence[str], by: PersonKey = "email"
    ) -> Mapping[str, Entity]:
        """People by e-mail address (Data Center: or user name, or full name), groups by name."""
        return people.search_entities(self._site, kind, keys, by)

    def attachments(self, records: Sequence[Record]) -> list[tuple[Attachment, ...] | ConnectorError]:
        """The files of each record, as the records tell them."""
        return self._attachments.of(records)

    def attached(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Nothing: a file counts as a change of its issue here."""
        return iter(())

    def content(self, file: Attachment) -> Iterator[bytes]:
        """The content of a file, as a stream."""
        return self._attachments.content(file)

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The issues with these ids or keys."""
        return self._relating.targets(kind, keys)

    def seek(self, search: Search) -> list[Target]:
        """The issues that a search finds."""
        return self._relating.seek(search)

    def depends_on(self, cis: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Jira has no configuration items."""
        return {}

    def affected(self, refs: Sequence[Ref]) -> list[Affected]:
        """Jira has no list of affected items."""
        return [Affected() for _ in refs]

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """Jira has no list of affected items: no pages."""
        return iter(())

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        """The global ids of each issue's remote links."""
        return self._relating.remote_ties(refs)

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said on these issues; it came along with those just read, if comments are asked for."""
        return self._comments.conversations(asks)

    def write(self, actions: Sequence[Action]) -> list[Applied | ConnectorError]:
        """Make each write once."""
        return self._writing.write(actions)

    def review(self, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What the changelogs tell about writes that were made, or may have been."""
        return self._reviewing.review(writes)

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()
