"""The tables of a policy as they stand in TOML, in config.toml under `[policy]` or in files of their own.

Conditions are free tables here: `tieline.sync.policy.parse` reads them, and what holds between the tables
is found by `tieline policy check`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from tieline.sync.config.values import Alternatives, Duration, Flag, JiraField, Line, Table, Text, fault

Strength = Literal["suggest", "until_touched", "on_create", "always"]
FieldKindName = Literal["choice", "text", "set", "time", "flag"]

STRENGTHS: Final = (
    "suggest (fills what is empty), until_touched (until a person changes it), on_create, always"
)


def _word(value: object) -> object:
    """A level may be written as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _entry(value: object) -> object:
    """A lone word is an entry that is called the same on both sides."""
    value = _word(value)
    return {"name": value} if isinstance(value, str) else value


def _condition(value: object) -> object:
    if not isinstance(value, dict):
        raise fault("must be a table of conditions", 'write when = { category = "network" }')
    return value


def _own_field(value: object) -> object:
    """A lone word is the kind of a field."""
    return {"kind": value} if isinstance(value, str) else value


Column = Annotated[
    Line,
    Field(pattern=r"^([A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,3})?$"),
]
Word = Annotated[Line, BeforeValidator(_word)]
Ident = Annotated[Line, Field(max_length=80)]
Condition = Annotated[dict[str, Any], BeforeValidator(_condition), WithJsonSchema({"type": "object"})]
Cell = Annotated[Any, WithJsonSchema({})]
Values = Annotated[dict[str, Cell], WithJsonSchema({"type": "object"})]
Level = Annotated[Line, BeforeValidator(_word)]


class Entry(Table):
    """One value of a vocabulary: what the policy calls it, and what it is called on either side."""

    name: Word = Field(description="What rules call it.")
    servicenow: Alternatives | None = Field(
        default=None, description="ServiceNow's value, or several; the name where it is left out."
    )
    jira: Alternatives | None = Field(
        default=None, description="Jira's value, or several; the name where it is left out."
    )
    of: Alternatives | None = Field(
        default=None, description="For a subcategory: the category, or categories, that it belongs to."
    )
    lossy: Line | None = Field(
        default=None, description="Why it is meant that one name stands for several values of a side."
    )


Entries = Annotated[
    tuple[Annotated[Entry, BeforeValidator(_entry)], ...],
    WithJsonSchema({"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Entry"}]}}),
]


class OwnField(Table):
    """A field of your own, or where a known one is read that nobody mirrors."""

    kind: FieldKindName | None = Field(
        default=None, description="What it holds; needed unless the policy knows it, or it is mirrored."
    )
    servicenow: Column | None = Field(
        default=None,
        description="The column that it is read from, reached over references or not: caller_id.vip.",
    )
    jira: JiraField | None = Field(default=None, description="The field id that it is read from.")


class Bound(Table):
    """A floor or a ceiling of the priority for incidents that meet a condition."""

    id: Ident = Field(description="Its name in reasons.")
    when: Condition = Field(default_factory=dict, description="Which incidents.")
    priority: Level = Field(description="The priority that it is never below (floor) or above (ceiling).")


class PriorityTable(Table):
    """How impact and urgency make the priority."""

    matrix: tuple[tuple[Level | None, ...], ...] = Field(
        default=((1, 2, 3), (2, 3, 4), (3, 4, 5)),
        validate_default=True,
        description='A row an impact, a column an urgency, in the vocabulary\'s order; "" for none.',
    )
    floor: tuple[Bound, ...] = Field(default=(), description="Priorities that are the least.")
    ceiling: tuple[Bound, ...] = Field(default=(), description="Priorities that are the most.")


class RuleTable(Table):
    """What holds for incidents that meet a condition."""

    id: Ident = Field(description="Its name in reasons and tests; unique.")
    about: Line | None = Field(default=None, description="What it is for, in a sentence for people.")
    when: Condition = Field(default_factory=dict, description="Which incidents; all of them without it.")
    then: Values = Field(description="Which values they get.")
    strength: Strength | dict[str, Strength] = Field(
        default="until_touched",
        description=f"{STRENGTHS}; a table says it field by field, `default` for the rest.",
    )
    before: Alternatives | None = Field(
        default=None,
        description='Rules below it that it is meant to win over where both match; "*" for every one.',
    )


