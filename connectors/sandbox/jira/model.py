"""What the Jira stand-in keeps: people, workflow, fields, issues and their history; values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Deployment = Literal["cloud", "datacenter"]
CategoryKey = Literal["new", "indeterminate", "done"]
FieldKind = Literal[
    "line", "text", "priority", "resolution", "user", "labels", "components", "option", "team", "fixed"
]
"""How a field's value is kept. `fixed` fields belong to the system and no screen carries them."""


@dataclass(frozen=True, slots=True)
class Category:
    """A status category: Jira's own, the same on every site. `id` is a number on the wire."""

    id: int
    key: CategoryKey
    name: str
    color: str


CATEGORIES: tuple[Category, ...] = (
    Category(2, "new", "To Do", "blue-gray"),
    Category(4, "indeterminate", "In Progress", "yellow"),
    Category(3, "done", "Done", "green"),
)


@dataclass(frozen=True, slots=True)
class Named:
    """Something with an id and a name: a priority, resolution, option, component or link direction."""

    id: str
    name: str
    description: str = ""
    icon: str = ""
    color: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A workflow status."""

    id: str
    name: str
    category: Category
    description: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow of a workflow, from one status to another.

    `screen` names the fields that it takes besides a comment (empty: it has no screen); `required` those that
    its validators ask for; `clears` the fields that a post function empties.
    """

    id: str
    name: str
    source: str
    target: str
    screen: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    clears: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Workflow:
    """The statuses of one issue type, by name, where issues start, and the arrows between them."""

    statuses: tuple[str, ...]
    initial: str
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class IssueType:
    """An issue type and the workflow it follows."""

    id: str
    name: str
    description: str
    avatar: int
    workflow: Workflow


@dataclass(frozen=True, slots=True)
class Project:
    """A project. `screen` holds the fields of its create and edit screens."""

    id: str
    key: str
    name: str
    issue_types: tuple[IssueType, ...]
    screen: tuple[str, ...]
    avatar: int = 10400
    components: tuple[Named, ...] = ()
    kind: str = "software"
    """The project's type; customers read public comments of a `service_desk`."""


@dataclass(frozen=True, slots=True)
class User:
    """A person or an app. `id` is the accountId (Cloud); `name` and `key` are Data Center's."""

    id: str
    name: str
    key: str
    display: str
    email: str
    time_zone: str
    active: bool = True
    kind: Literal["atlassian", "app"] = "atlassian"
    email_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field as `GET /field` describes it. `items` is the element type of an array field."""

    id: str
    name: str
    type: str
    kind: FieldKind = "fixed"
    items: str = ""
    custom: str = ""
    clauses: tuple[str, ...] = ()
    navigable: bool = True
    orderable: bool = False

    @property
    def is_custom(self) -> bool:
        """Whether somebody made it, as opposed to Jira."""
        return bool(self.custom)


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A long text. `wiki` is its wiki markup; `adf` the document as written, None if it never was one."""

    wiki: str
    adf: Mapping[str, Any] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and self.wiki == other.wiki

    def __hash__(self) -> int:
        return hash(self.wiki)


Value = str | Text | Named | User | tuple[str, ...] | tuple[Named, ...] | None
"""One field's value: a line, a text, something named, a person, labels, components, or nothing."""


@dataclass(frozen=True, slots=True)
class State:
    """An issue at one moment; replaced as a whole by every edit. Times are UTC, whole milliseconds."""

    id: int
    key: str
    project: Project
    type: IssueType
    status: Status
    values: Mapping[str, Value]
    creator: User
    created: datetime
    updated: datetime
    status_since: datetime
    resolved: datetime | None = None
    revision: int = 0

    @property
    def number(self) -> int:
        """The part of the key after the dash."""
        return int(self.key.rpartition("-")[2])


@dataclass(frozen=True, slots=True)
class Item:
    """One changed field in a history entry; `origin` and `target` are ids, the others what people read."""

    field: str
    field_id: str
    custom: bool
    origin: str | None
    origin_text: str | None
    target: str | None
    target_text: str | None


@dataclass(frozen=True, slots=True)
class History:
    """One entry of an issue's changelog."""

    id: int
    author: User
    created: datetime
    items: tuple[Item, ...]


@dataclass(slots=True)
class Comment:
    """A comment; its properties carry, among others, whether customers may see it."""

    id: int
    author: User
    body: Text
    created: datetime
    updated: datetime
    update_author: User
    properties: dict[str, Any] = field(default_factory=dict)
    visibility: dict[str, Any] = field(default_factory=dict)
    """The role or group that it is restricted to; empty for everybody who sees the issue."""

    @property
    def public(self) -> bool:
        """Whether a customer may read it: yes, unless the property `sd.public.comment` says internal."""
        flag = self.properties.get("sd.public.comment")
        return not (isinstance(flag, dict) and flag.get("internal") is True)


@dataclass(slots=True)
class Attachment:
    """A file on an issue; one of the same name does not replace it. `token` opens it on the media host."""

    id: int
    name: str
    kind: str
    content: bytes
    author: User
    created: datetime
    token: str = ""


@dataclass(slots=True)
class RemoteLink:
    """A link to something outside; `global_id` makes writing it again an update."""

    id: int
    global_id: str | None
    application: Mapping[str, Any]
    relationship: str | None
    object: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LinkType:
    """A type of issue link, with its reading in either direction."""

    id: str
    name: str
    inward: str
    outward: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link between two issues, by their ids: `inward` <type.outward> `outward`, in the API's own terms."""

    id: int
    type: LinkType
    inward: int
    outward: int


@dataclass(slots=True)
class Issue:
    """An issue: its state, and what hangs on it."""

    state: State
    histories: list[History] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    remote_links: list[RemoteLink] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    watchers: list[User] = field(default_factory=list)
    hidden: bool = False


class ApiError(Exception):
    """A refusal in Jira's words: status, messages about the request, and messages by field."""

    def __init__(
        self, status: int, messages: tuple[str, ...] = (), errors: Mapping[str, str] | None = None
    ) -> None:
        super().__init__("; ".join([*messages, *(f"{k}: {v}" for k, v in (errors or {}).items())]))
        self.status = status
        self.messages = messages
        self.errors = dict(errors or {})

    @property
    def body(self) -> dict[str, Any]:
        """Jira's error collection."""
        return {"errorMessages": list(self.messages), "errors": self.errors}


def not_found() -> ApiError:
    """The one answer for an issue that is missing, deleted or hidden."""
    return ApiError(404, ("Issue does not exist or you do not have permission to see it.",))


def bad_payload() -> ApiError:
    """The refusal of a body with the wrong shape."""
    return ApiError(400, ("Invalid request payload. Refer to the REST API documentation and try again.",))
