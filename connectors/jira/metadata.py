"""Reads what a Jira tells about a project and issue type: fields, screens, workflow as issues show it.

Transitions are read off issues that are there, one a status; none is ever tried.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from requests.auth import AuthBase

from tieline.connectors.auth import Auth
from tieline.connectors.base import FieldKind, Move
from tieline.connectors.errors import ConfigError, ConnectorError, Denied, Gone, Malformed
from tieline.connectors.http import HardenedAdapter
from tieline.connectors.jira.behind import behind
from tieline.connectors.jira.files_told import files_told
from tieline.connectors.jira.outside import cloud_id_of, deployment_of
from tieline.connectors.jira.people import person
from tieline.connectors.jira.records import move_of
from tieline.connectors.jira.searching import Query, page
from tieline.connectors.jira.settings import JiraSettings, issue_type_of, project_of, quoted
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.values import Field, decode, field_of
from tieline.connectors.jira.wire import Clock, Refusal, Wire, segment
from tieline.connectors.metadata import (
    FieldInfo,
    FilesInfo,
    LinkWords,
    Option,
    PlaceInfo,
    PlaceName,
    Screen,
    SiteInfo,
    StatusInfo,
)

SAMPLE: Final = 100
"""Newest issues that are looked at for what is in use."""
LINE_LENGTH: Final = 255
"""Longest text of one line (Jira: summary and single-line text fields)."""
TEXT_LENGTH: Final = 32_767
"""Longest text of several lines (Jira Cloud; the usual limit of Data Center)."""
PERMISSIONS: Final = (
    "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "RESOLVE_ISSUES", "ASSIGN_ISSUES",
    "LINK_ISSUES", "ADD_COMMENTS",
)  # fmt: skip
_PAGE: Final = 50
_LISTED: Final = {"option", "priority", "resolution", "option-with-child"}


class JiraInspector:
    """Reads what one Jira tells, as `Inspector` promises."""

    def __init__(
        self,
        settings: JiraSettings,
        auth: Auth | AuthBase,
        adapter: HardenedAdapter,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._adapter = adapter
        self._clock = clock
        self._wire = Wire(settings, auth, adapter, clock)
        self._site = Site(settings, self._wire)

    def site(self) -> SiteInfo:
        """Who we are there, and which Jira it is. ConfigError if it is not of the configured kind."""
        configured = self._site.settings.deployment
        told = deployment_of(self._adapter)
        if told not in ("", configured):
            raise ConfigError(f"the configuration says {configured}, the server says {told}")
        identity = self._site.identity()
        info = self._get("Jira's version", "serverInfo")
        version = info.get("version", "") if isinstance(info, Mapping) else ""
        name = "Cloud" if configured == "cloud" else "Data Center"
        return SiteInfo(identity, f"Jira {name} {version}".strip(), configured, self._adapter.limits)

    def places(self) -> Sequence[PlaceName]:
        """Every project with each of its issue types."""
        return [
            PlaceName(f"{key}/{type_['name']}", f"{name}, {type_['name']}")
            for key, name in self._projects()
            for type_ in self._types(key)
        ]

    def _projects(self) -> Iterator[tuple[str, str]]:
        if not self._site.settings.cloud:
            found = self._get("Jira's projects", "project")
        else:
            found = self._paged("Jira's projects", "project/search", ("values",))
        for project in found if isinstance(found, list) else []:
            yield str(project.get("key")), str(project.get("name"))

    def _types(self, project: str) -> list[Mapping[str, Any]]:
        """The issue types of a project with their statuses."""
        found = self._get(f"project {project}", f"project/{segment(project)}/statuses")
        return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []

    def place(self, place: str, columns: Sequence[str] = ()) -> PlaceInfo:
        """What is told about one project and issue type. ConfigError if it is not shown to us."""
        seen: dict[str, str] = {}
        type_ = self._type(place)
        statuses = tuple(
            StatusInfo(str(s["name"]), str((s.get("statusCategory") or {}).get("key", "")))
            for s in type_.get("statuses", ())
        )
        raw = {str(each.get("id")): each for each in self._wire.fields("Jira's fields")}
        described = {id_: field_of(each) for id_, each in raw.items()}
        create, metas = self._create_screen(place, seen)
        fields = {id_: _field(field, raw[id_], metas.get(id_)) for id_, field in described.items()}
        sample = self._sample(place, sorted({*columns, *_listed(fields)} & set(fields)))
        by_status = self._one_of_each(place, statuses, sample)
        return PlaceInfo(
            place=place,
            fields=self._with_lists(fields),
            statuses=statuses,
            moves={name: self._moves(id_) for name, id_ in by_status.items()},
            resolutions=self._names("resolution"),
            create=create,
            edit=self._edit_screen(next(iter(by_status.values()), ""), seen),
            used=self._used(sample, described, fields),
            sampled=len(sample),
            hidden_people=_hidden(sample, columns),
            rights=self._rights(project_of(place), seen),
            unseen=seen,
            link_types=self._link_types(seen),
            behind=self._behind(place, seen),
        )

    def _type(self, place: str) -> Mapping[str, Any]:
        project, wanted = project_of(place), issue_type_of(place)
        try:
            types = self._types(project)
        except (Gone, Malformed) as error:
            known = ", ".join(key for key, _ in self._projects()) or "none"
            raise ConfigError(
                f"Jira shows this account no project {project} (it shows {known}): {error}"
            ) from None
        for type_ in types:
            if str(type_.get("name")).casefold() == wanted.casefold():
                return type_
        known = ", ".join(str(type_.get("name")) for type_ in types)
        raise ConfigError(f"project {project} has no issue type {wanted!r}; it has {known}")

    # Screens

    def _create_screen(
        self, place: str, seen: dict[str, str]
    ) -> tuple[Screen | None, dict[str, Mapping[str, Any]]]:
        """Jira REST: "Get create field metadata for a project and issue type id"."""
        root = f"issue/createmeta/{segment(project_of(place))}/issuetypes"
        wanted = issue_type_of(place).casefold()
        try:
            types = self._paged("the create screen", root, ("issueTypes", "values"))
            ids = [str(t["id"]) for t in types if str(t.get("name")).casefold() == wanted]
            if not ids:
                seen["the create screen"] = "this account may not create issues of this type"
                return None, {}
            metas = self._paged("the create screen", f"{root}/{ids[0]}", ("fields", "values"))
        except (Denied, Gone, Malformed) as error:
            seen["the create screen"] = str(error)
            return None, {}
        by_id: dict[str, Mapping[str, Any]] = {str(m.get("fieldId") or m.get("key")): m for m in metas}
        return _screen(by_id), by_id

    def _edit_screen(self, id_: str, seen: dict[str, str]) -> Screen | None:
        if not id_:
            seen["the edit screen"] = "there is no issue yet that would show it"
            return None
        try:
            answer = self._get("the edit screen", f"issue/{segment(id_)}/editmeta")
        except (Denied, Gone, Malformed) as error:
            seen["the edit screen"] = str(error)
            return None
        fields = answer.get("fields") if isinstance(answer, Mapping) else None
        return _screen(fields) if isinstance(fields, Mapping) else None

    # Issues as samples

    def _sample(self, place: str, names: Sequence[str]) -> list[dict[str, Any]]:
        return self._newest(f"{_clause(place)} ORDER BY created DESC", ("status", *names), SAMPLE)

    def _newest(self, jql: str, names: Sequence[str], limit: int) -> list[dict[str, Any]]:
        try:
            return page(self._site, Query("the newest issues", jql, tuple(names), limit)).issues
        except Refusal as refusal:
            raise Malformed(str(refusal)) from None

    def _one_of_each(
        self, place: str, statuses: Sequence[StatusInfo], sample: Sequence[Mapping[str, Any]]
    ) -> dict[str, str]:
        """An issue in each status, where there is one: from the sample, else searched for."""
        found: dict[str, str] = {}
        for issue in sample:
            found.setdefault(str(((issue.get("fields") or {}).get("status") or {}).get("name")), issue["id"])
        if len(sample) >= SAMPLE:
            for status in statuses:
                if status.name not in found:
                    jql = f"{_clause(place)} AND status = {quoted(status.name)} ORDER BY created DESC"
                    for issue in self._newest(jql, ("status",), 1):
                        found[status.name] = issue["id"]
        return found

    def _moves(self, id_: str) -> tuple[Move, ...]:
        params = {"expand": "transitions.fields"}
        try:
            answer = self._get("open transitions", f"issue/{segment(id_)}/transitions", params)
        except (Gone, Denied):
            return ()
        listed = answer.get("transitions") if isinstance(answer, Mapping) else None
        return tuple(move_of(transition) for transition in listed or ())

    def _used(
        self,
        sample: Sequence[Mapping[str, Any]],
        described: Mapping[str, Field],
        fields: Mapping[str, FieldInfo],
    ) -> dict[str, dict[str, int]]:
        counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        cloud = self._site.settings.cloud
        for issue in sample:
            for name, value in (issue.get("fields") or {}).items():
                field, info = described.get(name), fields.get(name)
                kind = "choice" if name == "status" else info.kind if info else None
                if field is None or kind in (None, "text") or value is None:
                    continue
                read = decode(field, kind or "line", value, cloud=cloud)
                counted[name].update(read if isinstance(read, frozenset) else [read] if read else [])
        return {name: dict(counts.most_common()) for name, counts in counted.items()}

    # Lists and rights

    def _names(self, what: str) -> tuple[str, ...]:
        found = self._get(f"Jira's list of {what}", what)
        return tuple(str(each.get("name")) for each in found) if isinstance(found, list) else ()

    def _link_types(self, seen: dict[str, str]) -> tuple[LinkWords, ...]:
        """The site's types of issue links; none where linking is switched off."""
        try:
            found = self._get("Jira's types of issue links", "issueLinkType")
        except Denied:
            raise
        except ConnectorError as error:
            seen["the types of issue links"] = str(error)
            return ()
        listed = found.get("issueLinkTypes") if isinstance(found, Mapping) else None
        return tuple(
            LinkWords(str(each.get("name")), str(each.get("inward")), str(each.get("outward")))
            for each in listed or ()
        )

    def _with_lists(self, fields: dict[str, FieldInfo]) -> dict[str, FieldInfo]:
        """The fields, with the site's priorities where the project's screen tells none of its own."""
        known = fields.get("priority")
        if known is not None and not known.options:
            options = tuple(map(Option, self._names("priority")))
            fields["priority"] = FieldInfo("priority", known.label, known.type, "choice", None, True, options)
        return fields

    def _rights(self, project: str, seen: dict[str, str]) -> dict[str, bool]:
        """Jira REST: "Get my permissions"."""
        params = {"projectKey": project, "permissions": ",".join(PERMISSIONS)}
        try:
            answer = self._get("our permissions", "mypermissions", params)
        except ConnectorError as error:
            seen["our permissions"] = str(error)
            return {}
        told = answer.get("permissions") if isinstance(answer, Mapping) else None
        known = told if isinstance(told, Mapping) else {}
        return {
            name: known[name].get("havePermission") is True
            for name in PERMISSIONS
            if isinstance(known.get(name), Mapping)
        }

    def _paged(self, what: str, path: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """All entries of a resource that pages by offset; Cloud and Data Center name the list differently."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self._get(what, path, {"startAt": len(found), "maxResults": _PAGE})
            if not isinstance(answer, Mapping):
                raise Malformed(f"{what}: the answer is no object")
            lists = (answer[name] for name in names if isinstance(answer.get(name), list))
            entries: list[Any] = next(lists, [])
            found += [entry for entry in entries if isinstance(entry, dict)]
            total, last = answer.get("total"), answer.get("isLast")
            if not entries or last is True or (isinstance(total, int) and len(found) >= total):
                return found
            if total is None and last is None and len(entries) < _PAGE:
                return found

    def _get(self, what: str, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a GET; Malformed also where Jira says that it was asked for something wrong."""
        try:
            return self._wire.get(what, path, params)
        except Refusal as refusal:
            raise Malformed(str(refusal)) from None

    def _behind(self, place: str, seen: dict[str, str]) -> Mapping[str, timedelta]:
        """What search does not show as it is, by Jira's own clock."""
        try:
            return behind(self._site, project_of(place), self._clock() + self._adapter.skew)
        except Refusal as refusal:
            seen["the search index"] = str(refusal)
            return {}

    def files(self, place: str) -> FilesInfo:
        """What is told about the files of a project and issue type."""
        return files_told(self._site, self._get, place)

    def unread(self) -> str:
        """There is no list of affected items here."""
        return ""

    def astray(self, place: str, names: Sequence[str]) -> Mapping[str, str]:
        """Jira's fields are not reached over references: those that it does not list."""
        known = {str(each.get("id")) for each in self._wire.fields("Jira's fields")}
        return {name: "Jira lists no such field" for name in names if known and name not in known}

    def hint(self) -> str:
        """A scoped token is refused by the site itself: only the gateway knows it (Jira Cloud)."""
        settings = self._site.settings
        if not settings.cloud or self._adapter.settings.base_url.rstrip("/") != settings.url.rstrip("/"):
            return ""
        id_ = cloud_id_of(self._adapter)
        return f'if the token has scopes, set cloud_id = "{id_}": the site refuses it' if id_ else ""

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()


def _clause(place: str) -> str:
    return f"project = {quoted(project_of(place))} AND issuetype = {quoted(issue_type_of(place))}"


def _screen(metas: Mapping[str, Mapping[str, Any]]) -> Screen:
    required = {
        name for name, meta in metas.items() if meta.get("required") and not meta.get("hasDefaultValue")
    }
    return Screen(frozenset(metas), frozenset(required - {"project", "issuetype"}))


def _hidden(sample: Iterable[Mapping[str, Any]], names: Sequence[str]) -> dict[str, str]:
    """People in these fields whose e-mail address is not shown to us (Jira Cloud: profile visibility)."""
    held = ((issue.get("fields") or {}).get(name) for issue in sample for name in names)
    people = [person(value) for value in held if isinstance(value, Mapping) and "displayName" in value]
    return {entity.id: entity.name for entity in people if not entity.email}


def _listed(fields: Mapping[str, FieldInfo]) -> list[str]:
    return [name for name, info in fields.items() if info.listed or info.kind in ("person", "set")]


def _field(field: Field, raw: Mapping[str, Any], meta: Mapping[str, Any] | None) -> FieldInfo:
    kind = _kind(field)
    allowed = (meta or {}).get("allowedValues")
    options = tuple(
        Option(str(each.get("value") or each.get("name")))
        for each in (allowed if isinstance(allowed, list) else ())
        if isinstance(each, Mapping) and not each.get("disabled") and (each.get("value") or each.get("name"))
    )
    length = {"line": LINE_LENGTH, "text": TEXT_LENGTH}.get(kind or "")
    listed = field.type in _LISTED or field.items in _LISTED
    searchable = raw.get("searchable") is not False and bool(raw.get("clauseNames", True))
    return FieldInfo(
        field.id, field.name, field.custom.rpartition(":")[2] or field.type, kind, length, listed, options,
        searchable=searchable,
    )  # fmt: skip


def _kind(field: Field) -> FieldKind | None:
    """How Tieline would read a field, by its JSON type (Jira REST: "JSON schema of a field")."""
    if field.rich:
        return "text"
    if field.team:
        return "group"
    match field.type:
        case "string":
            return "line"
        case "option" | "priority" | "resolution" | "option-with-child":
            return "choice"
        case "user":
            return "person"
        case "group":
            return "group"
        case "array" if field.items in ("string", "option", "component", "version", "group"):
            return "set"
        case _:
            return None
