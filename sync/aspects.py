"""What is kept in step besides the mirrored fields: the conversation, attachments, relations.

Each is an Aspect with its own memory in the state. It reads for a whole wave, plans for one pair, and its
writes go through the same intents, outcomes and audit as those of the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from tieline.connectors.base import Action, AddComment, Applied, Record, Ref, Relate, Unrelate, Update
from tieline.connectors.errors import Rejected
from tieline.sync.model import Conflict, Intent, Step

if TYPE_CHECKING:
    from tieline.sync.config.model import Config
    from tieline.sync.decide import Context
    from tieline.sync.run import Run
    from tieline.sync.store.store import Tx
    from tieline.sync.work import Work


@dataclass(frozen=True, slots=True)
class Extra:
    """What one aspect wants to write for one pair: before the fields' steps, and after them.

    A comment goes out before the incident is closed, for a closed one takes none; after it was reopened.
    """

    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a write whose answer was lost; `made` is None where nothing tells.

    `why` goes into the audit. `told` are the Conflicts of what the write ran over, or of what may be run over
    for it. `remember` keeps what was found, in the transaction that ends the intent.
    """

    made: bool | None
    why: str
    told: tuple[Conflict, ...] = ()
    remember: Callable[[Tx], None] | None = None


NOT_MADE: Final = Recovered(False, "its answer was lost; it was not made")
"""What is not there: it will be planned again."""


class Part(Protocol):
    """One aspect of one pair, as it was read for this wave."""

    def owns(self, action: Action) -> bool:
        """Whether this kind of write is this aspect's."""

    def plan(self, work: Work, context: Context) -> Extra:
        """What is left to write. Pure over what was read and settled so far."""

    def settled(self, tx: Tx, step: Step, result: Applied, at: datetime) -> None:
        """One of its writes was made: remember it, in the transaction that ends its intent."""

    def refused(self, tx: Tx, step: Step, error: Rejected, at: datetime) -> bool:
        """One of its writes was refused. True: dealt with, the pair goes on; False: the pair is parked."""


@runtime_checkable
class Looking(Protocol):
    """A Part that remembers what it found without writing anything to a side."""

    def looked(self, tx: Tx, work: Work, at: datetime) -> None:
        """The pair was planned: what needs no write is settled, in the transaction that settles fields."""


@runtime_checkable
class Telling(Protocol):
    """A Part that hears what people say."""

    def said(self) -> tuple[str, ...]:
        """What people said that was not heard before, in their words; nothing that Tieline wrote."""


class Aspect(Protocol):
    """One aspect in one pass."""

    def owns(self, action: Action) -> bool:
        """Whether this kind of write is this aspect's."""

    def read(self, run: Run, works: Sequence[Work]) -> Mapping[int, Part]:
        """Read, in batches, what the aspect needs of these pairs; by pair id. Both records are known.

        A pair that cannot be read now is left out: it is looked at again with the next change or sweep.
        """

    def recover(self, run: Run, intent: Intent) -> Recovered:
        """Whether a write whose answer was lost was made. Raises what kept us from looking.

        It changes nothing: the caller ends the intent, in one transaction with what is to be remembered, and
        its Conflicts are told there, but for those of a write that was not made.
        """


@runtime_checkable
class Hearing(Protocol):
    """An Aspect that hears of what no record's own feed tells."""

    def hear(self, run: Run) -> None:
        """Put the pairs that it concerns into the inbox."""

    def would_hear(self, run: Run) -> Iterable[Ref]:
        """Records of the pairs that it would put into the inbox; the state stays as it is."""


def aspects_of(config: Config) -> tuple[Aspect, ...]:
    """The aspects that the configuration asks for, in the order in which they write."""
    found: list[Aspect] = []
    if config.attachments is not None:
        from tieline.sync.attachments.aspect import FilesAspect

        found.append(FilesAspect(config, config.attachments))
    if config.links is not None and (config.links.type or config.links.affected):
        from tieline.sync.links.relations_aspect import Relations

        tables = {route.name: route.servicenow.table for route in config.routes}
        found.append(Relations(config.links.type, tables, affected=config.links.affected))
    if config.comments is not None:
        from tieline.sync.conversation.aspect import ConversationAspect

        found.append(ConversationAspect(config.comments))
    return tuple(found)


def hear_all(run: Run) -> None:
    """Let the aspects put into the inbox what no record's own feed tells of."""
    for aspect in run.aspects:
        if isinstance(aspect, Hearing):
            aspect.hear(run)


def heard_by_all(run: Run) -> Iterator[Ref]:
    """What `hear_all` would put into the inbox."""
    for aspect in run.aspects:
        if isinstance(aspect, Hearing):
            yield from aspect.would_hear(run)


def read_parts(run: Run, works: Sequence[Work]) -> None:
    """Read the aspects of the pairs of a wave that have both records and were not read yet."""
    fresh = [work for work in works if work.open and work.parts is None]
    for work in fresh:
        work.parts = []
    for aspect in run.aspects if fresh else ():
        parts = aspect.read(run, fresh)
        for work in fresh:
            part = parts.get(work.pair.id)
            if part is not None and work.parts is not None:
                work.parts.append(part)


def with_aspects(work: Work, steps: Sequence[Step], context: Context) -> list[Step]:
    """The steps of the fields with those of the aspects before and after them."""
    extras = [part.plan(work, context) for part in work.parts or ()]
    before = [step for extra in extras for step in extra.before]
    after = [step for extra in extras for step in extra.after]
    return [*before, *steps, *after]


def remember_looks(tx: Tx, work: Work, at: datetime) -> None:
    """Let the aspects of a pair that was planned settle what needs no write."""
    for part in work.parts or ():
        if isinstance(part, Looking):
            part.looked(tx, work, at)


def said_in(work: Work) -> tuple[str, ...]:
    """What people said about an incident that was not heard before."""
    return tuple(text for part in work.parts or () if isinstance(part, Telling) for text in part.said())


def refreshed(steps: Sequence[Step], shown: Record, *, alone: bool | None = None) -> list[Step]:
    """What is left to do after a write of ours showed `shown`: ties are then decided from that Version.

    So are fields and entries, if nobody else wrote until then (`alone`). Where what a step was to overwrite
    has moved meanwhile, that step and all behind it are planned again.
    """
    found: list[Step] = []
    for step in steps:
        action = step.action
        if isinstance(action, Relate | Unrelate) and action.ref == shown.ref and action.seen.token:
            if not holds_as_before(shown, action):
                return found
            step = replace(step, action=replace(action, seen=shown.version))
        if (
            alone and isinstance(action, Update | AddComment)
            and action.ref == shown.ref and action.seen.token
        ):  # fmt: skip
            if any(shown.values.get(name) != value for name, value in action.before.items()):
                return found
            step = replace(step, action=replace(action, seen=shown.version))
        found.append(step)
    return found


def holds_as_before(shown: Record, action: Relate | Unrelate) -> bool:
    """Whether the column that a tie was to be written to holds what it held when that was decided."""
    held = {tie.name: tie.label or tie.target.id for tie in shown.ties or ()}
    return held.get(action.name) == action.before.get(action.name)


def part_of(work: Work, action: Action) -> Part | None:
    """The aspect of this pair that an action belongs to; None for one of the fields."""
    return next((part for part in work.parts or () if part.owns(action)), None)


def aspect_of(run: Run, action: Action) -> Aspect | None:
    """The aspect that an action belongs to; None for one of the fields."""
    return next((aspect for aspect in run.aspects if aspect.owns(action)), None)
