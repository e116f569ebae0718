"""What a side tells about itself, for setting up and checking: values, and the port that reads them.

It is apart from `base.py`: a pass never asks for any of this. Nothing here is written, and what an account
is not shown is said to be unseen instead of passing for empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Protocol

from tieline.connectors.base import FieldKind, Identity, Move


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a list: the value that is stored and what people read (Jira: the same word)."""

    value: str
    label: str = ""

    @property
    def words(self) -> str:
        """What people read."""
        return self.label or self.value


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field as the side describes it.

    `type` is the side's own word for it; `kind` how Tieline would read it (None: not at all, "" type: not
    told). `length` is its longest text in characters (None: not told). `options` is what it may hold where
    `listed`. `searchable` is whether search knows it (Jira), `read_only` whether forms show it only.
    """

    id: str
    label: str
    type: str = ""
    kind: FieldKind | None = None
    length: int | None = None
    listed: bool = False
    options: tuple[Option, ...] = ()
    reference: str = ""
    searchable: bool = True
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen's fields, and those that must be filled and have no default."""

    fields: frozenset[str]
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StatusInfo:
    """A status of a workflow. `category` is new, indeterminate or done (Jira: the status category's key)."""

    name: str
    category: str


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """Who answers, and whom it takes us for.

    `limits` holds the headers of a rate limit that its answers carried, by name. `title` is for people.
    """

    identity: Identity
    title: str
    deployment: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A place where incidents may live: a table, or `PROJECT/Issue type`, and what people call it."""

    place: str
    label: str


@dataclass(frozen=True, slots=True)
class LinkWords:
    """A type of issue link (Jira), and how it reads in either direction."""

    name: str
    inward: str
    outward: str


@dataclass(frozen=True, slots=True)
class PlaceInfo:
    """What is known of a place.

    `readable` holds the columns that a record showed (None: there was no record to look at). `used` counts,
    by field, the values of a sample of the newest records. `moves` are the transitions that issues show now,
    by status. `hidden_people` maps the ids of people in the sample whose e-mail address is not shown to us to
    their names. `rights` maps a permission to whether we have it. `matrix` is the priority that comes out of
    (impact, urgency), as the instance looks it up or as the sample shows it. `link_types` are the site's
    types of issue links. `unseen` names what could not be read, with the reason.

    `journals` says why the rows of what is said on incidents are not shown, "" where they are, or none is
    there. `drops_terms` is True where terms of a query that are not understood are left out of it. `behind`
    names records that search does not show as they are, and since when.
    """

    place: str
    fields: Mapping[str, FieldInfo] = field(default_factory=lambda: MappingProxyType({}))
    readable: frozenset[str] | None = None
    statuses: tuple[StatusInfo, ...] = ()
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=lambda: MappingProxyType({}))
    resolutions: tuple[str, ...] = ()
    create: Screen | None = None
    edit: Screen | None = None
    groups: tuple[str, ...] = ()
    used: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    sampled: int = 0
    hidden_people: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rights: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    matrix: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    unseen: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    link_types: tuple[LinkWords, ...] = ()
    journals: str = ""
    drops_terms: bool = False
    behind: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))

    def options(self, name: str) -> tuple[Option, ...]:
        """What a field may hold; nothing where it is not known."""
        found = self.fields.get(name)
        return () if found is None else found.options


@dataclass(frozen=True, slots=True)
class FilesInfo:
    """What is told about the files of a place; None, "" or nothing where it is not told.

    `enabled`: whether files can be attached at all; `attach`: whether we may; `roles`: who may (ServiceNow).
    `limit` is the largest file in bytes, `extensions` are the only ones that are taken. `hidden` says why
    files are not listed for us, `unread` why the content of one that is listed is not shown.
    """

    enabled: bool | None = None
    attach: bool | None = None
    roles: tuple[str, ...] = ()
    limit: int | None = None
    extensions: tuple[str, ...] = ()
    hidden: str = ""
    unread: str = ""


class Inspector(Protocol):
    """Reads what one side tells about itself. Every method may raise what a `Connector` raises."""

    def site(self) -> SiteInfo:
        """Who answers. `Denied` unless the answer is ours, ConfigError if another kind of system does."""

    def places(self) -> Sequence[PlaceName]:
        """Where incidents may live, as far as we are shown."""

    def place(self, place: str, columns: Sequence[str] = ()) -> PlaceInfo:
        """Everything that is told about one place. `columns` are the fields that are mirrored there.

        ConfigError if there is no such place, or it is not shown to us.
        """

    def files(self, place: str) -> FilesInfo:
        """What is told about the files of a place; one of them is read for a try."""

    def astray(self, place: str, names: Sequence[str]) -> Mapping[str, str]:
        """Those of the columns, reached over references or not, that are not there, with the reason."""

    def unread(self) -> str:
        """Why affected items are not shown to us; "" where they are, or where the side has none."""

    def hint(self) -> str:
        """What may explain that we were not let in, as far as strangers are told; "" if nothing does."""

    def close(self) -> None:
        """Let go of connections."""
