"""Takes text of tickets and what is personal out of the state; the tickets themselves are not touched.

What is needed to go on stays: which records are a pair, when something was written, in which field, and what
came of it. While a pair is mirrored its next look brings back the values that both tickets then hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from tieline.connectors.base import Entity, Value, Values
from tieline.sync.model import AuditEntry, Base, Conflict, Dealt, Pair, UnitBase
from tieline.sync.pairing import pair_key, record_key
from tieline.sync.store import Store
from tieline.sync.store.store import Tx

FORGOTTEN: Final = "(forgotten)"
PAGE: Final = 500

Told = Callable[[str, int, int], None]
T = TypeVar("T", AuditEntry, Conflict)


def forget_pair(tx: Tx, pair: Pair) -> Counter[str]:
    """Forget what is in one pair's tickets: Base, audit entries, conflicts, park. How much was rewritten."""
    done: Counter[str] = Counter()
    last: AuditEntry | None = None
    while page := tx.audit_page(PAGE, pair=pair, before=last):
        tx.rewrite_audit([_blank_entry(entry) for entry in page])
        done["audit"] += len(page)
        last = page[-1]
    for conflict in tx.conflicts(open_only=False, pair=pair.id, limit=1_000_000):
        tx.save_conflict(_blank_conflict(conflict))
        done["conflicts"] += 1
    for park in tx.parked([pair_key(pair), record_key(pair.servicenow), record_key(pair.jira)]).values():
        tx.park(replace(park, detail=FORGOTTEN))
        done["parks"] += 1
    files = tx.files_of([pair.id]).get(pair.id, [])
    told = [replace(file, detail=FORGOTTEN) for file in files if file.detail]
    tx.save_files(told)
    done["relations"] += _forget_relations(tx, pair)
    done["attachments"] += len(told)
    if pair.base.units:
        tx.save_pair(replace(pair, base=Base(shown=pair.base.shown)))
        done["fields of the base"] += len(pair.base.units)
    return done


def _forget_relations(tx: Tx, pair: Pair) -> int:
    """Why a relation is wanted or held may quote a ticket; that it stands, and where, stays."""
    known = tx.relations_of([pair.id]).get(pair.id, ())
    told = [
        replace(s, held=s.held and FORGOTTEN, wanted=s.wanted and FORGOTTEN)
        for s in known if s.held or s.wanted
    ]  # fmt: skip
    tx.save_relations(told)
    return len(told)


def _blank_entry(entry: AuditEntry) -> AuditEntry:
    old, new = _blanked(entry.old), _blanked(entry.new)
    detail = FORGOTTEN if entry.detail else ""
    return replace(entry, old=old, new=new, why=(FORGOTTEN,) if entry.why else (), detail=detail)


def _blank_conflict(conflict: Conflict) -> Conflict:
    servicenow, jira = _blanked(conflict.servicenow), _blanked(conflict.jira)
    return replace(conflict, reason=FORGOTTEN, servicenow=servicenow, jira=jira)


def _blanked(values: Values) -> Values:
    return {name: None if value is None else FORGOTTEN for name, value in values.items()}


class Person:
    """What tells one person in the state: ids that fields hold, and the names that texts may hold."""

    def __init__(self, email: str, known: list[Entity]) -> None:
        self.known = known
        self.ids = frozenset({email.casefold(), *(e.id.casefold() for e in known)})
        words = {email, *(w for e in known for w in (e.name, e.user_name, e.email))}
        self.words = frozenset(word.casefold() for word in words if len(word) > 2)

    def in_text(self, text: str) -> bool:
        """Whether a text names the person."""
        lowered = text.casefold()
        return lowered in self.ids or any(word in lowered for word in self.words)

    def in_value(self, value: Value) -> bool:
        """Whether a field's value is or names the person."""
        if value is None:
            return False
        return any(map(self.in_text, (value,) if isinstance(value, str) else value))

    def without(self, values: Values) -> Values:
        """Values with what is or names the person replaced."""
        return {name: FORGOTTEN if self.in_value(value) else value for name, value in values.items()}

    def out_of_text(self, text: str) -> str:
        """A sentence, forgotten as a whole if it names the person."""
        return FORGOTTEN if self.in_text(text) else text


