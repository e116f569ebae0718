"""How each kind of field is read from the wire or a person, and shown in the changelog; no screens here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tieline.connectors.sandbox.jira import adf, wiki
from tieline.connectors.sandbox.jira.model import Field, Named, Project, Text, User, Value
from tieline.connectors.sandbox.jira.world import World, named

SUMMARY_LIMIT: Final = 255
LINE_LIMIT: Final = 255
Simple = str | Iterable[str] | None
"""A value as people in this process give and get it: a name, an accountId, plain text, or several names."""


class Invalid(Exception):
    """A value that Jira refuses: its message, about this field unless `general`."""

    def __init__(self, message: str, *, general: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.general = general


@dataclass(frozen=True, slots=True)
class Desk:
    """What reading a value depends on: the site, the text format of the API version, limits, the project."""

    world: World
    adf: bool
    text_limit: int
    project: Project
    creating: bool = False


def read(definition: Field, wire: Any, desk: Desk) -> Value:
    """The value that `wire` (JSON) stands for; `Invalid`, with Jira's words, if it stands for none."""
    if definition.kind == "line":
        return _line(definition, wire, desk)
    return _READERS[definition.kind](definition, wire, desk)


def _line(definition: Field, wire: Any, desk: Desk) -> Value:
    if wire is not None and not isinstance(wire, str):
        raise Invalid("Operation value must be a string")
    text = (wire or "").strip() if definition.id == "summary" else wire
    if definition.id == "summary":
        return _summary(str(text), cloud=desk.world.cloud)
    if text and len(text) > LINE_LIMIT:
        raise Invalid(
            f"The entered text is too long. It exceeds the allowed limit of {LINE_LIMIT} characters."
        )
    if text and ("\n" in text or "\r" in text):
        raise Invalid("The value is invalid because it contains newline characters.")
    return text or None


def _summary(text: str, *, cloud: bool) -> str:
    if not text:
        raise Invalid("You must specify a summary of the issue.")
    if "\n" in text or "\r" in text:
        raise Invalid("The summary is invalid because it contains newline characters.")
    if len(text) > SUMMARY_LIMIT:
        too_long = (
            "Summary can't exceed {} characters." if cloud else "Summary must be less than {} characters."
        )
        raise Invalid(too_long.format(SUMMARY_LIMIT))
    return text


def _text(definition: Field, wire: Any, desk: Desk) -> Value:
    return text_value(wire, desk)


