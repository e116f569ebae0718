"""The day that a date node means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def day(timestamp: str) -> str:
    """A date node's milliseconds since 1970 as year, month and day (UTC, as Jira shows them)."""
    try:
        return (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=float(timestamp))).date().isoformat()
        )
    except (ValueError, OverflowError):
        return timestamp
