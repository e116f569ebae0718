"""Reads what a ServiceNow instance tells about a table: dictionary, choices, groups, what is in use.

Every part beside the table itself may be hidden from an integration account; then it is named as unseen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from tieline.connectors.auth import Auth, BasicAuth
from tieline.connectors.base import FieldKind
from tieline.connectors.errors import ConfigError, Denied, Malformed
from tieline.connectors.http import HardenedAdapter, Timing
from tieline.connectors.metadata import FieldInfo, FilesInfo, Option, PlaceInfo, PlaceName, SiteInfo
from tieline.connectors.servicenow.affected import affected_unread
from tieline.connectors.servicenow.connector import ServiceNowConnector
from tieline.connectors.servicenow.files_told import files_told
from tieline.connectors.servicenow.query import by_ids, is_id
from tieline.connectors.servicenow.reached import astray
from tieline.connectors.servicenow.records import Row, plain
from tieline.connectors.servicenow.settings import ServiceNowSettings
from tieline.connectors.servicenow.traps import drops_terms, journals
from tieline.connectors.servicenow.wire import Wire

SAMPLE: Final = 500
"""Newest records that are looked at for what is in use."""
_MANY: Final = 5000
_PEOPLE: Final = 100
_KINDS: Final[Mapping[str, FieldKind]] = {
    "string": "line", "string_full_utf8": "line", "html": "text", "translated_text": "line",
    "integer": "choice", "choice": "choice", "glide_list": "set", "email": "line", "url": "line",
}  # fmt: skip
_ENTITIES: Final[Mapping[str, FieldKind]] = {"sys_user": "person", "sys_user_group": "group"}
_LONG_TEXT: Final = 256
"""From this length on ServiceNow shows a string as a text of several lines."""
_PARENTS: Final = {"incident": ("incident", "task")}
_IN_USE: Final = ("assigned_to", "assignment_group", "correlation_id", "impact", "urgency", "priority")

_GATE: Final = (
    "a wrong password, a locked account and a gate on basic sign-in "
    "(glide.authenticate.basic_auth.restriction.enforce) are refused in the same words"
)

T = TypeVar("T")


class ServiceNowInspector:
    """Reads what one instance tells, as `Inspector` promises."""

    def __init__(self, adapter: HardenedAdapter, auth: Auth, timing: Timing | None = None) -> None:
        self._adapter = adapter
        self._by_password = isinstance(auth, BasicAuth)
        self._wire = Wire(adapter, auth)
        settings = ServiceNowSettings("incident", {})
        self._connector = ServiceNowConnector(settings, adapter, auth, timing)

    def site(self) -> SiteInfo:
        """Who we are there."""
        identity = self._connector.identity()
        return SiteInfo(identity, "ServiceNow", limits=self._adapter.limits)

    def places(self) -> Sequence[PlaceName]:
        """The incident table: other tables are named by whoever wants them."""
        return (PlaceName("incident", "Incident"),)

    def place(self, place: str, columns: Sequence[str] = ()) -> PlaceInfo:
        """What is told about one table. ConfigError if there is no such table."""
        seen = _Seen(self._wire)
        try:
            newest, _ = self._wire.rows(place, "ORDERBYDESCsys_created_on", ("sys_id", *columns), limit=1)
        except Malformed as error:
            raise ConfigError(
                f"ServiceNow has no table {place!r} that this account can see: {error}"
            ) from None
        lineage = self._lineage(place, seen)
        fields = self._fields(lineage, seen)
        listed = sorted(name for name, field in fields.items() if field.listed)
        sample = self._sample(place, sorted({*listed, *_IN_USE}))
        return PlaceInfo(
            place=place,
            fields=self._with_options(fields, self._choices(lineage, listed, seen)),
            readable=frozenset(newest.rows[0]) if newest.rows else None,
            groups=self._groups(seen),
            hidden_people=self._hidden(sample, seen),
            used=_counts(sample),
            sampled=len(sample),
            rights=self._roles(seen),
            matrix=self._matrix(sample, seen),
            unseen=seen.unseen,
            journals=journals(self._wire, place),
            drops_terms=drops_terms(self._wire, place),
        )

    def _lineage(self, table: str, seen: _Seen) -> tuple[str, ...]:
        """The table and what it extends, nearest first (ServiceNow: "Table extension")."""
        lineage = [table]
        while len(lineage) < 8:
            fields = ("name", "super_class.name")
            rows = seen.rows("sys_db_object", f"name={lineage[-1]}", fields, limit=2)
            parent = next(
                (plain(r.get("super_class.name")) for r in rows if plain(r.get("name")) == lineage[-1]), ""
            )
            if not parent:
                break
            lineage.append(parent)
        return tuple(lineage) if len(lineage) > 1 else _PARENTS.get(table, (table,))

    def _fields(self, lineage: Sequence[str], seen: _Seen) -> dict[str, FieldInfo]:
        names = (
            "name", "element", "column_label", "internal_type", "max_length", "reference", "choice", "active",
            "read_only",
        )  # fmt: skip
        rows = seen.rows(
            "sys_dictionary", f"nameIN{','.join(lineage)}^elementISNOTEMPTY", names, limit=_MANY,
            needed=True,
        )  # fmt: skip
        found: dict[str, FieldInfo] = {}
        for table in reversed(lineage):
            mine = (r for r in rows if plain(r.get("name")) == table and plain(r.get("element")))
            found |= {plain(r.get("element")): _field(r) for r in mine if plain(r.get("active")) != "false"}
        return found

    def _choices(
        self, lineage: Sequence[str], listed: Sequence[str], seen: _Seen
    ) -> Mapping[str, tuple[Option, ...]]:
        """Each column's list: that of the table itself, else that of the nearest table it extends."""
        if not listed:
            return {}
        asked = f"nameIN{','.join(lineage)}^elementIN{','.join(listed)}^inactive=false^ORDERBYsequence"
        fields = ("name", "element", "value", "label", "language", "inactive", "sequence")
        rows = seen.rows("sys_choice", asked, fields, limit=_MANY, needed=True)
        rows = sorted((row for row in rows if plain(row.get("inactive")) != "true"), key=_in_list_order)
        english = [row for row in rows if plain(row.get("language")) in ("", "en")] or rows
        found: dict[str, tuple[Option, ...]] = {}
        for table in reversed(lineage):
            by_element: defaultdict[str, dict[str, Option]] = defaultdict(dict)
            for row in english:
                value = plain(row.get("value"))
                if plain(row.get("name")) == table and value not in ("", "NULL_OVERRIDE"):
                    option = Option(value, plain(row.get("label")))
                    by_element[plain(row.get("element"))].setdefault(value, option)
            found |= {element: tuple(options.values()) for element, options in by_element.items()}
        return found

    def _with_options(
        self, fields: Mapping[str, FieldInfo], choices: Mapping[str, tuple[Option, ...]]
    ) -> dict[str, FieldInfo]:
        shown = {}
        for name, info in fields.items():
            options = choices.get(name, ())
            kind: FieldKind | None = "choice" if info.listed else None if info.kind == "choice" else info.kind
            shown[name] = replace(info, kind=kind, options=options)
        return shown

    def _sample(self, table: str, columns: Sequence[str]) -> list[Row]:
        page, _ = self._wire.rows(table, "ORDERBYDESCsys_created_on", columns, limit=SAMPLE)
        return list(page.rows)

    def _groups(self, seen: _Seen) -> tuple[str, ...]:
        rows = seen.rows("sys_user_group", "active=true^ORDERBYname", ("name",), limit=_MANY, needed=True)
        return tuple(dict.fromkeys(plain(row.get("name")) for row in rows if plain(row.get("name"))))

    def _hidden(self, sample: Iterable[Row], seen: _Seen) -> dict[str, str]:
        """Assignees of the sample whose row, or e-mail address, this account is not shown."""
        ids = sorted({plain(row.get("assigned_to")) for row in sample} - {""})[:_PEOPLE]
        asked = [each for each in ids if is_id(each)]
        rows = (
            seen.rows("sys_user", by_ids(asked), ("sys_id", "name", "email"), limit=_PEOPLE) if asked else []
        )
        names = {plain(row.get("sys_id")): plain(row.get("name")) for row in rows}
        shown = {plain(row.get("sys_id")) for row in rows if plain(row.get("email"))}
        return {each: names.get(each, each) for each in asked if each not in shown}

    def _roles(self, seen: _Seen) -> Mapping[str, bool]:
        """The roles that we hold, where we may see them."""
        me = seen.once(self._connector.identity)
        asked = f"user={me.id}" if me is not None else ""
        rows = seen.rows("sys_user_has_role", asked, ("user", "role.name"), limit=_MANY) if asked else []
        ours = (row for row in rows if me is not None and plain(row.get("user")) == me.id)
        return {plain(row.get("role.name")): True for row in ours if plain(row.get("role.name"))}

    def _matrix(self, sample: Iterable[Row], seen: _Seen) -> Mapping[tuple[str, str], str]:
        """The lookup rules of the priority (ServiceNow: "Priority Data Lookups"), else what records show."""
        names = ("impact", "urgency", "priority")
        rules = seen.rows("dl_u_priority", "active=true", names, limit=100)
        cells: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for row in rules or sample:
            impact, urgency, priority = (plain(row.get(name)) for name in names)
            if impact and urgency and priority:
                cells[impact, urgency][priority] += 1
        return {cell: counts.most_common(1)[0][0] for cell, counts in cells.items()}

    def files(self, place: str) -> FilesInfo:
        """What is told about the files of one table's records."""
        return files_told(self._wire, place)

    def astray(self, place: str, names: Sequence[str]) -> Mapping[str, str]:
        """Columns that are not there, as the dictionary shows it."""
        seen = _Seen(self._wire)
        return astray(place, names, lambda table: self._fields(self._lineage(table, seen), seen))

    def unread(self) -> str:
        """Why rows of `task_ci` are not shown to us, with the names of their items."""
        return affected_unread(self._wire)

    def hint(self) -> str:
        """A password may be right and refused all the same, in the words that are said of a wrong one."""
        return _GATE if self._by_password else ""

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()
        self._connector.close()