class CalendarTable(Table):
    """Business hours."""

    name: Ident = Field(description="What conditions and targets call it.")
    time_zone: Line = Field(default="UTC", description="An IANA time zone, such as Europe/Berlin.")
    hours: tuple[Line, ...] = Field(description='Opening hours: ["mon-fri 08:00-17:00", "sat 09:00-12:00"].')
    country: Line | None = Field(default=None, description="Closed on the public holidays of this country.")
    subdivision: Line | None = Field(default=None, description="And of this part of it.")
    closed: tuple[date, ...] = Field(default=(), description="Further days on which it is closed.")


class SlaTable(Table):
    """Targets for one priority."""

    priority: Level = Field(description="The priority.")
    respond: Duration | None = Field(default=None, description="Longest time until somebody has it.")
    resolve: Duration | None = Field(default=None, description="Longest time until it is resolved.")
    calendar: Ident | None = Field(default=None, description="Counts business hours of this calendar only.")
    pause_on: tuple[Word, ...] = Field(default=(), description="Statuses in which the clock stands still.")


class MajorTable(Table):
    """What makes a major incident, what happens then, and how it ends."""

    when: Condition = Field(description="What makes an incident a major one.")
    then: Values = Field(default_factory=dict, description="Values that it gets.")
    until: Condition = Field(description="What ends it.")
    afterwards: Values = Field(default_factory=dict, description="Values that it gets when it has ended.")


class StepTable(Table):
    """One edit of a test, or only time that passes, and what is expected after it."""

    by: Literal["person", "system"] = Field(default="person", description="Who makes the edit.")
    after: Duration | None = Field(default=None, description="Time that passes before it.")
    set: Values = Field(default_factory=dict, description="What is edited.")
    expect: Values = Field(default_factory=dict, description="Values expected then.")
    reasons: dict[str, Text] = Field(default_factory=dict, description="The rule expected behind a value.")


class TestTable(Table):
    """An incident, and what the policy makes of it."""

    name: Line = Field(description="What it shows.")
    given: Values = Field(default_factory=dict, description="The incident.")
    touched: tuple[Line, ...] = Field(
        default=(), description="Fields that a person changed since it was raised."
    )
    fresh: Flag = Field(default=True, description="Whether the incident was raised just now.")
    now: datetime | None = Field(
        default=None, description="The time; 2026-01-05 10:00 UTC, a Monday, without it."
    )
    expect: Values = Field(default_factory=dict, description='Values expected; "" for none.')
    reasons: dict[str, Text] = Field(
        default_factory=dict, description='The rule expected behind a value; "" for no rule.'
    )
    step: tuple[StepTable, ...] = Field(
        default=(), description="What happens afterwards, one after the other."
    )


LinkRelation = Literal["problem", "caused_by", "cured_by", "parent", "duplicate", "ci"]
LinkEvidence = Literal["mention", "link", "ci", "change", "likeness", "history"]
LinkDecision = Literal["link", "propose", "ignore"]
Weight = Annotated[float, Field(ge=0, le=1)]


class LinkRuleTable(Table):
    """What becomes of evidence that an incident belongs to a problem, a change or another incident."""

    id: Ident = Field(description="Its name in reasons and tests; unique.")
    about: Line | None = Field(default=None, description="What it is for, in a sentence for people.")
    when: Condition = Field(default_factory=dict, description="Which incidents; all of them without it.")
    evidence: tuple[LinkEvidence, ...] = Field(default=(), description="Which evidence counts; all of it.")
    relation: tuple[LinkRelation, ...] = Field(default=(), description="For which relations; for all.")
    at_least: Weight = Field(default=0.0, description="How much of that evidence there must be, 0 to 1.")
    then: LinkDecision = Field(description="Link, propose to people, or ignore.")


