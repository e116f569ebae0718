"""Three-way merge of one relation of one incident: what each side should hold, and what is held back. Pure.

ServiceNow's column holds one record, Jira any number of links. A target that was added on one side is made on
the other, one that was removed on one side is taken away on the other; a link that neither moved stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from tieline.connectors.base import Ref, Side

Rule = Literal["hold", "servicenow", "jira"]
Direction = Literal["both", "to_jira", "to_servicenow"]

SEVERAL: Final = "Jira has several, and ServiceNow's column holds one: a person decides which"
TAKEN: Final = "it stands in Jira only: ServiceNow's column holds one record, and that is another"
UNKNOWN_THERE: Final = "it stands in Jira only: ServiceNow has no record of it"


@dataclass(frozen=True, slots=True)
class Ends:
    """Where one relation stands, or stood: in ServiceNow's column (one at most, now), and in Jira."""

    column: frozenset[Ref] = frozenset()
    links: frozenset[Ref] = frozenset()


@dataclass(frozen=True, slots=True)
class Merged:
    """What each side should hold. `held` says of targets why they stand on one side only.

    `lost` is the target that got no place in the column although somebody put it there, or into Jira, since
    the last look, while another stood there; `winner` is the side whose target has the place. None: no clash.
    """

    column: Ref | None = None
    links: frozenset[Ref] = frozenset()
    held: Mapping[Ref, str] = field(default_factory=lambda: MappingProxyType({}))
    lost: Ref | None = None
    winner: Side | None = None

    def realised(self, target: Ref, now: Ends) -> bool:
        """Whether both sides hold of this target what they should: then its Base may advance."""
        return (target in now.links) == (target in self.links) and (target in now.column) == (
            target == self.column
        )


def merge_relation(
    now: Ends,
    base: Ends,
    *,
    rule: Rule = "hold",
    direction: Direction = "both",
    wanted: Iterable[Ref] = (),
) -> Merged:
    """What both sides should hold, from what they hold, what was last dealt with, and what is wanted.

    A target is its record in ServiceNow where it has one, else its issue, which no column can hold. What is
    wanted counts as made in Jira by a person.
    """
    wishes = frozenset(wanted)
    match direction:
        case "to_jira":
            links = (now.links - (base.column - now.column)) | now.column | wishes
            return Merged(min(now.column, default=None), links, _held(links - now.column, TAKEN))
        case "to_servicenow":
            return _placed(now, now.links | wishes, frozenset(), (now.links - base.links) | wishes, rule)
        case _:
            added, removed = now.column - base.column, base.column - now.column
            linked, unlinked = now.links - base.links, base.links - now.links
            gone = (removed - linked) | (unlinked - added)
            links = ((now.column | now.links) - gone) | wishes
            return _placed(now, links, added & links, (linked | wishes) & links, rule)


def _placed(
    now: Ends, links: frozenset[Ref], added: frozenset[Ref], linked: frozenset[Ref], rule: Rule
) -> Merged:
    """Which of the targets stands in ServiceNow's column. `added` and `linked` are new there and in Jira."""
    fit = frozenset(ref for ref in links if ref.side == "servicenow")
    held = _held(links - fit, UNKNOWN_THERE)
    stands = min(now.column & fit, default=None)
    rivals = (linked & fit) - added - now.column
    if stands is not None and rivals:
        return _clash(stands, links, rivals, moved=stands in added, rule=rule)
    choice = stands
    if choice is None and len(rivals or fit) == 1:
        (choice,) = rivals or fit
    why = SEVERAL if choice is None else TAKEN
    return Merged(choice, links, held | _held(fit - {choice}, why))


def _clash(stands: Ref, links: frozenset[Ref], rivals: frozenset[Ref], *, moved: bool, rule: Rule) -> Merged:
    """The column holds one, and Jira got another meanwhile: the rule says which of them has the place."""
    place, kept, lost, winner = stands, links, min(rivals), "servicenow"
    if rule == "jira" and len(rivals) == 1:
        place, lost, winner = min(rivals), stands, "jira"
        kept = links - {stands} if moved else links
    elif rule == "servicenow" and moved:
        kept = links - rivals
    held = {ref: TAKEN if ref.side == "servicenow" else UNKNOWN_THERE for ref in kept if ref != place}
    return Merged(place, kept, held, lost, "jira" if winner == "jira" else "servicenow")


def _held(targets: Iterable[Ref | None], why: str) -> dict[Ref, str]:
    return {ref: why for ref in targets if ref is not None}
