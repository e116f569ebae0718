"""The site that is served: people, projects, workflow, fields and options; look-ups but no issues."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from tieline.connectors.sandbox.jira.catalog import (
    CLOUD_ONLY,
    LINK_TYPES,
    SERVER_ONLY,
    SITE_LINK_TYPES,
    SYSTEM_FIELDS,
    custom,
)
from tieline.connectors.sandbox.jira.model import (
    CATEGORIES,
    Deployment,
    Field,
    IssueType,
    LinkType,
    Named,
    Project,
    Status,
    Transition,
    User,
    Workflow,
)


@dataclass(slots=True)
class World:
    """Everything on the site that is not an issue. Names are matched without regard to case, as Jira does."""

    deployment: Deployment
    seed: int
    time_zone: str
    users: dict[str, User] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    priorities: list[Named] = field(default_factory=list)
    resolutions: list[Named] = field(default_factory=list)
    fields: dict[str, Field] = field(default_factory=dict)
    options: dict[str, list[Named]] = field(default_factory=dict)
    link_types: tuple[LinkType, ...] = (*LINK_TYPES, *SITE_LINK_TYPES)
    _handles: dict[str, User] = field(default_factory=dict)

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud."""
        return self.deployment == "cloud"

    def add_user(
        self,
        name: str,
        *,
        email: str = "",
        display: str = "",
        time_zone: str = "",
        email_hidden: bool = False,
        app: bool = False,
    ) -> User:
        """A new person (or app). What is not given is derived from `name`, the user name."""
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).hexdigest()
        user = User(
            id=digest[:24],
            name=name,
            key=f"JIRAUSER{10100 + len(self.users)}",
            display=display or name.replace(".", " ").title(),
            email=email or f"{name}@example.com",
            time_zone=time_zone or self.time_zone,
            kind="app" if app else "atlassian",
            email_hidden=email_hidden,
        )
        self.users[user.id] = user
        for handle in (user.id, user.name, user.key, user.email):
            self._handles[handle.lower()] = user
        return user

    def user(self, handle: str) -> User | None:
        """The user behind an accountId, user name, user key or e-mail address."""
        return self._handles.get(handle.lower())

    def account(self, handle: str) -> User | None:
        """The user behind what an API request may name: an accountId on Cloud, a user name on Data Center."""
        user = self._handles.get(handle.lower())
        return (
            user
            if user is not None and handle.lower() == (user.id if self.cloud else user.name.lower())
            else None
        )

    def project(self, id_or_key: str) -> Project | None:
        """The project with this id or key (or, as JQL allows, name)."""
        wanted = id_or_key.lower()
        return next(
            (p for p in self.projects.values() if wanted in (p.id, p.key.lower(), p.name.lower())), None
        )

    def status(self, name_or_id: str) -> Status | None:
        """The status with this name or id."""
        wanted = name_or_id.lower()
        return next((s for s in self.statuses.values() if wanted in (s.id, s.name.lower())), None)

    def add_status(self, id_: str, name: str, category: str) -> None:
        """A status, in the category with this key."""
        self.statuses[name] = Status(id_, name, next(c for c in CATEGORIES if c.key == category))

    def add_field(self, definition: Field, options: Iterable[str] = ()) -> None:
        """A field, with its options if it is a select, or the teams that it may hold."""
        self.fields[definition.id] = definition
        if definition.kind in ("option", "team"):
            self.options[definition.id] = []
            for value in options:
                self.add_option(definition.id, value)

    def add_option(self, field_id: str, value: str) -> Named:
        """One more option of a select field, or one more team; the one that is there already if it is."""
        found = named(self.options[field_id], value)
        if found is not None:
            return found
        number = str(10200 + sum(map(len, self.options.values())))
        if self.fields[field_id].kind == "team":
            number = str(uuid.UUID(hashlib.sha256(f"{self.seed}:{value}".encode()).hexdigest()[:32]))
        option = Named(number, value)
        self.options[field_id].append(option)
        return option


def named(among: Iterable[Named], name_or_id: str) -> Named | None:
    """The one with this name, or with this id if none has the name."""
    wanted = name_or_id.lower()
    found = list(among)
    by_name = next((n for n in found if n.name.lower() == wanted), None)
    return by_name or next((n for n in found if n.id == name_or_id), None)


_PEOPLE = (
    "abel.tuter",
    "beth.anglin",
    "bow.ruggeri",
    "david.loo",
    "fred.luddy",
    "joe.employee",
    "bud.richman",
    "vip.person",
)
AUTOMATION = "automation"
"""The user name of the app that automations run as."""
GROUPS = ("Service Desk", "Network", "Database", "Hardware", "Software")
_CATEGORY_OPTIONS = ("Inquiry / Help", "Software", "Hardware", "Network", "Database")
_SUBCATEGORIES = (
    "email",
    "internal application",
    "operating system",
    "cpu",
    "disk",
    "keyboard",
    "monitor",
    "ip address",
    "vpn",
    "wireless",
    "db2",
    "oracle",
    "sql server",
)
_SCREEN = (
    "summary", "description", "priority", "assignee", "reporter", "labels", "components", "customfield_10042",
    "customfield_10050", "customfield_10051", "customfield_10052", "customfield_10053",
)  # fmt: skip
_RESOLVING = ("resolution", "customfield_10053")
_REQUIRED = frozenset({"resolution"})


