"""Findings about the policy beside what both instances know; no instance is asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from tieline.connectors.base import SIDES, Side
from tieline.sync.config.faults import suggestion
from tieline.sync.policy.findings import Finding
from tieline.sync.policy.model import Policy, Term
from tieline.sync.policy.snapshot import Place, Snapshot

if TYPE_CHECKING:
    from tieline.sync.config import Config

OWN: Final[Mapping[str, Mapping[Side, str]]] = {
    "category": {"servicenow": "category"},
    "subcategory": {"servicenow": "subcategory"},
    "impact": {"servicenow": "impact"},
    "urgency": {"servicenow": "urgency"},
    "priority": {"servicenow": "priority", "jira": "priority"},
    "status": {"servicenow": "state"},
    "resolution": {"servicenow": "close_code"},
}
"""Where the values of a field stand on either side, unless the configuration says otherwise."""


def check_metadata(policy: Policy, config: Config | None, snapshot: Snapshot | None) -> Iterator[Finding]:
    """What the vocabulary names and an instance does not have, and statuses that no path reaches."""
    places = _places(config)
    if snapshot is not None:
        for name, terms in policy.vocabulary.items():
            for side in SIDES:
                yield from _absent(name, terms, side, _known(snapshot, name, side, places))
    yield from _unreached(policy, _moves(config, snapshot))


def _places(config: Config | None) -> Mapping[str, Mapping[Side, str]]:
    """The column or field id of each policy field on either side."""
    if config is None:
        return OWN
    found: dict[str, Mapping[Side, str]] = dict(OWN)
    for route in config.routes:
        for mirrored in config.fields_for(route):
            found[mirrored.name] = {"servicenow": mirrored.servicenow, "jira": mirrored.jira}
    return found


def _known(snapshot: Snapshot, name: str, side: Side, places: Mapping[str, Mapping[Side, str]]) -> set[str]:
    """Everything that one side may hold in a field; empty where it does not tell."""
    found: set[str] = set()
    column = places.get(name, {}).get(side, "")
    for place in snapshot.places(side):
        found |= set(_options(place, name, side, column))
    return found


def _options(place: Place, name: str, side: Side, column: str) -> tuple[str, ...]:
    if name == "status" and side == "jira":
        return place.statuses
    if name == "resolution" and side == "jira":
        return place.resolutions
    if name == "group" and place.groups:
        return place.groups
    return tuple(place.options.get(column, ()))


def _absent(name: str, terms: tuple[Term, ...], side: Side, known: set[str]) -> Iterator[Finding]:
    if not known:
        return
    for term in terms:
        for own in term.own(side):
            value = own.partition("/")[0] if name == "status" and side == "servicenow" else own
            if value not in known:
                yield Finding(
                    "TL020",
                    "error",
                    term.spot,
                    f"{side} has no {name} {own!r}, which {term.name!r} is called there",
                    "the value cannot be written there, and is never read",
                    f"{suggestion(own, sorted(known))} If it is new: tieline metadata pull",
                )


def _moves(config: Config | None, snapshot: Snapshot | None) -> list[dict[str, set[str]]]:
    """The workflows that are known: those that the configuration names, else those that were seen."""
    found: list[dict[str, set[str]]] = []
    for route in config.routes if config else ():
        moves: dict[str, set[str]] = {}
        for hop in route.jira.workflow:
            moves.setdefault(hop.from_, set()).add(hop.to)
        if moves:
            found.append(moves)
    if not found and snapshot is not None:
        found = [
            {k: set(v) for k, v in place.moves.items()} for place in snapshot.places("jira") if place.moves
        ]
    return found


def _unreached(policy: Policy, workflows: list[dict[str, set[str]]]) -> Iterator[Finding]:
    """Statuses that issues cannot get to. The first status of the vocabulary is where they begin."""
    terms = policy.vocabulary.get("status", ())
    for moves in workflows:
        if not terms:
            return
        reached, pending = set(terms[0].jira), list(terms[0].jira)
        while pending:
            for to in moves.get(pending.pop(), ()):
                if to not in reached:
                    reached.add(to)
                    pending.append(to)
        for term in terms:
            for status in term.jira:
                if status not in reached:
                    yield Finding(
                        "TL013",
                        "error",
                        term.spot,
                        f"no path of the workflow leads to the status {status!r}",
                        "an incident that gets there in ServiceNow is parked: its issue cannot follow",
                        "add a transition in Jira, or take the status out of the map",
                    )
