"""Affected items of an incident as remote links of its issue: which are made, and which taken away. Pure.

They go one way: ServiceNow's list says what is affected, and nothing that happens in Jira changes it. All the
same three-way: a remote link that a person takes away in Jira is not put back while the item is on the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tieline.connectors.base import Affected, Ref, Relate, Target, Unrelate
from tieline.sync.links.model import Relation
from tieline.sync.links.relations_model import Standing
from tieline.sync.links.relations_steps import WORDS, about
from tieline.sync.links.relations_view import REMOTE, global_id
from tieline.sync.model import Step

AFFECTED: Final[Relation] = "affected"
TAKEN_AWAY: Final = "a person took its link away in Jira: it is not put back while the item is on the list"


@dataclass(frozen=True, slots=True)
class Items:
    """The affected items of one pair: what ServiceNow told, what is remembered, and what the issue shows.

    `shown` are the global ids of the issue's remote links; `at` is now, UTC.
    """

    pair: int
    issue: Ref
    told: Affected
    known: Mapping[Ref, Standing]
    shown: frozenset[str]
    at: datetime

    def stands(self, target: Ref) -> bool:
        """Whether the issue shows it."""
        return global_id(AFFECTED, target) in self.shown

    def resting(self, target: Ref) -> bool:
        """Whether a write about it was refused a while ago."""
        known = self.known.get(target)
        return known is not None and known.retry_at is not None and known.retry_at > self.at

    @property
    def gone(self) -> list[Standing]:
        """What is remembered and not affected any more; nothing where the list was not told whole."""
        listed = {item.ref for item in self.told.items}
        return [s for ref, s in sorted(self.known.items()) if ref not in listed] if self.told.whole else []


def steps(items: Items) -> Iterator[Step]:
    """The writes, those that take away first."""
    for standing in items.gone:
        if items.stands(standing.target) and not items.resting(standing.target):
            why = f"affected: {standing.label} was taken off the list in servicenow"
            yield Step(_unlink(items, standing), (why,))
    for item in items.told.items:
        known = items.known.get(item.ref)
        dealt_with = known is not None and (known.servicenow or known.jira)
        if not dealt_with and not items.stands(item.ref) and not items.resting(item.ref):
            yield Step(_link(items, item), (f"affected: {item.label} was put on the list in servicenow",))


def _link(items: Items, item: Target) -> Relate:
    return Relate(
        items.issue, WORDS[AFFECTED], item.ref, label=item.label, url=item.url,
        global_id=global_id(AFFECTED, item.ref), about=about(AFFECTED, item.ref),
    )  # fmt: skip


def _unlink(items: Items, standing: Standing) -> Unrelate:
    words, target = WORDS[AFFECTED], standing.target
    return Unrelate(
        items.issue, words, target, global_id=global_id(AFFECTED, target),
        before={words: standing.label or target.id}, about=about(AFFECTED, target),
    )  # fmt: skip


def looked_at(items: Items) -> list[Standing]:
    """What is remembered of the items after a look."""
    over = {standing.target for standing in items.gone if not items.stands(standing.target)}
    found = {ref: standing for ref, standing in items.known.items() if ref not in over}
    for item in items.told.items:
        old = found.get(item.ref)
        if items.stands(item.ref):
            old = old or Standing(items.pair, AFFECTED, item.ref, since=items.at)
            made = f"{REMOTE}{global_id(AFFECTED, item.ref)}"
            found[item.ref] = replace(
                old, servicenow=True, jira=True, label=item.label, made=made, held="", retry_at=None
            )
        elif old is not None and (old.servicenow or old.jira):
            found[item.ref] = replace(
                old, servicenow=True, jira=False, label=item.label, made="", held=TAKEN_AWAY, retry_at=None
            )
    return [found[ref] for ref in sorted(found)]
