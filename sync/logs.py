"""Logs as text or JSON on standard error, each line with the pass it belongs to."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

from tieline.sync import passlog


def set_up_logs(level: str, form: str) -> None:
    """Send what `tieline` logs to standard error. `level` debug shows ticket text; nothing else does."""
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _with_pass,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    log = logging.getLogger("tieline")
    log.handlers = [handler]
    log.setLevel(level.upper())
    log.propagate = False


def _with_pass(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the running pass to a line that does not name one, such as the transport's."""
    if passlog.current():
        event.setdefault("pass_id", passlog.current())
    return event