def text_value(wire: Any, desk: Desk) -> Text | None:
    """A document (REST v3) or wiki markup (v2); its limit is counted in wiki markup, as Jira stores it."""
    if wire is None or (wire == "" and not desk.adf):
        return None
    if not desk.adf:
        if not isinstance(wire, str):
            raise Invalid("Operation value must be a string")
        text = Text(wire)
    elif not adf.is_document(wire):
        raise Invalid("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
    elif not adf.is_valid(wire) or adf.has_line_breaks(wire):
        raise Invalid(_UNSUPPORTED if desk.creating else "INVALID_INPUT", general=True)
    else:
        text = Text(adf.to_wiki(wire), wire)
    if desk.text_limit and len(text.wiki) > desk.text_limit:
        raise Invalid(
            f"The entered text is too long. It exceeds the allowed limit of {desk.text_limit:,} characters."
        )
    return text if text.wiki.strip() or (text.adf and text.adf["content"]) else None


_UNSUPPORTED: Final = (
    "We can't create this issue for you right now, it could be due to unsupported content you've entered "
    "into one or more of the issue fields. If this situation persists, contact your administrator as they'll "
    "be able to access more specific information in the log file."
)


def _named(among: Iterable[Named], definition: Field, wire: Any, label: str) -> Named | None:
    if wire is None:
        return None
    if not isinstance(wire, Mapping):
        raise Invalid(f"Specify a valid 'id' or 'name' for {definition.name}")
    choices = list(among)
    if (id_ := wire.get("id")) is not None:
        found = next((n for n in choices if n.id == str(id_)), None)
        if found is None:
            raise Invalid(_BAD_ID[label].format(id_))
        return found
    name = wire.get("value" if label == "Option" else "name")
    if name is None:
        raise Invalid(
            f"Could not find valid 'id' or '{'value' if label == 'Option' else 'name'}' in the value."
        )
    found = next((n for n in choices if n.name == name), None)
    if found is None:
        raise Invalid(_BAD_NAME[label].format(name))
    return found


_BAD_ID: Final = {
    "Option": "Option id '{}' is not valid",
    "Priority": "The priority selected is invalid.",
    "Resolution": "The resolution selected is invalid.",
    "Component": "Component id '{}' is not valid",
}
_BAD_NAME: Final = {
    "Option": "Option value '{}' is not valid",
    "Priority": "Priority name '{}' is not valid",
    "Resolution": "Resolution name '{}' is not valid",
    "Component": "Component name '{}' is not valid",
}


def _priority(definition: Field, wire: Any, desk: Desk) -> Value:
    if wire is None:
        raise Invalid("Priority is required.")
    return _named(desk.world.priorities, definition, wire, "Priority")


def _resolution(definition: Field, wire: Any, desk: Desk) -> Value:
    return _named(desk.world.resolutions, definition, wire, "Resolution")


def _option(definition: Field, wire: Any, desk: Desk) -> Value:
    return _named(desk.world.options[definition.id], definition, wire, "Option")


def _team(definition: Field, wire: Any, desk: Desk) -> Value:
    """The bare id of a team (Atlassian: "Team field in Jira REST API"); a refusal's words are a guess."""
    if wire in (None, ""):
        return None
    if not isinstance(wire, str):
        raise Invalid("Operation value must be a string")
    team = next((t for t in desk.world.options[definition.id] if t.id == wire), None)
    if team is None:
        raise Invalid(f"Team id '{wire}' is not valid")
    return team


def _components(definition: Field, wire: Any, desk: Desk) -> Value:
    if not isinstance(wire, list):
        raise Invalid("Operation value must be an array" if wire is not None else "data was not an array")
    found = [_named(desk.project.components, definition, w, "Component") for w in wire]
    return tuple(c for c in found if c is not None)


def _user(definition: Field, wire: Any, desk: Desk) -> Value:
    key = "accountId" if desk.world.cloud else "name"
    if wire is None:
        return None
    if not isinstance(wire, Mapping):
        raise Invalid("Operation value must be an object")
    handle = wire.get(key) or (wire.get("id") if desk.world.cloud else None)
    if handle in (None, "-1", ""):
        return None
    user = desk.world.account(str(handle))
    if user is None or not user.active:
        raise Invalid(
            f"Specify a valid value for {definition.id}"
            if desk.world.cloud
            else f"User '{handle}' does not exist."
        )
    return user


def _labels(definition: Field, wire: Any, desk: Desk) -> Value:
    if wire is None:
        return ()
    if not isinstance(wire, list) or not all(isinstance(w, str) for w in wire):
        raise Invalid(
            "Operation value must be a string array" if isinstance(wire, list) else "data was not an array"
        )
    for label in wire:
        check_label(label)
    return tuple(sorted(dict.fromkeys(wire)))


def check_label(label: str) -> None:
    """Labels hold no spaces and at most 255 characters."""
    if " " in label:
        raise Invalid(f"The label '{label}' contains spaces which is invalid.")
    if len(label) > LINE_LIMIT:
        raise Invalid(f"The label '{label}' is too long: it exceeds the limit of {LINE_LIMIT} characters.")


def _fixed(definition: Field, wire: Any, desk: Desk) -> Value:
    raise Invalid(not_on_screen(definition.id))


def not_on_screen(field_id: str) -> str:
    """Jira's words for a field that a screen does not carry, or that does not exist."""
    return f"Field '{field_id}' cannot be set. It is not on the appropriate screen, or unknown."


_READERS: Final[Mapping[str, Callable[[Field, Any, Desk], Value]]] = {
    "text": _text,
    "priority": _priority,
    "resolution": _resolution,
    "option": _option,
    "team": _team,
    "components": _components,
    "user": _user,
    "labels": _labels,
    "fixed": _fixed,
}


def to_wire(definition: Field, simple: Simple, world: World) -> Any:
    """What a person's browser sends for a value given in simple form (`Simple`)."""
    empty = simple is None or simple == ""
    match definition.kind:
        case "labels":
            return [simple] if isinstance(simple, str) and simple else list(simple or ())
        case "components":
            return [{"name": n} for n in ([simple] if isinstance(simple, str) and simple else simple or ())]
        case "line":
            return None if empty else simple
        case _ if empty:
            return None
        case "text":
            return adf.from_plain(str(simple)) if world.cloud else simple
        case "user":
            user = world.user(str(simple))
            return (
                {"accountId": user.id, "name": user.name} if user else {"accountId": simple, "name": simple}
            )
        case "option":
            return {"value": simple}
        case "team":
            team = named(world.options[definition.id], str(simple))
            return team.id if team is not None else simple
        case _:
            return {"name": simple}


def to_simple(value: Value) -> str | tuple[str, ...] | None:
    """A stored value in simple form: names, accountId, plain text; None where there is nothing."""
    match value:
        case Text():
            return plain(value) or None
        case User() as user:
            return user.id
        case Named() as one:
            return one.name
        case tuple():
            return tuple(v if isinstance(v, str) else v.name for v in value) or None
        case _:
            return value or None


def plain(text: Text) -> str:
    """What a person reads; wiki markup is shown as it is where the text never was a document."""
    return text.wiki if text.adf is None else adf.to_plain(text.adf)


def document(text: Text) -> Mapping[str, Any]:
    """The text as a document."""
    return text.adf if text.adf is not None else wiki.to_adf(text.wiki)


def trace(definition: Field, value: Value, world: World) -> tuple[str | None, str | None]:
    """How the changelog shows a value: its id (None where it has none) and its text."""
    match value:
        case None:
            return ("", "") if definition.kind == "labels" else (None, None)
        case Text():
            return None, value.wiki
        case User():
            return (value.id if world.cloud else value.key), value.display
        case Named():
            return value.id, value.name
        case tuple():
            names = [v if isinstance(v, str) else v.name for v in value]
            return ("", " ".join(names)) if definition.kind == "labels" else (None, ", ".join(names) or None)
        case _:
            return None, value


def find_named(world: World, definition: Field, text: str) -> Named | None:
    """The priority, resolution or option of a field that JQL means by `text`."""
    match definition.kind:
        case "priority":
            return named(world.priorities, text)
        case "resolution":
            return named(world.resolutions, text)
        case _:
            return named(world.options.get(definition.id, ()), text)
