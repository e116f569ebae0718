"""Watchers of issues: who they are, and letting people watch or not, which are operations of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.connectors.base import Update, Value
from tieline.connectors.errors import Gone, Malformed, Rejected
from tieline.connectors.jira.settings import WATCHES
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.wire import segment


def watched(site: Site, issue: dict[str, Any]) -> dict[str, Any]:
    """The issue with those who watch it, ourselves left out: whoever comments becomes a watcher.

    One request for an issue that has watchers; an issue tells their number only.
    """
    raw = (issue.get("fields") or {}).get(WATCHES)
    if WATCHES not in site.settings.fields or not isinstance(raw, Mapping):
        return issue
    people: list[Any] = []
    if raw.get("watchCount"):
        what = f"watchers of issue {issue['id']}"
        answer = site.wire.get(what, f"issue/{segment(str(issue['id']))}/watchers")
        listed = answer.get("watchers") if isinstance(answer, Mapping) else None
        if not isinstance(listed, list):
            raise Malformed(f"{what}: the answer holds no list")
        key, us = ("accountId" if site.settings.cloud else "name"), site.account()
        people = [each for each in listed if isinstance(each, Mapping) and each.get(key) != us]
    return {**issue, "fields": {**issue["fields"], WATCHES: {"watchers": people}}}


def watch(site: Site, action: Update) -> None:
    """Let people watch an issue, and others no more; each is an operation that is safe to repeat.

    Rejected where one of them may not see the issue, or watchers may not be managed.
    """
    wanted, before = (_people(values.get(WATCHES)) for values in (action.values, action.before))
    path, what = f"issue/{segment(action.ref.id)}/watchers", f"watchers of issue {action.ref.id}"
    key = "accountId" if site.settings.cloud else "username"
    try:
        for id_ in sorted(wanted - before):
            site.wire.send(what, "POST", path, id_)
        for id_ in sorted(before - wanted):
            site.wire.send(what, "DELETE", path, {}, **{key: id_})
    except (Gone, Rejected) as error:
        raise Rejected(str(error), {WATCHES: str(error)}) from None


def _people(value: Value) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()