class ClosureTable(Table):
    """What a resolved incident must have, and what follows if it has not."""

    id: Ident = Field(description="Its name in reasons and tests; unique.")
    about: Line | None = Field(default=None, description="What it is for, in a sentence for people.")
    when: Condition = Field(default_factory=dict, description="Which incidents; all of them without it.")
    needs: tuple[LinkRelation, ...] = Field(min_length=1, description="It must have one of these.")
    alike: int = Field(default=0, ge=0, description="Only where so many on one thing were alike.")
    within: Duration = Field(default=timedelta(days=30), description="How far back they count.")
    note: Line | None = Field(default=None, description="Internal note on both sides.")
    label: Line | None = Field(default=None, description="Label in Jira, while it is missing.")
    hold: Flag = Field(default=False, description="Hold back the closing while it is missing.")
    problem: Literal["propose", "open"] | None = Field(
        default=None, description="Propose to open a problem, or open one with the incidents attached."
    )


class LinkGivenTable(Table):
    """One piece of evidence of a test."""

    kind: LinkEvidence = Field(description="Its kind.")
    weight: Weight = Field(default=1.0, description="Its weight, 0 to 1.")


class LinkTestTable(Table):
    """An incident with evidence for one relation, and what is expected; or what its closure lacks."""

    name: Line = Field(description="What it shows.")
    given: Values = Field(default_factory=dict, description="The incident.")
    relation: LinkRelation = Field(default="problem", description="The relation that the evidence is for.")
    evidence: tuple[LinkGivenTable, ...] = Field(default=(), description="What speaks for it.")
    has: tuple[LinkRelation, ...] = Field(default=(), description="What it is tied to already.")
    alike: int = Field(default=0, ge=0, description="How many are alike, itself included.")
    now: datetime | None = Field(default=None, description="The time, as in [[test]].")
    expect: LinkDecision | None = Field(default=None, description="What becomes of the evidence.")
    rule: Text = Field(default="", description="The rule expected behind it.")
    missing: tuple[Ident, ...] | None = Field(default=None, description="Rules of closure it does not meet.")


class LinksTable(Table):
    """Which evidence ties an incident to problems and changes, and what its closure asks for."""

    usual: Flag = Field(default=True, description="Below these rules, the usual ones hold as well.")
    digits: int = Field(default=7, ge=1, le=20, description="How many digits ServiceNow's numbers have.")
    projects: tuple[Line, ...] = Field(
        default=(), description="Keys of projects beside those of the routes, for issues named in texts."
    )
    caused_within: Duration = Field(
        default=timedelta(hours=24), description="How long before it opened a change may have caused it."
    )
    cured_within: Duration = Field(
        default=timedelta(hours=24), description="How long before it was resolved a change may have cured it."
    )
    rule: tuple[LinkRuleTable, ...] = Field(default=(), description="The first that evidence meets speaks.")
    closure: tuple[ClosureTable, ...] | None = Field(
        default=None, description="What resolved incidents must have; the usual three rules without any."
    )
    test: tuple[LinkTestTable, ...] = Field(default=(), description="Tests, run by `tieline policy test`.")


class PolicyFile(Table):
    """The policy: vocabulary, priority, rules, calendars, targets and tests."""

    fields: dict[str, Annotated[OwnField, BeforeValidator(_own_field)]] = Field(
        default_factory=dict,
        description="Fields of your own, with what they hold (choice, text, set, time, flag), and where "
        "fields that nobody mirrors are read.",
    )
    vocabulary: dict[str, Entries] = Field(
        default_factory=dict, description="For each field the values that there are."
    )
    priority: PriorityTable | None = Field(default=None, description="How the priority is made.")
    rule: tuple[RuleTable, ...] = Field(
        default=(), description="The rules; the first that sets a field wins."
    )
    calendar: tuple[CalendarTable, ...] = Field(default=(), description="Business hours.")
    sla: tuple[SlaTable, ...] = Field(default=(), description="Targets by priority.")
    major: MajorTable | None = Field(default=None, description="Major incidents.")
    test: tuple[TestTable, ...] = Field(default=(), description="Tests, run by `tieline policy test`.")
    links: LinksTable | None = Field(
        default=None, description="What ties incidents to problems and changes (docs/links.md)."
    )


class PolicySection(PolicyFile):
    """The policy: files that hold it, or its tables in place."""

    include: tuple[Line, ...] = Field(
        default=(), description='Files of the policy, relative to this one: ["policy/*.toml"].'
    )
    metadata: Line | None = Field(
        default=None,
        description="What `tieline metadata pull` kept of both instances: checks compare with it.",
    )
