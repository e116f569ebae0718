"""What ties incidents to problems, changes and each other, as frozen values; nothing here decides or acts.

All times are UTC. A relation is told from the incident: `problem` is the problem behind it, `caused_by` the
change that broke something, `cured_by` the change that mended it (ServiceNow's `rfc`), `parent` the incident
that it belongs to, `duplicate` the incident that it repeats, `ci` the configuration item that it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tieline.connectors.base import Ref, Side
from tieline.connectors.base import Target as Target

Linked = Literal["problem", "caused_by", "cured_by", "parent", "duplicate", "ci"]
"""The relations that a column holds, and that evidence may speak for."""
Relation = Literal[Linked, "affected"]
"""`affected`: an item of the incident's list of affected ones, which only ServiceNow has."""
RELATIONS: Final[tuple[Linked, ...]] = ("problem", "caused_by", "cured_by", "parent", "duplicate", "ci")

SERVICENOW_COLUMN: Final = {
    "problem": "problem_id",
    "caused_by": "caused_by",
    "cured_by": "rfc",
    "parent": "parent_incident",
    "ci": "cmdb_ci",
}
"""The column of ServiceNow's incident table that holds each relation; a duplicate has none of its own."""

TargetKind = Literal["incident", "problem", "change", "ci", "issue"]
"""What a target is: a ServiceNow record of a table, a configuration item, or any Jira issue."""

EvidenceKind = Literal["mention", "link", "ci", "change", "likeness", "history", "closure"]
EVIDENCE_KINDS: Final[tuple[EvidenceKind, ...]] = ("mention", "link", "ci", "change", "likeness", "history")
"""`mention`: named in text; `link`: a link that exists next door; `ci`: the same or a dependent item;
`change`: implemented there within the window; `likeness`: of text; `history`: whom and what it met before.
`closure`, what a rule of closure asks for, is never looked for, so rules about evidence do not name it."""
NEW_PROBLEM: Final = Ref("servicenow", "new", "problem")
"""The target of a proposal to open a problem: a person opens it, and ties the incident to it."""

ProposalState = Literal["open", "accepted", "rejected", "linked"]
"""`accepted` and `rejected` by a person's word, `linked` because somebody made the link, or policy did."""

Decision = Literal["link", "propose", "ignore"]
DECISIONS: Final[tuple[Decision, ...]] = ("link", "propose", "ignore")


@dataclass(frozen=True, slots=True)
class Link:
    """A relation that stands: this incident has this relation to this target, as seen on `side`.

    `by` is who made it where the side tells ("" where not), `at` when it was first seen.
    """

    incident: Ref
    relation: Relation
    target: Target
    side: Side
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason to tie an incident to a target: as data, with a sentence that a person can read.

    `weight` lies in (0, 1]: how often evidence of this kind and strength is right. `source` says where it was
    found, such as `close_notes`, `comment of 2026-01-05 10:00` or `cmdb_rel_ci`.
    """

    kind: EvidenceKind
    relation: Relation
    target: Target
    weight: float
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A relation that somebody should look at, with its evidence, the strongest first.

    `score` in (0, 1] joins the weights (1 - the product of what each leaves open). `rule` is the rule of
    `[[links.rule]]` that said so. `made_at`, `decided_at` and `decided_by` tell its life; a rejected one is
    remembered and never proposed again.
    """

    incident: Ref
    relation: Relation
    target: Target
    evidence: tuple[Evidence, ...]
    score: float
    state: ProposalState = "open"
    rule: str = ""
    incident_label: str = ""
    made_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str = ""

    @property
    def key(self) -> tuple[Ref, Relation, Ref]:
        """What makes two proposals the same."""
        return (self.incident, self.relation, self.target.ref)