def _incident_workflow() -> Workflow:
    progress = "In Progress"
    return Workflow(
        statuses=("Open", progress, "Waiting", "Blocked", "Resolved", "Closed", "Canceled"),
        initial="Open",
        transitions=(
            Transition("11", "Start", "Open", progress),
            Transition("12", "Back to open", progress, "Open"),
            Transition("61", "Cancel", "Open", "Canceled", ("resolution",), _REQUIRED),
            Transition("62", "Cancel", progress, "Canceled", ("resolution",), _REQUIRED),
            Transition("21", "Wait", progress, "Waiting"),
            Transition("31", "Resume", "Waiting", progress),
            Transition("22", "Block", progress, "Blocked"),
            Transition("32", "Unblock", "Blocked", progress),
            Transition("41", "Resolve", progress, "Resolved", _RESOLVING, _REQUIRED),
            Transition("51", "Close", "Resolved", "Closed", ("customfield_10053",)),
            Transition("52", "Resolve and close", progress, "Closed", _RESOLVING, _REQUIRED),
            Transition("71", "Reopen", "Resolved", progress, clears=_REQUIRED),
            Transition("72", "Reopen", "Closed", progress, clears=_REQUIRED),
            Transition("73", "Reopen", "Canceled", progress, clears=_REQUIRED),
        ),
    )


def _bug_workflow() -> Workflow:
    return Workflow(
        statuses=("Open", "In Progress", "Closed"),
        initial="Open",
        transitions=(
            Transition("11", "Start", "Open", "In Progress"),
            Transition("21", "Close", "In Progress", "Closed", ("resolution",), _REQUIRED),
            Transition("31", "Reopen", "Closed", "In Progress", clears=_REQUIRED),
        ),
    )


def seed_people(world: World) -> None:
    """The people that the stand-ins of both systems share, and the app user that automation runs as."""
    for name in _PEOPLE:
        if world.user(name) is None:
            world.add_user(name)
    if world.user(AUTOMATION) is None:
        world.add_user(
            AUTOMATION, display="Automation for Jira", email="automation@apps.example.com", app=True
        )


def seed_site(world: World) -> None:
    """Projects OPS and DEV with their workflows, screens, fields and options."""
    for number, (name, category) in enumerate((
        ("Open", "new"), ("In Progress", "indeterminate"), ("Waiting", "indeterminate"),
        ("Blocked", "indeterminate"), ("Resolved", "done"), ("Closed", "done"), ("Canceled", "done"),
    )):  # fmt: skip
        world.add_status(str(10001 + number), name, category)
    colors = ("#d04437", "#f15C75", "#f79232", "#707070", "#999999")
    for number, name in enumerate(("Highest", "High", "Medium", "Low", "Lowest")):
        icon = f"/images/icons/priorities/{name.lower()}.svg"
        world.priorities.append(Named(str(number + 1), name, icon=icon, color=colors[number]))
    for number, name in enumerate(("Done", "Workaround", "Duplicate", "Won't Do")):
        world.resolutions.append(Named(str(10000 + number), name))
    _seed_fields(world)
    incident = IssueType("10100", "Incident", "A service is down or degraded.", 10306, _incident_workflow())
    bug = IssueType("10101", "Bug", "A problem or error.", 10303, _bug_workflow())
    world.projects["OPS"] = Project("10000", "OPS", "Operations", (incident,), _SCREEN)
    problem = IssueType("10102", "Problem", "What is behind incidents.", 10307, _bug_workflow())
    change = IssueType("10103", "Change", "A change of a service.", 10308, _bug_workflow())
    world.projects["SVC"] = Project("10002", "SVC", "Service management", (problem, change), _SCREEN, 10402)
    world.projects["DEV"] = Project("10001", "DEV", "Development", (bug,), _SCREEN, 10401)


def _seed_fields(world: World) -> None:
    for definition in SYSTEM_FIELDS:
        if definition.id not in (SERVER_ONLY if world.cloud else CLOUD_ONLY):
            world.add_field(definition)
    world.add_field(custom(10042, "Tieline marker", "line"))
    world.add_field(custom(10050, "Support group", "option"), GROUPS)
    world.add_field(custom(10051, "Category", "option"), _CATEGORY_OPTIONS)
    world.add_field(custom(10052, "Subcategory", "option"), _SUBCATEGORIES)
    world.add_field(custom(10053, "Close notes", "text"))