class _Seen:
    """Reads tables that may be hidden, and remembers which were."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.unseen: dict[str, str] = {}

    def rows(
        self, table: str, asked: str, fields: Sequence[str], *, limit: int, needed: bool = False
    ) -> list[Row]:
        """The rows; none, and the reason kept, where the table is not shown."""
        page = self.once(lambda: self._wire.rows(table, asked, fields, limit=limit)[0], table)
        if page is not None and needed and not page.rows:
            self.unseen[table] = "it shows no rows to this account"
        return [] if page is None else list(page.rows)

    def once(self, read: Callable[[], T], name: str = "") -> T | None:
        """What `read` returns; None where we are not let in, or there is no such thing."""
        try:
            return read()
        except (Denied, Malformed) as error:
            self.unseen[name] = str(error)
            return None


def _in_list_order(row: Row) -> tuple[int, str]:
    """Entries of one sequence come in an order of their own each time: then their labels decide."""
    sequence = plain(row.get("sequence"))
    return int(sequence) if sequence.lstrip("-").isdecimal() else 0, plain(row.get("label")).casefold()


def _field(row: Row) -> FieldInfo:
    name, type_ = plain(row.get("element")), plain(row.get("internal_type"))
    length, reference = plain(row.get("max_length")), plain(row.get("reference"))
    size = int(length) if length.isdecimal() else None
    kind = _KINDS.get(type_)
    if kind == "line" and size is not None and size >= _LONG_TEXT:
        kind = "text"
    if type_ == "reference":
        kind = _ENTITIES.get(reference)
    listed = plain(row.get("choice")) in ("1", "2", "3")
    return FieldInfo(
        name, plain(row.get("column_label")), type_, kind, size, listed, reference=reference,
        read_only=plain(row.get("read_only")) == "true",
    )  # fmt: skip


def _counts(sample: Iterable[Row]) -> dict[str, dict[str, int]]:
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in sample:
        for name, cell in row.items():
            if value := plain(cell):
                counted[name][value] += 1
    return {name: dict(counts.most_common()) for name, counts in counted.items()}
