"""Finds records on both sides that are one incident already, by a rule that a person chose; it joins nothing.

Only a match that is unique on both sides counts, among records of the route's places, inside its scope,
raised since its go-live, in no pair, and with no marker.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import islice
from typing import Final

from tieline.connectors.base import SIDES, FieldKind, Record, Ref, Side, other
from tieline.connectors.errors import ConfigError
from tieline.sync.candidates import in_scope
from tieline.sync.marker import parse_marker
from tieline.sync.pairing import ended_pairs
from tieline.sync.run import Run

RULES: Final[Mapping[str, str]] = {
    "key": "a ServiceNow marker or link column holds the issue's key, or Jira's marker field the number",
    "mention": "the number stands in the issue's summary or description, or the key in the incident's",
    "summary": "summary and short description are the same",
    "COLUMN=FIELD": "a ServiceNow column and a Jira field hold the same text",
}
TEXTS: Final[Mapping[Side, tuple[str, str]]] = {
    "servicenow": ("short_description", "description"),
    "jira": ("summary", "description"),
}
_EQUAL: Final = re.compile(r"(?P<column>[A-Za-z]\w*)=(?P<field>[A-Za-z]\w*)")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*-?\d+")
"""What a number (INC0010001) or a key (OPS-17) looks like in a text."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """How halves know each other: a rule's name, or the column and field that hold the same text."""

    name: str
    column: str = ""
    field: str = ""

    @classmethod
    def parse(cls, text: str) -> Rule:
        """ConfigError, with the rules that there are, for anything else."""
        found = _EQUAL.fullmatch(text)
        if found:
            return cls(text, found["column"], found["field"])
        if text in RULES and text != "COLUMN=FIELD":
            return cls(text)
        listed = "; ".join(f"{name}: {meaning}" for name, meaning in RULES.items())
        raise ConfigError(f"there is no rule {text!r}. Rules: {listed}")


def wanted_fields(rules: Iterable[Rule]) -> dict[Side, dict[str, FieldKind]]:
    """The fields that the rules read, beyond those that are mirrored."""
    wanted: dict[Side, dict[str, FieldKind]] = {
        side: {line: "line", text: "text"} for side, (line, text) in TEXTS.items()
    }
    for rule in rules:
        if rule.column:
            wanted["servicenow"][rule.column] = "line"
            wanted["jira"][rule.field] = "line"
    return wanted


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is remembered of a record while halves are looked for: by rule, the texts that it is known by."""

    ref: Ref
    label: str
    says: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Twins:
    """Two records that a rule takes for one incident."""

    route: str
    rule: str
    servicenow: Sketch
    jira: Sketch


@dataclass(frozen=True, slots=True)
class Found:
    """Unique matches, and those that are not: each with the labels that it could be."""

    twins: tuple[Twins, ...]
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...]
    looked_at: Mapping[Side, int] = field(default_factory=dict)


def find_halves(run: Run, rules: Sequence[Rule], route: str, progress: Progress) -> Found:
    """The halves of one route. Reads every record that a pass would look at; writes nothing."""
    sketches = {side: list(_sketches(run, rules, route, side, progress)) for side in SIDES}
    twins: list[Twins] = []
    ambiguous: list[tuple[str, tuple[str, ...]]] = []
    free = {side: {each.ref: each for each in sketches[side]} for side in SIDES}
    for rule in rules:
        matched = _matches(rule.name, list(free["servicenow"].values()), list(free["jira"].values()))
        owners = Counter(ref for theirs in matched.values() for ref in theirs)
        for ours, theirs in matched.items():
            one = next(iter(theirs))
            if len(theirs) == 1 and owners[one] == 1:
                twins.append(Twins(route, rule.name, free["servicenow"][ours], free["jira"][one]))
            else:
                labels = (free["servicenow"][ours].label, *sorted(free["jira"][t].label for t in theirs))
                ambiguous.append((rule.name, labels))
        for each in twins:
            free["servicenow"].pop(each.servicenow.ref, None)
            free["jira"].pop(each.jira.ref, None)
    joined = {label for each in twins for label in (each.servicenow.label, each.jira.label)}
    left = tuple(entry for entry in dict.fromkeys(ambiguous) if entry[1][0] not in joined)
    return Found(tuple(twins), left, {side: len(sketches[side]) for side in SIDES})


def _matches(rule: str, ours: Sequence[Sketch], theirs: Sequence[Sketch]) -> dict[Ref, set[Ref]]:
    """For each incident the issues that it shares a text with."""
    by_text: defaultdict[str, set[Ref]] = defaultdict(set)
    for sketch in theirs:
        for text in sketch.says.get(rule, ()):
            by_text[text].add(sketch.ref)
    found: dict[Ref, set[Ref]] = {}
    for sketch in ours:
        partners = set().union(*(by_text.get(text, set()) for text in sketch.says.get(rule, ())))
        if partners:
            found[sketch.ref] = partners
    return found


def _sketches(run: Run, rules: Sequence[Rule], name: str, side: Side, progress: Progress) -> Iterator[Sketch]:
    """The unpaired records of one side of a route, in scope."""
    route, vocabulary = run.routes[name], run.vocabularies[name]
    start = datetime.combine(route.since, time(), UTC)
    changed = (change.ref for page in run.sides[side].feed(None, start) for change in page.changes)
    refs = iter(dict.fromkeys(changed))
    seen = 0
    while batch := list(islice(refs, run.sides[side].capabilities.read_batch)):
        with run.store.read() as tx:
            known = {*tx.pairs_of(batch), *ended_pairs(tx, batch)}
        shown = run.read(side, [ref for ref in batch if ref not in known])
        here = [
            record
            for record in shown
            if isinstance(record, Record)
            and record.place == vocabulary.place(side)
            and record.created >= start
            and parse_marker(record.marker) is None
        ]
        inside = in_scope(run, route, side, [record.ref for record in here])
        yield from (sketch(record, rules, run) for record in here if record.ref in inside)
        seen += len(batch)
        progress(f"reading {side}", seen, 0)


def sketch(record: Record, rules: Sequence[Rule], run: Run) -> Sketch:
    """What each rule knows the record by."""
    side = record.ref.side
    says: dict[str, frozenset[str]] = {}
    for rule in rules:
        if rule.column:
            text = record.values.get(rule.column if side == "servicenow" else rule.field)
            texts = [text] if isinstance(text, str) else []
        elif rule.name == "key":
            texts = [record.label, *_held(record, run)]
        elif rule.name == "mention":
            texts = [record.label, *_mentioned(record)]
        else:
            texts = [" ".join(str(record.values.get(TEXTS[side][0]) or "").split())]
        says[rule.name] = frozenset(_tagged(rule, record, text) for text in texts if text)
    return Sketch(record.ref, record.label, says)


def _tagged(rule: Rule, record: Record, text: str) -> str:
    """A text as both sides write it; a label is only ever compared with what the other side names."""
    plain = text.strip().casefold()
    if rule.name not in ("key", "mention"):
        return plain
    about = record.ref.side if text == record.label else other(record.ref.side)
    return f"{about}:{plain}"


def _held(record: Record, run: Run) -> list[str]:
    """What the marker's and the link's fields hold."""
    link = run.config.servicenow.link
    shown = record.values.get(link) if record.ref.side == "servicenow" and link else None
    return [text for text in (record.marker, shown) if isinstance(text, str) and text]


def _mentioned(record: Record) -> list[str]:
    texts = (record.values.get(name) for name in TEXTS[record.ref.side])
    return [word for text in texts if isinstance(text, str) for word in _WORD.findall(text)]
