"""Works the inbox off wave by wave, in turn or in lanes that overlap; what a wave does is not its affair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tieline.sync import passlog
from tieline.sync.model import InboxEntry
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.wave import wave

Progress = Callable[[str, int, int], None]


class Waves:
    """The waves of one pass.

    `keys` names the inbox entries that it is restricted to, asked anew for each wave. `again` looks again at
    what found no path, once issues have shown transitions that were not known before.
    """

    def __init__(
        self,
        run: Run,
        keys: Callable[[Tx], frozenset[str]] | None,
        again: Callable[[], None],
        progress: Progress,
    ) -> None:
        self._run = run
        self._keys = keys
        self._again = again
        self._progress = progress
        self._learned = self._done = self._at_work = 0
        with run.store.read() as tx:
            self._total = tx.inbox_count(run.started)

    def work_off(self) -> None:
        """All that is due, until it is done, `max_changes` is reached, or somebody wants the pass to end."""
        run, limit = self._run, self._run.config.limits.wave
        overlaps = not run.lanes.in_turn and self._keys is None and run.options.max_changes is None
        while self._goes_on():
            entries = self._due(limit + 1 if overlaps else limit)
            if not entries and run.counts["transitions_learned"] > self._learned:
                self._learned = run.counts["transitions_learned"]
                self._again()
            elif not entries:
                return
            elif len(entries) > limit:
                self._overlap()
            else:
                self._one(entries)

    def _goes_on(self) -> bool:
        return self._run.writes_left != 0 and not self._run.stop() and not self._run.lanes.failed

    def _due(self, limit: int, paired: bool | None = None) -> list[InboxEntry]:
        run = self._run
        with run.store.read() as tx:
            only = None if self._keys is None else self._keys(tx)
            found = tx.due(run.started, limit + len(run.taken), only, paired=paired)
        return [entry for entry in found if entry.key not in run.taken][:limit]

    def _one(self, entries: Sequence[InboxEntry]) -> None:
        passlog.wave(self._run.id, len(entries))
        wave(self._run, entries)
        self._done += len(entries)
        self._progress("bringing incidents in step", self._done, max(self._total, self._done))

    def _overlap(self) -> None:
        """One lane for records without a pair (two of them might pair one record twice), others for pairs."""
        lanes = self._run.lanes
        lanes.run([partial(self._lane, False), *[partial(self._lane, True)] * lanes.waves])

    def _lane(self, paired: bool) -> None:
        """Waves of one kind, for as long as there are any or another lane may still make some."""
        run = self._run
        while self._goes_on():
            entries = self._due(run.config.limits.wave, paired)
            if entries:
                self._taking(entries)
            elif self._at_work:
                run.lanes.rest()
            else:
                return

    def _taking(self, entries: Sequence[InboxEntry]) -> None:
        keys = {entry.key for entry in entries}
        self._run.taken |= keys
        self._at_work += 1
        try:
            self._one(entries)
        finally:
            self._run.taken -= keys
            self._at_work -= 1
            self._run.lanes.tell()
