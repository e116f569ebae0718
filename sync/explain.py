"""Plans, outcomes and records as text and as JSON: one value, rendered for people and for machines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from tieline.connectors.base import (
    Action,
    AddComment,
    AddNote,
    Attach,
    Create,
    Relate,
    RemoveLink,
    ShowLink,
    Side,
    Transition,
    Unrelate,
    Update,
    Value,
    Values,
)
from tieline.connectors.errors import ConnectorError, Denied, Malformed, RateLimited
from tieline.sync.attachments.notes import size
from tieline.sync.model import Conflict, Park, PassSummary, Plan, Step
from tieline.sync.words import counted

LONGEST = 60
"""Characters of one value that a line shows."""
LEAD = 20
"""Characters that a line shows of two long texts before the place where they begin to differ."""


def shown(value: Value, longest: int = LONGEST) -> str:
    """One value on one line: quoted, shortened, without control characters; ↵ stands for a line's end."""
    if value is None:
        return "(empty)"
    text = ", ".join(sorted(value)) if isinstance(value, frozenset) else value
    flat = "".join(c if c.isprintable() else "↵" if c == "\n" else " " for c in text)
    return f"'{flat}'" if len(flat) <= longest else f"'{flat[: longest - 1]}…'"


def as_json(value: Value) -> Any:
    """One value for JSON: a set as a sorted list."""
    return sorted(value) if isinstance(value, frozenset) else value


def values_json(values: Values) -> dict[str, Any]:
    """Several values for JSON."""
    return {name: as_json(value) for name, value in sorted(values.items())}


def moved(before: Value, after: Value) -> str:
    """A change on one line: of long texts the part where they begin to differ."""
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > LONGEST:
        same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
        start = max(0, same - LEAD)
        before, after = (f"…{text[start:]}" if start else text for text in (before, after))
    return f"{shown(before)} -> {shown(after)}"


Names = Mapping[tuple[Side, str], str]
"""What people and groups are called: (side, id) -> name."""


def action_lines(action: Action, names: Names | None = None) -> list[str]:
    """What one action writes, a line a field; people by their names where those are known."""

    def named(side: Side, value: Value) -> Value:
        known = (names or {}).get((side, value)) if isinstance(value, str) else None
        return known or value

    match action:
        case Create():
            head = f"create in {action.side} at {action.place}"
            given = ((n, named(action.side, v)) for n, v in sorted(action.values.items()))
            return [head, *(f"  {n} := {shown(value)}" for n, value in given)]
        case Update(ref=ref):
            return [
                f"{ref.side} {n}: {moved(named(ref.side, action.before.get(n)), named(ref.side, v))}"
                for n, v in sorted(action.values.items())
            ]
        case Transition():
            extra = "".join(f", {n} := {shown(v)}" for n, v in sorted(action.values.items()))
            return [f"jira status -> {shown(action.move.to)}{extra}"]
        case ShowLink():
            return [
                f"{action.ref.side} shows {action.label}" + (f" ({action.status})" if action.status else "")
            ]
        case RemoveLink():
            return [f"{action.ref.side} does not show the other half any more"]
        case Relate():
            return [f"{action.ref.side} is tied to {action.label or action.target} ({_tie(action)})"]
        case Unrelate():
            return [f"{action.ref.side} is not tied to {_untied(action)} any more ({_tie(action)})"]
        case AddNote():
            return [f"{action.ref.side} gets an internal note: {shown(action.text)}"]
        case Attach():
            return [f"{action.ref.side} gets the file {shown(action.name)} ({size(action.size)})"]
        case AddComment():
            readers = "a public" if action.public else "an internal"
            said = f": {shown(action.text)}" if action.text else ""
            return [f"{action.ref.side} gets {readers} comment: {action.line}{said}"]
        case _:
            assert_never(action)


def _tie(action: Relate | Unrelate) -> str:
    """How a tie is made on its side: the column, the link type with its direction, or a remote link."""
    if action.ref.side == "servicenow":
        return action.name
    if action.global_id:
        return f"remote link, {action.name}"
    return f"issue link, {action.name}, {'outward' if action.outward else 'inward'}"


def _untied(action: Unrelate) -> str:
    before = action.before.get(action.name)
    return before if isinstance(before, str) else str(action.target)


def step_lines(step: Step, names: Names | None = None) -> list[str]:
    """One step: what it writes, and why."""
    lines = action_lines(step.action, names)
    return [*lines, *(f"    because {why}" for why in step.why if why)]


def plan_lines(plan: Plan, names: Names | None = None) -> list[str]:
    """One pair's plan; `names` are those of the people and groups in it."""
    lines = [line for step in plan.steps for line in step_lines(step, names)]
    lines += [f"hold: {c.reason}" for c in plan.conflicts if c.open]
    lines += [] if plan.park is None else [f"park: {plan.park.detail}"]
    return lines


