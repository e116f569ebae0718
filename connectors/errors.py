"""Failures, named by what the caller must do next.

    TielineError
      ConfigError | PolicyError | StateError      tell the person, exit 2
      ConnectorError
        Retryable                                 proven not applied; may be sent again
          RateLimited(retry_after) | Unavailable
        Unknown                                   may have been applied: probe, never resend
        Stale                                     plan again
        Rejected(fields)                          the system said no: park this pair, go on
        Denied                                    credentials or rights: stop this side
        Gone                                      deleted, or hidden from this account
        Malformed                                 the answer breaks the contract: believe none of it
          Unreadable(labels)                      ... of single records; all others were told before

Messages are for people: they name the place and the remedy, and never hold a secret, a cookie or an
answer's headers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class TielineError(Exception):
    """Anything that Tieline itself says went wrong."""


class ConfigError(TielineError):
    """The configuration cannot be used as it is; the text lists every fault with its place."""


class PolicyError(TielineError):
    """A policy file cannot be used as it is."""


class StateError(TielineError):
    """The state is locked, unreadable, of another version, or cannot be written."""


class ConnectorError(TielineError):
    """A system did not do what was asked; the subclass says what to do about it."""


class Retryable(ConnectorError):
    """Proven not applied: the same request may be sent again, later."""


class RateLimited(Retryable):
    """The system asks for a pause of `retry_after` seconds (None: it did not say how long)."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Retryable):
    """The system was not reached, or said that it is out of service before it did anything."""


class Unknown(ConnectorError):
    """The answer was lost or cannot be trusted: the write may have been applied. Probe, never resend."""


class Stale(ConnectorError):
    """What the write was decided from has moved: plan the pair again."""


class Rejected(ConnectorError):
    """The system refused this write for a reason of its own; `fields` maps its names to its words."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: Mapping[str, str] = dict(fields or {})


class Denied(ConnectorError):
    """Credentials or rights are missing: everything on this side stops."""


class Gone(ConnectorError):
    """The record is deleted or hidden from this account; the two cannot be told apart."""


class Malformed(ConnectorError):
    """An answer of a read that breaks the contract (HTML, broken JSON, 200 with an error in it)."""


class Unreadable(Malformed):
    """Single records break the contract, `labels` names them; all others were told before this."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(f"these records cannot be read: {', '.join(labels)}")
        self.labels = tuple(labels)
