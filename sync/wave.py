"""One wave of inbox entries: which pairs are worked on, which are ended or left, and what the scope says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tieline.connectors.base import SIDES, Ref
from tieline.sync.apply import apply_wave, read_missing
from tieline.sync.candidates import in_scope
from tieline.sync.config.model import Route
from tieline.sync.intake import intake
from tieline.sync.keeping_out import pairs_left_out
from tieline.sync.model import InboxEntry, Outlook
from tieline.sync.pairing import unlink
from tieline.sync.run import Run
from tieline.sync.work import Work, close

LEFT_SCOPE: Final = "left_scope"


def wave(run: Run, entries: Sequence[InboxEntry]) -> None:
    """Work off one wave of inbox entries: each leaves the inbox, or is put off to a later time."""
    free = unblocked(run, entries)
    apply_wave(run, gather(run, [entry for entry in free if entry.pair_id is not None]))
    intake(run, [entry for entry in free if entry.pair_id is None])


def unblocked(run: Run, entries: Sequence[InboxEntry]) -> list[InboxEntry]:
    """The entries without an open intent; the others are put off."""
    blocked = [entry for entry in entries if entry.key in run.blocked]
    if blocked:
        with run.store.transaction() as tx:
            tx.postpone(blocked, run.clock() + run.config.limits.unknown_quiet)
    return [entry for entry in entries if entry.key not in run.blocked]


def gather(run: Run, entries: Sequence[InboxEntry]) -> list[Work]:
    """The pairs of these entries with both records, without those that are not to be touched.

    Those of a paused route leave the inbox: once it goes on, the feeds are read again from here.
    """
    with run.store.read() as tx:
        pairs = tx.pairs([entry.pair_id for entry in entries if entry.pair_id is not None])
    works, idle, ended = [], [], []
    for entry in entries:
        pair = pairs.get(entry.pair_id) if entry.pair_id is not None else None
        if pair is None or pair.state == "unlinked":
            ended.append(entry)
        elif pair.route not in run.routes or run.routes[pair.route].paused:
            idle.append(entry)
        else:
            works.append(Work(entry, pair, run.vocabularies[pair.route]))
    if ended or idle:
        with run.store.transaction() as tx:
            tx.leave([*ended, *idle])
            for entry in ended:
                tx.unpark(entry.key)
            # Or they would stand first in every sweep.
            tx.touch_pairs([entry.pair_id for entry in idle if entry.pair_id is not None], run.clock())
    read_missing(run, works)
    _mind_scope(run, [work for work in works if work.open])
    return [work for work in works if work.open]


def _mind_scope(run: Run, works: Sequence[Work]) -> None:
    """Do what the route says about pairs of which a record left the scope, or came back."""
    for name, route in run.routes.items():
        mine = [work for work in works if work.pair.route == name]
        if not mine:
            continue
        follows = route.leaves_scope != "keep"
        inside = _inside(run, route, mine) if follows else None
        out = pairs_left_out(run, mine) if follows else {}
        left = [w for w in mine if inside is not None and (w.key not in inside or w.key in out)]
        back = [work for work in mine if work not in left and work.pair.state != "active"]
        if left or back:
            _follow_scope(run, left, back, freeze=route.leaves_scope == "freeze")
            with run.store.transaction() as tx:
                tx.save_outlooks([out.get(work.key, Outlook(work.key)) for work in left])


def _inside(run: Run, route: Route, works: Sequence[Work]) -> frozenset[str]:
    """The keys of the pairs of which both records are in the route's scope."""
    inside = frozenset[Ref]()
    for side in SIDES:
        inside |= in_scope(run, route, side, [work.pair.ref(side) for work in works])
    return frozenset(
        work.key
        for work in works
        if work.records["jira"].place == work.vocabulary.place("jira")
        and all(work.pair.ref(side) in inside for side in SIDES)
    )


def _follow_scope(run: Run, left: Sequence[Work], back: Sequence[Work], *, freeze: bool) -> None:
    with run.store.transaction() as tx:
        for work in back:
            work.pair = replace(work.pair, state="active")
            tx.save_pair(work.pair)
        for work in left:
            run.counts[LEFT_SCOPE] += work.pair.state == "active"
            if freeze:
                work.pair = replace(work.pair, state="frozen")
                tx.save_pair(work.pair)
            else:
                work.pair = unlink(run, tx, work.pair)
            tx.leave([work.entry])
            close(work)