def forget_person(store: Store, email: str, progress: Told) -> tuple[Person, Counter[str]]:
    """Forget one person everywhere in the state; who it was, and what was rewritten."""
    with store.read() as tx:
        person = Person(email, tx.people_with(email))
    done: Counter[str] = Counter()
    done["audit"] = _walk(store, person, progress, "audit")
    done["conflicts"] = _walk(store, person, progress, "conflicts")
    done["fields of the base"] = _bases(store, person, progress)
    done["attachments"] = _files(store, person, progress)
    done["relations"] = _relations(store, person, progress)
    with store.transaction() as tx:
        for park in tx.all_parks():
            if person.in_text(park.detail):
                tx.park(replace(park, detail=FORGOTTEN))
                done["parks"] += 1
        for entity in person.known:
            tx.drop_person(entity)
            done["people"] += 1
    return person, done


def _walk(store: Store, person: Person, progress: Told, what: str) -> int:
    after, seen, changed = 0, 0, 0
    while True:
        with store.transaction() as tx:
            if what == "audit":
                entries = tx.walk_audit(after, PAGE)
                ids = [entry.id for entry in entries]
                new = [_entry_without(entry, person) for entry in entries]
                different = [n for n, o in zip(new, entries, strict=True) if n != o]
                tx.rewrite_audit(different)
                count = len(different)
            else:
                found = tx.walk_conflicts(after, PAGE)
                ids = [conflict.id for conflict in found]
                count = _save_changed(tx, found, person)
        if not ids:
            return changed
        after, seen, changed = ids[-1], seen + len(ids), changed + count
        progress(f"reading the {what}", seen, 0)


def _relations(store: Store, person: Person, progress: Told) -> int:
    """Why relations are wanted or held: a name among it may be the person's."""
    after: tuple[int, str, str] | None = None
    seen = changed = 0
    while True:
        with store.transaction() as tx:
            found = tx.walk_relations(after, PAGE)
            new = [
                replace(s, held=s.held and FORGOTTEN, wanted=s.wanted and FORGOTTEN)
                for s in found if person.in_text(s.held) or person.in_text(s.wanted)
            ]  # fmt: skip
            tx.save_relations(new)
        if not found:
            return changed
        after = (found[-1].pair, found[-1].relation, str(found[-1].target))
        seen, changed = seen + len(found), changed + len(new)
        progress("reading the relations", seen, 0)


def _files(store: Store, person: Person, progress: Told) -> int:
    """What was said of files: a name among it may be the person's."""
    after: tuple[int, str, str] | None = None
    seen = changed = 0
    while True:
        with store.transaction() as tx:
            found = tx.walk_files(after, PAGE)
            new = [replace(f, detail=FORGOTTEN) for f in found if f.detail and person.in_text(f.detail)]
            tx.save_files(new)
        if not found:
            return changed
        after = (found[-1].pair, found[-1].side, found[-1].file)
        seen, changed = seen + len(found), changed + len(new)
        progress("reading the attachments", seen, 0)


def _save_changed(tx: Tx, found: list[Conflict], person: Person) -> int:
    count = 0
    for conflict in found:
        new = replace(
            conflict,
            servicenow=person.without(conflict.servicenow),
            jira=person.without(conflict.jira),
            reason=person.out_of_text(conflict.reason),
        )
        if new != conflict:
            tx.save_conflict(new)
            count += 1
    return count


def _entry_without(entry: AuditEntry, person: Person) -> AuditEntry:
    return replace(
        entry,
        old=person.without(entry.old),
        new=person.without(entry.new),
        why=tuple(map(person.out_of_text, entry.why)),
        detail=person.out_of_text(entry.detail),
    )


def _bases(store: Store, person: Person, progress: Told) -> int:
    """A unit whose Base names the person loses its history: the next look settles it if the sides agree."""
    after, seen, changed = 0, 0, 0
    while True:
        with store.transaction() as tx:
            pairs = tx.walk_pairs(after, PAGE)
            for pair in pairs:
                units = {n: u for n, u in pair.base.units.items() if not _names(u, person)}
                if len(units) < len(pair.base.units):
                    changed += len(pair.base.units) - len(units)
                    tx.save_pair(replace(pair, base=replace(pair.base, units=units)))
        if not pairs:
            return changed
        after, seen = pairs[-1].id, seen + len(pairs)
        progress("reading the pairs", seen, 0)


def _names(unit: UnitBase, person: Person) -> bool:
    held: list[Mapping[str, Value]] = []
    for dealt in (unit.servicenow, unit.jira):
        held += _values(dealt)
    return any(person.in_value(value) for values in held for value in values.values())


def _values(dealt: Dealt | None) -> list[Values]:
    if dealt is None:
        return []
    return [dealt.values] if dealt.system is None else [dealt.values, dealt.system]
