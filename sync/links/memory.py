"""What was last looked at of incidents, as digests in the state: only what moved is looked at again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from tieline.connectors.base import Ref
from tieline.sync.links.evidence import INHERITED
from tieline.sync.links.relations_model import Standing
from tieline.sync.model import Base, Pair
from tieline.sync.run import Run
from tieline.sync.store.codec import encode_base
from tieline.sync.store.store import Tx


def changed(run: Run, pairs: Sequence[Pair]) -> list[Pair]:
    """Those of which something relevant moved since `looked_at`; no side is asked.

    That is a mirrored value, a relation of its own, of its parent, of what it repeats or of its outage, or an
    entry of a mirrored conversation that is not ours.
    """
    with run.store.read() as tx:
        known = tx.notes([_looked(pair) for pair in pairs])
        now = _fingerprints(tx, pairs)
        return [pair for pair in pairs if known.get(_looked(pair)) != now[pair.id]]


def looked_at(run: Run, pairs: Sequence[Pair]) -> None:
    """Remember how these pairs stood when they were surveyed."""
    with run.store.transaction() as tx:
        for pair, print_ in zip(pairs, _fingerprints(tx, pairs).values(), strict=True):
            tx.set_note(_looked(pair), print_)


def _looked(pair: Pair) -> str:
    return f"links.looked:{pair.id}"


def _fingerprints(tx: Tx, pairs: Sequence[Pair]) -> dict[int, str]:
    ids = [pair.id for pair in pairs]
    kept, heard = tx.relations_of(ids), tx.heard(ids)
    near = _next_door(tx, {door for standings in kept.values() for door in doors(standings)})
    found = {}
    for pair in pairs:
        mine = kept.get(pair.id, ())
        ties = [k for k in mine if k.relation != "affected"]  # no evidence is found in those
        lines = sorted(f"{k.relation} {k.target} {k.servicenow} {k.jira}" for k in ties)
        lines += sorted(f"{h.side} {h.id} {h.stamp}" for h in heard.get(pair.id, ()) if h.fate != "own")
        lines += [line for door in sorted(doors(mine)) for line in near.get(door, ())]
        found[pair.id] = _fingerprint(pair, lines)
    return found


def _fingerprint(pair: Pair, lines: Sequence[str]) -> str:
    units = {name: replace(unit, equal_at=None, trail=()) for name, unit in sorted(pair.base.units.items())}
    return sha256(encode_base(Base(units)) + "\n".join(lines).encode()).hexdigest()[:16]


def doors(standings: Iterable[Standing]) -> list[Ref]:
    """The parents, and what is repeated: what they have speaks for the incident."""
    return [s.target for s in standings if s.relation in ("parent", "duplicate") and (s.servicenow or s.jira)]


def _next_door(tx: Tx, refs: Iterable[Ref]) -> dict[Ref, list[str]]:
    """By door what it has and what the incidents behind it have: once, or more often."""
    wanted = sorted(refs)
    if not wanted:
        return {}
    owners: dict[int, set[Ref]] = {}
    for ref, pair in tx.pairs_of(wanted).items():
        owners.setdefault(pair.id, set()).add(ref)
    for standing in tx.related_to(wanted):
        if standing.relation == "parent":
            owners.setdefault(standing.pair, set()).add(standing.target)
    counted: dict[Ref, Counter[str]] = {}
    for id_, standings in tx.relations_of(owners).items():
        held = [
            f"{s.relation} {s.target}"
            for s in standings
            if s.relation in INHERITED and (s.servicenow or s.jira)
        ]
        for ref in owners[id_]:
            counted.setdefault(ref, Counter()).update(held)
    return {ref: sorted(f"{what} {min(n, 2)}" for what, n in held.items()) for ref, held in counted.items()}


def concerned(run: Run, pairs: Sequence[Pair]) -> list[Pair]:
    """These pairs, and those that are next door to them: a relation of one speaks for the other."""
    with run.store.read() as tx:
        kept = tx.relations_of([pair.id for pair in pairs])
        refs = {Ref("servicenow", pair.servicenow.id, "incident") for pair in pairs}
        refs |= {door for standings in kept.values() for door in doors(standings)}
        near = {s.pair for s in tx.related_to(sorted(refs)) if s.relation in ("parent", "duplicate")}
        others = tx.pairs(near - {pair.id for pair in pairs})
    return [*pairs, *(pair for pair in others.values() if pair.state == "active")]
