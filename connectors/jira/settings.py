"""What a Jira connector needs to know: where Jira is, which fields count, how far its feed reaches back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Literal

from tieline.connectors.base import FieldKind
from tieline.connectors.errors import ConfigError

Deployment = Literal["cloud", "datacenter"]

BULK_FETCH: Final = 100
"""Issues in one bulk fetch (Jira Cloud REST v3, "Bulk fetch issues")."""
BULK_CREATE: Final = 50
"""Issues in one bulk create (Jira REST, "Bulk create issue")."""
RECONCILE: Final = 50
"""Ids that one search makes consistent (Jira Cloud REST v3, "Search and reconcile")."""
LABELS: Final = "labels"
WATCHES: Final = "watches"
"""The field of watchers: an issue tells their number, and an operation of its own who they are."""

_CUSTOM: Final = re.compile(r"customfield_\d+")


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """One Jira. `places` are the projects and issue types of all routes; `fields` what is read and written.

    `url` is where people open Jira; requests go to `api_url`, where it differs (scoped API tokens of Cloud
    want `https://api.atlassian.com/ex/jira/CLOUD_ID`). `marker` is the id of a single-line text field, or
    "labels". `overlap` is how far each look at the feed reaches back, `page_size` how many entries one page
    of it asks for, `concurrency` how many requests run at once. With `attachments`, issues are read with
    their files; with `ties`, the names of types of issue links, with their links of these types; with
    `comments`, with their comments. `restriction` names a role or group ("role", name) that internal comments
    are shown to; `unrestricted_public` tells that customers read what is not restricted, where the project
    is no service desk.
    """

    url: str
    deployment: Deployment
    places: tuple[tuple[str, str], ...]
    fields: Mapping[str, FieldKind]
    marker: str
    overlap: timedelta = timedelta(minutes=5)
    page_size: int = 100
    concurrency: int = 8
    api_url: str = ""
    link_application: str = field(default="ServiceNow")
    attachments: bool = False
    ties: frozenset[str] = frozenset()
    comments: bool = False
    restriction: tuple[str, str] | None = None
    unrestricted_public: bool = False

    def __post_init__(self) -> None:
        if self.marker != LABELS and not _CUSTOM.fullmatch(self.marker):
            raise ConfigError(f"jira.marker: {self.marker!r} is neither a customfield_… nor labels")
        if self.overlap < timedelta(0) or self.page_size < 1 or self.concurrency < 1:
            raise ConfigError("jira: overlap, page_size and concurrency must be positive")
        object.__setattr__(self, "url", self.url.rstrip("/"))
        object.__setattr__(self, "api_url", (self.api_url or self.url).rstrip("/"))
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud; otherwise it is Data Center."""
        return self.deployment == "cloud"

    @property
    def projects(self) -> tuple[str, ...]:
        """The project keys of all places, each once, in order."""
        return tuple(dict.fromkeys(project for project, _ in self.places))


def project_of(place: str) -> str:
    """The project key of a place `PROJECT/Issue type`."""
    return place.partition("/")[0]


def issue_type_of(place: str) -> str:
    """The issue type's name of a place `PROJECT/Issue type`."""
    return place.partition("/")[2]


def quoted(value: str) -> str:
    """`value` as a quoted word of JQL (Atlassian: "Advanced searching: characters and words")."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
