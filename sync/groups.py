"""Fields that are one: status with resolution and close notes; impact, urgency and priority.

They are units like any other (`tieline.sync.mapping`), of several fields a side: they merge together or not
at all.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

from tieline.connectors.base import Side, Value, Values, other
from tieline.connectors.richtext import canonical_text
from tieline.sync.mapping import CLOSED_STATES, Directory, Unit, Unmapped, ValueMap, unmapped
from tieline.sync.statehops import StateMachine

Reopen = Literal["write", "child", "comment"]
Level = str


@dataclass(frozen=True)
class StatusUnit(Unit):
    """State with hold reason, close code and close notes; status with resolution and close notes.

    `state`, `hold_reason`, `close_code`, `close_notes` name the ServiceNow fields, `status`, `resolution`,
    `notes` the Jira fields ("" where not mirrored). A ServiceNow token reads `3/4`: state 3, hold reason 4.
    """

    state: str = "state"
    hold_reason: str = ""
    close_code: str = ""
    close_notes: str = ""
    status: str = "status"
    resolution: str = ""
    notes: str = ""
    map: ValueMap = field(default_factory=lambda: ValueMap(()))
    resolutions: ValueMap = field(default_factory=lambda: ValueMap(()))
    default_close_code: str = ""
    default_close_notes: str = ""
    reopen: Reopen = "write"
    resolved: frozenset[str] = CLOSED_STATES
    """States in which ServiceNow calls it resolved or closed."""
    canceled: frozenset[str] = frozenset({"8"})
    """Further states in which it is over."""
    machine: StateMachine = field(default_factory=StateMachine)
    """Which steps ServiceNow allows between its states; without any, each state is one step away."""

    @property
    def over(self) -> frozenset[str]:
        """States in which nothing more is done about it."""
        return self.resolved | self.canceled

    def token(self, values: Values) -> str:
        """A ServiceNow state as the map names it: with its hold reason where the map knows that."""
        state, reason = str(values.get(self.state) or ""), values.get(self.hold_reason)
        token = f"{state}/{reason}"
        known = reason is not None and self.map.class_of("servicenow", token) is not None
        return token if known else state

    def status_class(self, side: Side, values: Values) -> int | None:
        """The class of the state or status alone."""
        value = self.token(values) if side == "servicenow" else str(values.get(self.status) or "")
        return self.map.class_of(side, value)

    def closes(self, class_: int) -> bool:
        """Whether ServiceNow calls this class Resolved or Closed."""
        states = {token.partition("/")[0] for token in self.map.members(class_, "servicenow")}
        return bool(states & self.resolved)

    def siblings(self, status: str) -> frozenset[str]:
        """The other Jira statuses that mean the same."""
        class_ = self.map.class_of("jira", status)
        return frozenset() if class_ is None else self.map.members(class_, "jira") - {status}

    def stands_apart(self, servicenow: Values, jira: Values) -> bool:
        """A closed incident stays closed though it was reopened in Jira, unless it is to be written."""
        if self.reopen == "write" or servicenow.get(self.state) != "7":
            return False
        class_ = self.status_class("jira", jira)
        return class_ is not None and not self.closes(class_)

    def end(self, side: Side) -> tuple[str, ...]:
        """The fields that say how it ended, and why."""
        names = (self.close_code, self.close_notes) if side == "servicenow" else (self.resolution, self.notes)
        return tuple(name for name in names if name)

    def silent(self, side: Side, servicenow: Values, jira: Values) -> tuple[str, ...]:
        """The fields in which a side says nothing of a resolution, or of notes, though the other does.

        Only where both ended alike. A close code that the map does not know says nothing of a resolution that
        it knows.
        """
        class_ = self.status_class(side, servicenow if side == "servicenow" else jira)
        if class_ is None or self.status_class("servicenow", servicenow) != self.status_class("jira", jira):
            return ()
        found = {}
        if side == "jira":
            wanted = self.resolution and self._jira_resolution(class_, servicenow, jira)
            found[self.resolution] = wanted and not jira.get(self.resolution)
        elif self.closes(class_):
            found[self.close_code] = self.close_code and self._uncoded(servicenow, jira)
        if self.closes(class_):
            ours, theirs = (servicenow, jira) if side == "servicenow" else (jira, servicenow)
            field_ = self.close_notes if side == "servicenow" else self.notes
            found[field_] = field_ and self._notes(other(side), theirs) and not ours.get(field_)
        return tuple(name for name, silent in found.items() if silent)

    def _uncoded(self, servicenow: Values, jira: Values) -> bool:
        """Whether no close code, or one that the map does not know, stands for Jira's resolution."""
        resolution, code = jira.get(self.resolution), servicenow.get(self.close_code)
        if not resolution or not code:
            return bool(resolution)
        known = self.resolutions.class_of("jira", str(resolution)) is not None
        return known and self.resolutions.class_of("servicenow", str(code)) is None

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """Status class, resolution class and close notes; the last two only where the status closes."""
        class_ = self.status_class(side, values)
        if class_ is None:
            field_ = self.state if side == "servicenow" else self.status
            return unmapped(self.name, side, values.get(field_))
        if not self.closes(class_):
            return (class_, None, None)
        return (class_, self._resolution_class(side, values), self._notes(side, values))

    def agrees(self, servicenow: Values, jira: Values, directory: Directory) -> bool:
        """One status class, and nothing said about the resolution or notes that the other contradicts.

        A side that says nothing (no resolution field on the screen, notes not mirrored) contradicts nothing.
        """
        ours = self.classify("servicenow", servicenow, directory)
        theirs = self.classify("jira", jira, directory)
        if not (isinstance(ours, tuple) and isinstance(theirs, tuple)):
            return False
        return ours[0] == theirs[0] and all(
            a is None or b is None or a == b for a, b in zip(ours[1:], theirs[1:], strict=True)
        )

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """What the other side's status means here; mandatory parts are filled from the defaults."""
        return self._to_jira(values, current) if to == "jira" else self._to_servicenow(values, current)

    def _to_jira(self, values: Values, current: Values) -> Values | Unmapped:
        token = self.token(values)
        class_, status = self.map.class_of("servicenow", token), self.map.partner("servicenow", token)
        if class_ is None or status is None:
            return unmapped(self.name, "servicenow", token)
        if self.status_class("jira", current) == class_:
            status = str(current.get(self.status))
        written: dict[str, Value] = {self.status: status}
        if self.resolution:
            written[self.resolution] = self._jira_resolution(class_, values, current)
        if self.notes and self.closes(class_):
            written[self.notes] = self._notes("servicenow", values) or current.get(self.notes)
        return {**self.own("jira", current), **written}

    def _jira_resolution(self, class_: int, values: Values, current: Values) -> Value:
        if not self.ends(class_):
            return None
        code = str(values.get(self.close_code) or self.default_close_code)
        present = current.get(self.resolution)
        if present is not None and self.closes(class_) and not values.get(self.close_code):
            return present  # who says nothing contradicts nothing
        number = self.resolutions.class_of("servicenow", code)
        if present is not None and number in (None, self.resolutions.class_of("jira", str(present))):
            return present
        return self.resolutions.partner("servicenow", code) or self.resolutions.partner(
            "servicenow", self.default_close_code
        )

    def ends(self, class_: int) -> bool:
        """Whether ServiceNow calls this class Resolved, Closed or Canceled."""
        states = {token.partition("/")[0] for token in self.map.members(class_, "servicenow")}
        return bool(states & (self.resolved | self.canceled))

    def _to_servicenow(self, values: Values, current: Values) -> Values | Unmapped:
        status = str(values.get(self.status) or "")
        class_, token = self.map.class_of("jira", status), self.map.partner("jira", status)
        if class_ is None or token is None:
            return unmapped(self.name, "jira", status)
        if self.status_class("servicenow", current) == class_:
            token = self.token(current)
        state, _, reason = token.partition("/")
        written: dict[str, Value] = {self.state: state}
        if self.hold_reason:
            kept = current.get(self.hold_reason) if state == current.get(self.state) else None
            written[self.hold_reason] = reason or kept
        if self.closes(class_):
            written.update(self._closing(values, current))
        return {**self.own("servicenow", current), **written}

    def _closing(self, values: Values, current: Values) -> Values:
        written: dict[str, Value] = {}
        if self.close_code:
            code, resolution = current.get(self.close_code), values.get(self.resolution)
            number = self.resolutions.class_of("jira", str(resolution))
            if code is None or (
                number is not None and number != self.resolutions.class_of("servicenow", str(code))
            ):
                code = self.resolutions.partner("jira", str(resolution)) or self.default_close_code
            written[self.close_code] = code
        if self.close_notes:
            notes = self._notes("jira", values) or current.get(self.close_notes)
            written[self.close_notes] = notes or self.default_close_notes
        return written

    def _resolution_class(self, side: Side, values: Values) -> Hashable:
        field_ = self.close_code if side == "servicenow" else self.resolution
        value = values.get(field_) if field_ else None
        return None if value is None else self.resolutions.class_of(side, str(value))

    def _notes(self, side: Side, values: Values) -> str | None:
        field_ = self.close_notes if side == "servicenow" else self.notes
        value = values.get(field_) if field_ and self.notes else None
        return canonical_text(value) if isinstance(value, str) else None


