"""Whether a pass may work on a state: whose it is, which mapping it knows, what it may not know."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from tieline.connectors.errors import ConfigError
from tieline.sync.config.model import Config
from tieline.sync.remapping import Change, changes
from tieline.sync.run import PassStopped, Run
from tieline.sync.store.store import Tx

LEFT: Final = "left"
"""Note: when `tieline leave` took this installation down."""
UNSURE: Final = "unsure_before"
"""Note: a restored or rebuilt state may not know the mirrors of records older than this."""


class MappingChanged(ConfigError):
    """The mapping is another one than at the last pass, and a pass might rewrite what is there."""


def refuse_unfit(run: Run, tx: Tx) -> None:
    """Refuse a foreign state, one that was left, and a changed mapping that nobody accepted."""
    config = run.config
    check_owner(config, tx)
    left = tx.note(LEFT)
    if left is not None:
        raise PassStopped(
            f"the installation {config.installation!r} was left on {left[:10]}: stop the schedule that "
            "runs this. To begin anew: `tieline rebuild` where the markers were kept; elsewhere move this "
            "state away, and join what belongs together with `tieline adopt` before the first pass"
        )
    grave = [change for change in mapping_changes(config, tx) if change.grave]
    if not grave or not tx.pair_count():
        return
    if not run.options.accept:
        lines = "".join(f"\n  {change}" for change in grave)
        raise MappingChanged(
            f"the mapping changed since the last pass, and what is there may be rewritten:{lines}\n"
            "Nothing was done. `tieline plan --all` shows what would be written, and `tieline sync --accept` "
            "goes on with it"
        )
    tx.check_again()


def remember_mapping(run: Run) -> None:
    """The state is in step with this mapping from now on."""
    with run.store.transaction() as tx:
        tx.set_note("mapping", json.dumps(run.config.mapping()))
        tx.set_note("fingerprint", run.config.fingerprint())


def check_owner(config: Config, tx: Tx) -> None:
    """ConfigError if the state belongs to another installation."""
    known = tx.note("installation")
    if known is not None and known != config.installation:
        raise ConfigError(
            f"the state belongs to the installation {known!r}, the configuration names "
            f"{config.installation!r}: use the state that goes with it"
        )


def mapping_changes(config: Config, tx: Tx) -> tuple[Change, ...]:
    """How the mapping differs from the one that the state was last brought in step with."""
    known, mapping = tx.note("fingerprint"), tx.note("mapping")
    if known is None or known == config.fingerprint():
        return ()
    if mapping is None:
        return (Change("mapping", "changed, and the state does not tell what it was", grave=True),)
    return changes(json.loads(mapping), config.mapping())


def unsure_before(run: Run) -> datetime | None:
    """Records from before this may have mirrors that the state does not know; None if it knows all."""
    with run.store.read() as tx:
        noted = tx.note(UNSURE)
    return None if noted is None else datetime.fromisoformat(noted)