def action_json(action: Action) -> dict[str, Any]:
    """One action for JSON."""
    match action:
        case Create():
            return {"action": "create", "side": action.side, "place": action.place,
                    "marker": action.marker, "values": values_json(action.values)}  # fmt: skip
        case Update():
            return {"action": "update", "side": action.ref.side, "id": action.ref.id,
                    "before": values_json(action.before), "values": values_json(action.values)}  # fmt: skip
        case Transition():
            return {"action": "transition", "side": action.ref.side, "id": action.ref.id,
                    "to": action.move.to, "values": values_json(action.values)}  # fmt: skip
        case ShowLink():
            return {"action": "link", "side": action.ref.side, "id": action.ref.id,
                    "label": action.label, "status": action.status}  # fmt: skip
        case RemoveLink():
            return {"action": "unlink", "side": action.ref.side, "id": action.ref.id}
        case Relate() | Unrelate():
            return {"action": type(action).__name__.lower(), "side": action.ref.side, "id": action.ref.id,
                    "name": action.name, "target": str(action.target), "outward": action.outward,
                    "before": values_json(action.before), "values": values_json(action.values)}  # fmt: skip
        case Attach():
            return {"action": "attach", "side": action.ref.side, "id": action.ref.id, "name": action.name,
                    "size": action.size, "type": action.type, "origin": action.origin}  # fmt: skip
        case AddNote():
            return {"action": "note", "side": action.ref.side, "id": action.ref.id, "text": action.text}
        case AddComment():
            return {"action": "comment", "side": action.ref.side, "id": action.ref.id,
                    "public": action.public, "line": action.line, "text": action.text}  # fmt: skip
        case _:
            assert_never(action)


def plan_json(label: str, plan: Plan, note: str = "") -> dict[str, Any]:
    """One pair's plan for JSON."""
    steps = [{**action_json(step.action), "why": list(step.why)} for step in plan.steps]
    return {
        "incident": label,
        "steps": steps,
        "conflicts": [conflict_json(conflict) for conflict in plan.conflicts],
        "park": None if plan.park is None else park_json(plan.park),
        "note": note,
    }


def conflict_json(conflict: Conflict) -> dict[str, Any]:
    """A Conflict for JSON."""
    return {
        "id": conflict.id,
        "pair": conflict.pair,
        "field": conflict.unit,
        "kind": conflict.kind,
        "open": conflict.open,
        "winner": conflict.winner,
        "choice": conflict.choice,
        "reason": conflict.reason,
        "servicenow": values_json(conflict.servicenow),
        "jira": values_json(conflict.jira),
        "at": conflict.at.isoformat(),
        "closed_at": None if conflict.closed_at is None else conflict.closed_at.isoformat(),
        "pass": conflict.pass_id,
    }


def park_json(park: Park) -> dict[str, Any]:
    """A Park for JSON."""
    return {
        "key": park.key,
        "label": park.label,
        "reason": park.reason,
        "detail": park.detail,
        "since": park.since.isoformat(),
        "retry_at": None if park.retry_at is None else park.retry_at.isoformat(),
        "tries": park.tries,
    }


def advice(error: ConnectorError) -> str:
    """What to do about a failure that ended a command, for people."""
    on = "Nothing is lost: the next pass goes on where this one stopped."
    match error:
        case Denied():
            return f"{on} First check the account, its rights and its secret (`auth` in the configuration)."
        case RateLimited(retry_after=seconds) if seconds:
            return f"{on} The system asks for a pause of {seconds:.0f} seconds."
        case RateLimited():
            return f"{on} The system asks for a pause."
        case Malformed():
            return (
                f"{on} The answer was not believed. If it stays so, check the URL, and what stands in "
                "between: a login page, a proxy, an instance that hibernates."
            )
        case _:
            return f"{on} If it stays so, check the URL and the network."


def pass_json(summary: PassSummary) -> dict[str, Any]:
    """A pass for JSON."""
    return {
        "id": summary.id,
        "started": summary.started.isoformat(),
        "ended": None if summary.ended is None else summary.ended.isoformat(),
        "error": summary.error,
        "counts": dict(summary.counts),
    }


SUMMARY: Sequence[tuple[str, str, str]] = (
    ("looked_at", "looked at", "looked at"), ("created", "mirrored", "mirrored"),
    ("changed", "change", "changes"), ("said", "comment carried", "comments carried"),
    ("files", "file carried", "files carried"), ("notes", "note", "notes"),
    ("related", "relation made", "relations made"),
    ("unrelated", "relation removed", "relations removed"),
    ("problems_opened", "problem opened", "problems opened"), ("links_held", "held open", "held open"),
    ("conflicts", "conflict", "conflicts"), ("parked", "parked", "parked"),
    ("unknown", "unknown", "unknown"), ("rejected", "rejected", "rejected"), ("retry", "put off", "put off"),
)  # fmt: skip
"""The counts that the summary line names, and how: for one, and for any other number."""


def summary_line(summary: PassSummary, requests: Mapping[str, int] | None = None) -> str:
    """One line for people and logs: what a pass did, in how long, with how many requests."""
    counts = [(summary.counts.get(key, 0), one, many) for key, one, many in SUMMARY]
    always = ("looked at", "change")
    parts = [f"{n} {one if n == 1 else many}" for n, one, many in counts if n or one in always]
    took = "" if summary.ended is None else f" in {(summary.ended - summary.started).total_seconds():.1f} s"
    sent = "" if requests is None else f", {counted(sum(requests.values()), 'request')}"
    failed = f"; stopped: {summary.error}" if summary.error else ""
    return f"pass {summary.id}: {', '.join(parts)}{took}{sent}{failed}"
