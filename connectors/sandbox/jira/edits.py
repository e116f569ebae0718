"""Decides what a create, edit or transition changes, by screens and the workflow; it writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tieline.connectors.sandbox.jira.fields import (
    Desk,
    Invalid,
    check_label,
    not_on_screen,
    read,
    text_value,
    trace,
)
from tieline.connectors.sandbox.jira.model import (
    ApiError,
    Field,
    Item,
    Project,
    State,
    Status,
    Text,
    Transition,
    Value,
    bad_payload,
)
from tieline.connectors.sandbox.jira.world import World

Values = Mapping[str, Value]


@dataclass(slots=True)
class Draft:
    """What a request asks for: new values by field, comments to add, and what is wrong with it."""

    values: dict[str, Value] = field(default_factory=dict)
    comments: list[tuple[Text, Mapping[str, Any]]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def refuse(self) -> None:
        """Raise `ApiError` 400 if anything is wrong."""
        if self.messages or self.errors:
            raise ApiError(400, tuple(dict.fromkeys(self.messages)), self.errors)


def read_request(body: Mapping[str, Any], screen: Collection[str], before: Values, desk: Desk) -> Draft:
    """Read `fields` and `update` of a request against a screen; faults are collected in the draft."""
    draft = Draft()
    fields, update = body.get("fields") or {}, body.get("update") or {}
    if not isinstance(fields, Mapping) or not isinstance(update, Mapping):
        raise bad_payload()
    for name, wire in fields.items():
        if name in update:
            draft.errors[name] = f"Field '{name}' cannot appear in both 'fields' and 'update'"
        else:
            _apply(draft, name, [{"set": wire}], screen, before, desk)
    for name, operations in update.items():
        if name not in fields:
            _apply(draft, name, operations, screen, before, desk)
    return draft


def _apply(
    draft: Draft, name: str, operations: Any, screen: Collection[str], before: Values, desk: Desk
) -> None:  # fmt: skip
    try:
        if name == "comment":
            _add_comments(draft, operations, desk)
            return
        definition = desk.world.fields.get(name)
        if definition is None or name not in screen:
            raise Invalid(not_on_screen(name))
        value = before.get(name)
        for operation in operations if isinstance(operations, list) else [operations]:
            value = _operate(definition, value, operation, desk)
        draft.values[name] = value
    except Invalid as fault:
        if fault.general:
            draft.messages.append(fault.message)
        else:
            draft.errors[name] = fault.message


def _operate(definition: Field, value: Value, operation: Any, desk: Desk) -> Value:
    if not isinstance(operation, Mapping) or len(operation) != 1:
        raise Invalid("Update operations must be objects with one operation each.")
    ((verb, wire),) = operation.items()
    if verb == "set":
        return read(definition, wire, desk)
    if verb not in ("add", "remove") or definition.kind not in ("labels", "components"):
        raise Invalid(f"Field '{definition.id}' does not support operation '{verb}'.")
    there = value if isinstance(value, tuple) else ()
    if definition.kind == "labels":
        check_label(str(wire))
        labels = {v for v in there if isinstance(v, str)}
        return tuple(sorted(labels | {str(wire)} if verb == "add" else labels - {str(wire)}))
    one = read(definition, [wire], desk)
    assert isinstance(one, tuple)
    kept = [v for v in there if v not in one]
    return tuple([*kept, *one] if verb == "add" else kept)


def _add_comments(draft: Draft, operations: Any, desk: Desk) -> None:
    for operation in operations if isinstance(operations, list) else []:
        added = operation.get("add") if isinstance(operation, Mapping) else None
        if not isinstance(added, Mapping):
            raise Invalid("Comments can only be added here.")
        draft.comments.append((comment_text(added.get("body"), desk), added))


def comment_text(wire: Any, desk: Desk) -> Text:
    """The body of a comment. Raises `Invalid`; an empty body is refused."""
    try:
        text = text_value(wire, desk)
    except Invalid as fault:
        if desk.adf and fault.general:
            raise Invalid("Comment body is not valid!") from None
        raise
    if text is None:
        raise Invalid("Comment body can not be empty!")
    return text


@dataclass(frozen=True, slots=True)
class Hop:
    """A transition with the status it leads to, and the values that go with it."""

    transition: Transition
    status: Status


def open_transitions(state: State) -> Iterable[Transition]:
    """The arrows that start at the issue's status."""
    return (t for t in state.type.workflow.transitions if t.source == state.status.name)


def find_transition(state: State, wire: Any) -> Transition:
    """The open transition that a request names. Raises `ApiError` 400."""
    id_ = wire.get("id") if isinstance(wire, Mapping) else None
    if id_ is None:
        raise ApiError(400, ("Missing 'transition' identifier",))
    found = next((t for t in open_transitions(state) if t.id == str(id_)), None)
    if found is None:
        raise ApiError(400, (f"Transition id '{id_}' is not valid for this issue.",))
    return found


def validate(transition: Transition, draft: Draft, before: Values, world: World) -> None:
    """Run the transition's validators: a required field must be given, or be there already."""
    for name in sorted(transition.required):
        given = draft.values[name] if name in draft.values else before.get(name)
        if given is None and name not in draft.errors:
            draft.messages.append(f"Field {world.fields[name].name} is required.")


def transition_values(transition: Transition, draft: Draft) -> dict[str, Value]:
    """The values that a transition sets, with what its post functions clear."""
    return draft.values | dict.fromkeys(transition.clears)


def changed(before: Values, after: Mapping[str, Value]) -> dict[str, Value]:
    """Those of the new values that differ from what is there; nothing and an empty tuple are one."""
    return {name: value for name, value in after.items() if (before.get(name) or None) != (value or None)}


_CHANGELOG_NAMES: Final = {"components": "Component"}


def items(before: Values, changes: Mapping[str, Value], world: World) -> list[Item]:
    """The changelog items of changed values."""
    out = []
    for name, value in changes.items():
        definition = world.fields[name]
        origin, origin_text = trace(definition, before.get(name), world)
        target, target_text = trace(definition, value, world)
        label = definition.name if definition.is_custom else _CHANGELOG_NAMES.get(name, name)
        out.append(Item(label, name, definition.is_custom, origin, origin_text, target, target_text))
    return out


def status_item(before: Status, after: Status) -> Item:
    """The changelog item of a move from one status to another."""
    return Item("status", "status", False, before.id, before.name, after.id, after.name)


def project_items(before: State, after: State) -> list[Item]:
    """The changelog items of a move to another project."""
    found = [
        Item(
            "project",
            "project",
            False,
            before.project.id,
            before.project.name,
            after.project.id,
            after.project.name,
        ),
        Item("Key", "key", False, None, before.key, None, after.key),
    ]
    if before.type.id != after.type.id:
        found.append(
            Item(
                "issuetype",
                "issuetype",
                False,
                before.type.id,
                before.type.name,
                after.type.id,
                after.type.name,
            )
        )
    if before.status.id != after.status.id:
        found.append(status_item(before.status, after.status))
    return found


def resolved_at(before: State, values: Mapping[str, Value], now: datetime) -> datetime | None:
    """When the issue counts as resolved: since its resolution was set, and not once it is cleared."""
    if values.get("resolution") is None:
        return None
    return before.resolved if before.values.get("resolution") == values["resolution"] else now


def check_create(draft: Draft, project: Project, screen: Collection[str]) -> None:
    """What every create needs beyond its screen."""
    if "summary" in screen and not draft.values.get("summary") and "summary" not in draft.errors:
        draft.errors["summary"] = "You must specify a summary of the issue."