@dataclass(frozen=True)
class PriorityUnit(Unit):
    """Impact, urgency and the priority that ServiceNow computes from them; Jira's one priority.

    `matrix[(impact, urgency)]` is the priority (ITIL: priority from impact and urgency). A priority that a
    person set in Jira becomes the smallest move of (impact, urgency) that yields it, urgency first on a tie.
    """

    impact: str = "impact"
    urgency: str = "urgency"
    priority: str = "priority"
    jira_priority: str = "priority"
    matrix: Mapping[tuple[Level, Level], Level] = field(default_factory=dict)
    map: ValueMap = field(default_factory=lambda: ValueMap(()))

    def computed(self, side: Side) -> frozenset[str]:
        """ServiceNow works out the priority and ignores a written one."""
        return frozenset({self.priority}) if side == "servicenow" else frozenset()

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """The class of the priority alone: Jira cannot tell apart what makes it."""
        value = values.get(self.priority if side == "servicenow" else self.jira_priority)
        if value is None:
            return None
        number = self.map.class_of(side, str(value))
        return unmapped(self.name, side, value) if number is None else number

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """Jira's priority for ServiceNow's, or the impact and urgency that yield Jira's.

        An incident always has a priority: a side that has none says nothing, and the other keeps its own.
        """
        value = values.get(self.jira_priority if to == "servicenow" else self.priority)
        if value is None:
            return self.own(to, current)
        if to == "servicenow":
            return self._to_servicenow(value, current)
        partner = self.map.partner("servicenow", str(value))
        return unmapped(self.name, "servicenow", value) if partner is None else {self.jira_priority: partner}

    def _to_servicenow(self, value: Value, current: Values) -> Values | Unmapped:
        number = self.map.class_of("jira", str(value))
        if number is None:
            return unmapped(self.name, "jira", value)
        wanted = self.map.members(number, "servicenow")
        now = (_level(current.get(self.impact)), _level(current.get(self.urgency)))
        cells = [cell for cell, priority in self.matrix.items() if priority in wanted]
        if not cells:
            return Unmapped(
                f"{self.name}: no impact and urgency give the priority {value!r}; correct matrix or map"
            )
        impact, urgency = min(cells, key=lambda cell: (*_distance(now, cell), cell))
        return {
            self.impact: impact, self.urgency: urgency, self.priority: self.matrix[impact, urgency]
        }  # fmt: skip


def _level(value: Value) -> Level:
    """An impact or urgency; the lowest where there is none, or one that the matrix does not know."""
    return value if isinstance(value, str) and value in {"1", "2", "3"} else "3"


def _distance(now: tuple[Level, Level], cell: tuple[Level, Level]) -> tuple[int, int]:
    impact, urgency = (abs(int(a) - int(b)) for a, b in zip(now, cell, strict=True))
    return impact + urgency, impact


def matrix_of(rows: Sequence[Sequence[int]]) -> Mapping[tuple[Level, Level], Level]:
    """The configured rows (impact 1 to 3) of columns (urgency 1 to 3) as a mapping."""
    return {(str(i + 1), str(u + 1)): str(rows[i][u]) for i, u in product(range(3), range(3))}
