"""Reads, for a wave of incidents at once, what may matter for them: what is named, what happened where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import Record, Ref, Search, Target
from tieline.sync.links.evidence import DEVELOPMENT, Around, Case
from tieline.sync.links.mentions import Naming, labels
from tieline.sync.links.model import Link
from tieline.sync.links.relations import kind_of
from tieline.sync.links.rules import LinkPolicy
from tieline.sync.run import Run

KINDS: Final = ("incident", "problem", "change")
MANY: Final = 1000
"""As many as one search may find; where there are more, half of the incidents are asked for at a time."""
PLACES: Final = 40
"""The same for the items that one search may name: its address has an end."""
NEAR: Final = 100
"""Of so many incidents with a problem, those mirrored last, the words are compared."""
WORDING: Final = ("short_description", "description")


def naming_of(run: Run, links: LinkPolicy) -> Naming:
    """What names of records look like here."""
    config = run.config
    projects = {route.jira.project.upper() for route in config.routes} | links.projects
    return Naming(
        digits=links.digits,
        projects=frozenset(projects),
        servicenow=config.servicenow.url,
        jira=config.jira.url,
    )


def wording_of(record: Record) -> str:
    """What was said when an incident was raised, as ServiceNow shows it."""
    values = (record.values.get(name) for name in WORDING)
    return "\n".join(value for value in values if isinstance(value, str))


def developed(run: Run, jira: Record) -> dict[str, str]:
    """What commits, pull requests and deployments tell of an issue, by source, as configured."""
    names = () if run.config.links is None else run.config.links.development
    held = {name: jira.values.get(name) for name in names}
    shown = {name: "\n".join(sorted(v)) if isinstance(v, frozenset) else v for name, v in held.items()}
    return {f"{DEVELOPMENT} ({name}) in jira": text for name, text in shown.items() if text}


def components_of(jira: Record) -> frozenset[str]:
    """The components of an issue, where they are read."""
    held = jira.values.get("components")
    return held if isinstance(held, frozenset) else frozenset()


def surroundings(run: Run, cases: Sequence[Case], policy: LinkPolicy) -> dict[Ref, Around]:
    """By incident what may matter for it: in so many requests for all of them, not for each."""
    naming = naming_of(run, policy)
    names = {case.ref: labels(case.texts.values(), naming) for case in cases}
    named = _named(run, frozenset().union(*names.values()))
    items = sorted({case.ci for case in cases if case.ci})
    needs = dict(run.sides["servicenow"].depends_on(items)) if items else {}
    in_order = sorted(cases, key=lambda case: case.opened)
    shipped = _shipped(run, in_order, policy)
    sought = [*shipped, *_sought(run, in_order, needs, policy)]
    changes = frozenset(target.ref for target in shipped)
    like, links = _alike(run, cases, policy)
    found = {}
    for case in cases:
        spoken = {name.casefold() for name in names[case.ref]}
        mine = [t for t in named if {t.label.casefold(), t.ref.id.casefold()} & spoken]
        mine += [t for t in sought if _there(t, case, needs) and _then(t, case, run.clock(), policy)]
        targets = tuple({target.ref: target for target in mine}.values())
        found[case.ref] = Around(targets, needs, links, like, changes)
    return found


def _named(run: Run, names: Iterable[str]) -> list[Target]:
    """The records that these names belong to."""
    numbers = sorted(name for name in names if "-" not in name)
    keys = sorted(name for name in names if "-" in name)
    snow, jira = run.sides["servicenow"], run.sides["jira"]
    found = [target for kind in KINDS if numbers for target in snow.targets(kind, numbers)]
    return found + list(_issues(run, jira.targets("issue", keys) if keys else ()))


def _issues(run: Run, found: Sequence[Target]) -> Iterator[Target]:
    """Issues that are half of a pair are what their pair is."""
    with run.store.read() as tx:
        pairs = tx.pairs_of([target.ref for target in found]) if found else {}
    tables = {route.name: route.servicenow.table for route in run.config.routes}
    for target in found:
        pair = pairs.get(target.ref)
        if pair is None:
            yield target
        else:
            kind = kind_of(tables.get(pair.route, "incident"))
            yield replace(target, ref=Ref("servicenow", pair.servicenow.id, kind), category="")


def _shipped(run: Run, cases: Sequence[Case], policy: LinkPolicy) -> list[Target]:
    """Issues that are changes, resolved on a component of one of these incidents, which come in order."""
    types = frozenset(() if run.config.links is None else run.config.links.changes)
    named = frozenset(name for case in cases for name in case.components)
    if not types or not named:
        return []
    asked = Search(
        "issue", categories=named, since=cases[0].opened - policy.windows.caused,
        until=max(case.resolved or run.clock() for case in cases), by="work", limit=MANY,
    )  # fmt: skip
    found = [target for target in run.sides["jira"].seek(asked) if target.category in types]
    return list(_issues(run, found))


def _sought(
    run: Run, cases: Sequence[Case], needs: Mapping[str, frozenset[str]], policy: LinkPolicy
) -> list[Target]:
    """Problems and changes on the items of these incidents, which come in the order of their opening."""
    places = frozenset(item for case in cases for item in _items(case, needs))
    services = frozenset(case.service for case in cases if case.service)
    if not places and not services:
        return []
    if len(places) > PLACES and len(cases) > 1:
        return _in_halves(run, cases, needs, policy)
    seek, now = run.sides["servicenow"].seek, run.clock()
    until = max(case.resolved or now for case in cases)
    asked = Search(
        "change", since=cases[0].opened - policy.windows.caused, until=until, by="work", limit=MANY
    )
    several = [Search("problem", cis=places, until=until, limit=MANY), replace(asked, cis=places)]
    searches = [*(several if places else ()), *([replace(asked, services=services)] if services else ())]
    found: list[Target] = []
    for search in searches:
        answer = seek(search)
        if len(answer) >= MANY and len(cases) > 1:
            return _in_halves(run, cases, needs, policy)
        found += answer
    return found


def _in_halves(
    run: Run, cases: Sequence[Case], needs: Mapping[str, frozenset[str]], policy: LinkPolicy
) -> list[Target]:
    half = len(cases) // 2
    return [*_sought(run, cases[:half], needs, policy), *_sought(run, cases[half:], needs, policy)]


def _items(case: Case, needs: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset({case.ci}) | needs.get(case.ci, frozenset()) if case.ci else frozenset()


def _there(target: Target, case: Case, needs: Mapping[str, frozenset[str]]) -> bool:
    """Whether a target is on the incident's item, on one below it, or a change on its service."""
    if target.ci and target.ci in _items(case, needs):
        return True
    if target.components & case.components:
        return True
    return target.kind == "change" and bool(case.service) and target.service == case.service


