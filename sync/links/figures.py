"""Precision and recall of what was proposed, with the number of cases behind every figure. Pure.

Precision is the share of proposals that were right, recall the share of ties that people made which were
proposed before. Below `MIN_CASES` proposals nothing is claimed: counts are told, and no share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from tieline.sync.links.model import EVIDENCE_KINDS, EvidenceKind, Relation
from tieline.sync.links.replay import REPLAYED, Attempt, Replay, absent

MIN_CASES: Final = 30
RECALLS: Final = (0.05, 0.1, 0.15, 0.2)
"""The recalls at which the text shows the precision."""
_Z: Final = 1.96
"""Normal quantile of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Point:
    """One threshold: proposals with at least this score, how many were right, and of how many ties in all."""

    threshold: float
    proposed: int
    right: int
    ties: int

    @property
    def precision(self) -> float:
        """The share of proposals that were right."""
        return self.right / self.proposed if self.proposed else 0.0

    @property
    def recall(self) -> float:
        """The share of ties that were proposed."""
        return self.right / self.ties if self.ties else 0.0

    @property
    def claims(self) -> bool:
        """Whether there are cases enough to claim anything."""
        return self.proposed >= MIN_CASES

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the precision.

        It takes cases as independent, which those of an outage are not.
        """
        if not self.proposed:
            return (0.0, 1.0)
        n, p = self.proposed, self.precision
        middle, width = p + _Z**2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        scale = 1 + _Z**2 / n
        return (max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale))


@dataclass(frozen=True, slots=True)
class Figures:
    """How one kind of evidence did for one relation. `curve` falls with the threshold."""

    kind: EvidenceKind
    relation: Relation
    ties: int
    known: int
    curve: tuple[Point, ...]
    absent: str = ""

    @property
    def whole(self) -> Point:
        """Everything proposed."""
        return self.curve[-1] if self.curve else Point(0.0, 0, 0, self.ties)

    def at(self, recall: float) -> Point | None:
        """The best precision at this recall or a higher one; None if it is never reached."""
        reaching = [point for point in self.curve if point.recall >= recall and point.right]
        return max(reaching, key=lambda point: (point.precision, point.threshold), default=None)


def figures(replayed: Replay) -> list[Figures]:
    """Every kind of evidence with every relation."""
    return [
        Figures(
            kind,
            relation,
            len(ties),
            replayed.known[relation],
            curve((a for a in replayed.attempts if (a.kind, a.relation) == (kind, relation)), len(ties)),
            "" if kind in REPLAYED else absent(kind),
        )
        for relation, ties in replayed.truth.items()
        for kind in EVIDENCE_KINDS
    ]


def curve(attempts: Iterable[Attempt], ties: int) -> tuple[Point, ...]:
    """A point for each threshold, the highest first; equal scores are proposed together."""
    points: list[Point] = []
    proposed = right = 0
    falling = sorted(attempts, key=lambda attempt: -attempt.score)
    for score, together in groupby(falling, key=lambda attempt: attempt.score):
        these = list(together)
        proposed += len(these)
        right += sum(attempt.right for attempt in these)
        points.append(Point(score, proposed, right, ties))
    return tuple(points)


def figures_json(found: Sequence[Figures]) -> list[dict[str, Any]]:
    """For machines: counts always, shares only where there are cases enough."""
    return [
        {
            "kind": f.kind,
            "relation": f.relation,
            "ties": f.ties,
            "ties_to_known_targets": f.known,
            **({"not_measured": f.absent} if f.absent else {}),
            **_point_json(f.whole),
            "at_recall": [
                {"at": recall, **_point_json(point)}
                for recall in RECALLS
                if (point := f.at(recall)) is not None
            ],
        }
        for f in found
    ]


def _point_json(point: Point) -> dict[str, Any]:
    claims, ties = point.claims, point.ties >= MIN_CASES
    low, high = point.interval()
    return {
        "threshold": round(point.threshold, 6),
        "proposed": point.proposed,
        "right": point.right,
        "precision": round(point.precision, 4) if claims else None,
        "interval": [round(low, 4), round(high, 4)] if claims else None,
        "recall": round(point.recall, 4) if ties else None,
    }


def figures_lines(found: Sequence[Figures]) -> list[str]:
    """For people: each kind of evidence of each relation that the log holds."""
    lines: list[str] = []
    for relation, group in groupby(found, key=lambda f: f.relation):
        several = list(group)
        first = several[0]
        lines.append(
            f"{relation}: {first.ties} incidents were tied, {first.known} of them to a target that an "
            "earlier incident had been tied to"
        )
        for each in several:
            lines += _kind_lines(each)
    return lines


def _kind_lines(each: Figures) -> list[str]:
    if each.absent:
        return [f"  {each.kind:9} n = 0: {each.absent}"]
    if not each.curve:
        return [f"  {each.kind:9} n = 0: nothing to propose"]
    lines = [f"  {each.kind:9} all of it: {_told(each.whole)}"]
    lines += [
        f"  {'':9} at recall {recall:.2f}: {_told(point)}"
        for recall in RECALLS
        if (point := each.at(recall)) is not None
    ]
    return lines


def _told(point: Point) -> str:
    counts = f"{point.right} of {point.proposed} right"
    if not point.claims:
        return f"{counts}; n = {point.proposed} is below {MIN_CASES}, no claim"
    low, high = point.interval()
    share = f"precision {point.precision:.3f} (95 % {low:.2f} to {high:.2f}, n = {point.proposed})"
    recall = (
        f"recall {point.recall:.3f} (n = {point.ties})" if point.ties >= MIN_CASES else "no claim on recall"
    )
    return f"{counts}: {share}, {recall}"
