"""Whether this pass is to look for what incidents belong to; what looks is imported only where it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tieline.connectors.errors import ConnectorError
from tieline.sync import passlog

if TYPE_CHECKING:
    from tieline.sync.policy.model import Policy
    from tieline.sync.run import Run

FAILED: Final = "links_failed"
"""The count of looks that a side kept us from; they are made by the next pass."""


def look_around(run: Run) -> None:
    """Look for evidence, where `[links]` or the policy speaks of links. A look that fails stops no pass."""
    policy = _policy(run)
    if not _asked_for(run, policy) or run.stop():
        return
    from tieline.sync.links.watch import watch  # slow to import

    try:
        watch(run, policy)
    except ConnectorError as error:
        run.counts[FAILED] += 1
        passlog.look_failed(run.id, str(error))


def _policy(run: Run) -> Policy | None:
    if run.govern is None:
        return None
    from tieline.sync.policy.govern import Governor  # a pass without a policy needs none of it

    return run.govern.engine.policy if isinstance(run.govern, Governor) else None


def _asked_for(run: Run, policy: Policy | None) -> bool:
    if run.config.links is not None:
        return run.config.links.look
    return policy is not None and policy.links is not None
