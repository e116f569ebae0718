"""Records and pairs that the policy keeps out of the mirror: left out of scope, or held for a person.

What a rule says is asked here and carried out; nothing is written to either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieline.connectors.base import SIDES
from tieline.sync import passlog
from tieline.sync.candidates import Candidate
from tieline.sync.decide import Weighed
from tieline.sync.model import Outlook
from tieline.sync.pairing import lifted_note
from tieline.sync.parking import BY_RULE, parked, seen_values
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.work import Work

LEFT_OUT: Final = "left_out"
"""What a pass counts: records that a rule leaves out of scope."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A record that a route wants a mirror of, and what the policy says about that."""

    candidate: Candidate
    weighed: Weighed

    @property
    def admitted(self) -> bool:
        """Whether it gets its mirror now."""
        return not (self.weighed.left_out or self.weighed.hold)


def judged(run: Run, chosen: Sequence[Candidate]) -> list[Judged]:
    """What the policy says about each; without one, all are admitted. Nothing is kept."""
    if run.govern is None or not chosen:
        return [Judged(candidate, Weighed()) for candidate in chosen]
    now = run.clock()
    units = {name: vocabulary.units for name, vocabulary in run.vocabularies.items()}
    directory = run.people.directory([(c.record, run.vocabularies[c.route]) for c in chosen], now)
    found = [(c, run.govern.weigh([c.record], units[c.route], directory, now)) for c in chosen]
    with run.store.read() as tx:
        return [Judged(c, w if not _is_lifted(tx, c.entry.key, w) else Weighed(w.left_out)) for c, w in found]


def _is_lifted(tx: Tx, key: str, weighed: Weighed) -> bool:
    return bool(weighed.mark) and tx.note(lifted_note(key)) == weighed.mark


def keep_out(run: Run, found: Sequence[Judged]) -> None:
    """Park what waits for a person, remember what is left out, and when to look again.

    Not so what was paired meanwhile (its mirror stood in the same wave): the pair is looked at by itself.
    """
    if run.govern is None:
        return
    with run.store.transaction() as tx:
        paired = tx.pairs_of([each.candidate.record.ref for each in found])
        tx.leave([each.candidate.entry for each in found if not each.admitted])
        found = [each for each in found if each.candidate.record.ref not in paired]
        refused = [each for each in found if not each.admitted]
        for each in refused:
            candidate, weighed = each.candidate, each.weighed
            entry, label = candidate.entry, candidate.record.label
            before = tx.parked([entry.key]).get(entry.key)
            if weighed.left_out:
                tx.unpark(entry.key)
                run.counts[LEFT_OUT] += 1
            else:
                seen = seen_values([candidate.record], run.vocabularies[candidate.route])
                tx.park(parked(entry.key, BY_RULE, weighed.hold, seen, run.clock(), before, label))
                run.counts["parked"] += before is None
                if before is None:
                    passlog.parked(run.id, label, BY_RULE)
        tx.save_outlooks([
            Outlook(each.candidate.entry.key, each.weighed.due, each.weighed.left_out,
                    each.candidate.record.label)
            for each in refused
        ])  # fmt: skip
        tx.drop_outlooks([each.candidate.entry.key for each in found if each.admitted])


def pairs_left_out(run: Run, works: Sequence[Work]) -> dict[str, Outlook]:
    """Of these pairs, by key, those that the policy leaves out of scope."""
    if run.govern is None or not works:
        return {}
    now = run.clock()
    looked_at = [(record, work.vocabulary) for work in works for record in work.records.values()]
    directory, found = run.people.directory(looked_at, now), {}
    for work in works:
        records = [work.records[side] for side in SIDES]
        said = run.govern.weigh(records, work.vocabulary.units, directory, now, work.pair.base)
        if said.left_out:
            label = f"{work.pair.number} = {work.pair.key}"
            found[work.key] = Outlook(work.key, said.due, said.left_out, label)
    return found
