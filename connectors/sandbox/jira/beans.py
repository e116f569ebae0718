"""The small objects of Jira's answers: people, statuses, projects and the like; issues are elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from tieline.connectors.sandbox.jira import dates
from tieline.connectors.sandbox.jira.model import (
    Attachment,
    Category,
    Field,
    IssueType,
    LinkType,
    Named,
    Project,
    Status,
    User,
)
from tieline.connectors.sandbox.jira.world import World

Bean = dict[str, Any]
_SIZES: Final = (("48x48", ""), ("24x24", "small"), ("16x16", "xsmall"), ("32x32", "medium"))


@dataclass(slots=True)
class View:
    """How one caller sees the site: base URL, API version, time zone. Serialized parts are kept for reuse."""

    world: World
    base: str
    version: str
    zone: ZoneInfo
    _parts: dict[tuple[str, str], orjson.Fragment] = field(default_factory=dict)

    @property
    def adf(self) -> bool:
        """Whether long texts are documents (REST v3) rather than wiki markup."""
        return self.version == "3"

    @property
    def api(self) -> str:
        """The root that `self` links start with."""
        return f"{self.base}/rest/api/{self.version}"

    def date(self, instant: datetime) -> str:
        """A timestamp in the caller's zone."""
        return dates.stamp(instant, self.zone)

    def part(self, kind: str, key: str, make: Callable[[], Bean | list[Bean]]) -> orjson.Fragment:
        """A bean that never changes, serialized once for this view."""
        found = self._parts.get((kind, key))
        if found is None:
            found = self._parts[kind, key] = orjson.Fragment(orjson.dumps(make()))
        return found

    # People

    def user(self, user: User) -> Bean:
        """A user as issues show them."""
        if not self.world.cloud:
            return self._named_user(user)
        bean = {"self": f"{self.api}/user?accountId={user.id}", "accountId": user.id}
        if not user.email_hidden:
            bean["emailAddress"] = user.email
        initials = "".join(word[0] for word in user.display.split()[:2]).upper()
        url = (
            f"https://avatar-management--avatars.us-west-2.prod.public.atl-paas.net/initials/{initials}-1.png"
        )
        return bean | {
            "avatarUrls": {size: url for size, _ in _SIZES},
            "displayName": user.display,
            "active": user.active,
            "timeZone": user.time_zone,
            "accountType": user.kind,
        }

    def _named_user(self, user: User) -> Bean:
        avatars = {
            size: f"{self.base}/secure/useravatar?{f'size={name}&' if name else ''}avatarId=10122"
            for size, name in _SIZES
        }
        return {
            "self": f"{self.api}/user?username={user.name}",
            "name": user.name,
            "key": user.key,
            "emailAddress": user.email,
            "avatarUrls": avatars,
            "displayName": user.display,
            "active": user.active,
            "timeZone": user.time_zone,
        }

    def found_user(self, user: User) -> Bean:
        """A user as the user resources show them."""
        extra: Bean = {"locale": "en_US"} if self.world.cloud else {"deleted": False, "locale": "en_US"}
        return self.user(user) | extra

    def full_user(self, user: User) -> Bean:
        """A user with the heads of their groups and roles."""
        return self.found_user(user) | {
            "groups": {"size": 1, "items": []},
            "applicationRoles": {"size": 1, "items": []},
            "expand": "groups,applicationRoles",
        }

    def user_part(self, user: User) -> orjson.Fragment:
        """A user as issues show them, serialized."""
        return self.part("user", user.id, lambda: self.user(user))

    # Workflow

    def category(self, category: Category) -> Bean:
        """A status category."""
        return {
            "self": f"{self.api}/statuscategory/{category.id}", "id": category.id, "key": category.key,
            "colorName": category.color, "name": category.name,
        }  # fmt: skip

    def listed_status(self, status: Status) -> Bean:
        """A status as the status resources list it."""
        bean = self.status(status)
        return bean | {"untranslatedName": status.name} if self.world.cloud else bean

    def status(self, status: Status) -> Bean:
        """A status with its category."""
        return {
            "self": f"{self.api}/status/{status.id}",
            "description": status.description,
            "iconUrl": f"{self.base}/"
            if self.world.cloud
            else f"{self.base}/images/icons/statuses/generic.png",
            "name": status.name,
            "id": status.id,
            "statusCategory": self.category(status.category),
        }

    def priority(self, priority: Named) -> Bean:
        """A priority as issues show it."""
        return {
            "self": f"{self.api}/priority/{priority.id}", "iconUrl": f"{self.base}{priority.icon}",
            "name": priority.name, "id": priority.id,
        }  # fmt: skip

    def full_priority(self, priority: Named) -> Bean:
        """A priority as the priority resource shows it."""
        return {
            "self": f"{self.api}/priority/{priority.id}",
            "statusColor": priority.color,
            "description": priority.description,
            "iconUrl": f"{self.base}{priority.icon}",
            "name": priority.name,
            "id": priority.id,
        }

    def resolution(self, resolution: Named) -> Bean:
        """A resolution."""
        return {
            "self": f"{self.api}/resolution/{resolution.id}", "id": resolution.id,
            "description": resolution.description, "name": resolution.name,
        }  # fmt: skip

    def option(self, option: Named) -> Bean:
        """An option of a select field."""
        bean = {"self": f"{self.api}/customFieldOption/{option.id}", "value": option.name, "id": option.id}
        return bean if self.world.cloud else bean | {"disabled": False}

    def team(self, team: Named) -> Bean:
        """An Atlassian team as issues show it."""
        return {
            "id": team.id, "name": team.name, "avatarUrl": "", "isVisible": True, "isVerified": False,
            "title": team.name, "isShared": True,
        }  # fmt: skip

    def component(self, component: Named) -> Bean:
        """A component as issues show it."""
        return {"self": f"{self.api}/component/{component.id}", "id": component.id, "name": component.name}

    def issue_type(self, type_: IssueType) -> Bean:
        """An issue type."""
        cloud = self.world.cloud
        icon = (
            f"/rest/api/2/universal_avatar/view/type/issuetype/avatar/{type_.avatar}?size=medium"
            if cloud else f"/secure/viewavatar?size=xsmall&avatarId={type_.avatar}&avatarType=issuetype"
        )  # fmt: skip
        bean = {
            "self": f"{self.api}/issuetype/{type_.id}", "id": type_.id, "description": type_.description,
            "iconUrl": self.base + icon, "name": type_.name, "subtask": False, "avatarId": type_.avatar,
        }  # fmt: skip
        return bean | {"hierarchyLevel": 0} if cloud else bean

    def project(self, project: Project) -> Bean:
        """A project as issues show it."""
        bean = {
            "self": f"{self.api}/project/{project.id}",
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": project.kind,
        }
        if self.world.cloud:
            root = f"{self.api}/universal_avatar/view/type/project/avatar/{project.avatar}"
            avatars = {size: f"{root}?size={name}" if name else root for size, name in _SIZES}
            return bean | {"simplified": False, "avatarUrls": avatars}
        root = f"{self.base}/secure/projectavatar"
        return bean | {
            "avatarUrls": {
                s: f"{root}?{f'size={n}&' if n else ''}avatarId={project.avatar}" for s, n in _SIZES
            }
        }

    def link_type(self, type_: LinkType) -> Bean:
        """A type of issue link."""
        return {
            "id": type_.id, "name": type_.name, "inward": type_.inward, "outward": type_.outward,
            "self": f"{self.api}/issueLinkType/{type_.id}",
        }  # fmt: skip

    def attachment(self, attachment: Attachment, *, alone: bool = False) -> Bean:
        """An attachment; its id is a number where it is asked for `alone` on Cloud, a string in lists."""
        cloud = self.world.cloud
        where = (
            f"{self.api}/attachment/content/{attachment.id}"
            if cloud else f"{self.base}/secure/attachment/{attachment.id}/{attachment.name}"
        )  # fmt: skip
        return {
            "self": f"{self.api}/attachment/{attachment.id}",
            "id": attachment.id if alone and cloud else str(attachment.id),
            "filename": attachment.name,
            "author": self.user(attachment.author),
            "created": self.date(attachment.created),
            "size": len(attachment.content),
            "mimeType": attachment.kind,
            "content": where,
        }

    # Fields

    def schema(self, definition: Field) -> Bean:
        """The type of a field."""
        bean: Bean = {"type": definition.type}
        if definition.items:
            bean["items"] = definition.items
        if definition.is_custom:
            number = int(definition.id.removeprefix("customfield_"))
            return bean | {"custom": definition.custom, "customId": number}
        return bean | {"system": definition.id}

    def field(self, definition: Field) -> Bean:
        """A field as `GET /field` lists it."""
        bean: Bean = {"id": definition.id}
        if self.world.cloud:
            bean["key"] = definition.id
        return bean | {
            "name": definition.name, "custom": definition.is_custom, "orderable": definition.orderable,
            "navigable": definition.navigable, "searchable": bool(definition.clauses),
            "clauseNames": list(definition.clauses), "schema": self.schema(definition),
        }  # fmt: skip

    def field_meta(self, definition: Field, project: Project, *, required: bool) -> Bean:
        """A field of a screen: its type, and what may be put into it."""
        bean: Bean = {
            "required": required,
            "schema": self.schema(definition),
            "name": definition.name,
            "key": definition.id,
            "hasDefaultValue": definition.id == "priority",
            "operations": ["add", "set", "remove"]
            if definition.kind in ("labels", "components")
            else ["set"],
        }
        choices = self._choices(definition, project)
        if choices is not None:
            bean["allowedValues"] = choices
        if definition.id == "priority":
            bean["defaultValue"] = self.priority(self.world.priorities[len(self.world.priorities) // 2])
        if definition.kind == "user":
            resource = "user/recommend?context=Reporter" if self.world.cloud else "user/search?username="
            bean["autoCompleteUrl"] = f"{self.api}/{resource}"
        return bean

    def _choices(self, definition: Field, project: Project) -> list[Bean] | None:
        match definition.kind:
            case "priority":
                return [self.priority(p) for p in self.world.priorities]
            case "resolution":
                return [self.resolution(r) for r in self.world.resolutions]
            case "option":
                return [self.option(o) for o in self.world.options[definition.id]]
            case "components":
                return [self.component(c) for c in project.components]
            case _:
                return None