def _then(target: Target, case: Case, now: datetime, policy: LinkPolicy) -> bool:
    """Whether it was there in the incident's time."""
    until = case.resolved or now
    if target.kind == "problem":
        return target.opened is not None and target.opened <= until
    start = case.opened - policy.windows.caused
    return any(at is not None and start <= at <= until for at in (target.started, target.closed))


def _alike(run: Run, cases: Sequence[Case], policy: LinkPolicy) -> tuple[list[Case], list[Link]]:
    """Mirrored incidents of these categories that have a problem, not long before, with those problems."""
    kinds = {case.category for case in cases if case.category and case.words.strip()}
    if not kinds:
        return [], []
    with run.store.read() as tx:
        held = [s for s in tx.latest_of("problem", NEAR) if s.servicenow or s.jira]
        pairs = {id_: p for id_, p in tx.pairs([s.pair for s in held]).items() if p.state != "unlinked"}
    since = min(case.opened for case in cases) - policy.windows.alike
    details = run.sides["servicenow"].targets("incident", [p.servicenow.id for p in pairs.values()])
    known = {t.ref.id: t for t in details if t.category in kinds and t.opened and t.opened >= since}
    near = {id_: pair for id_, pair in pairs.items() if pair.servicenow.id in known}
    found = []
    for record in run.read("servicenow", [pair.servicenow for pair in near.values()]):
        target = known.get(record.ref.id) if isinstance(record, Record) else None
        if isinstance(record, Record) and target is not None and target.opened is not None:
            words = wording_of(record)
            found.append(
                Case(record.ref, record.label, target.opened, category=target.category, wording=words)
            )
    links = [
        Link(near[s.pair].servicenow, "problem", Target(s.target, s.label or s.target.id), "servicenow")
        for s in held if s.pair in near
    ]  # fmt: skip
    return found, links
