"""What a file says of people and groups that the other side does not know: rules that can be followed."""

from __future__ import annotations

from collections.abc import Iterator

from tieline.sync.config.faults import Path, Problem, quoted
from tieline.sync.config.model import FieldConfig, FieldOverride
from tieline.sync.config.parts import Parts


def stand_ins(parts: Parts) -> Iterator[Problem]:
    """A group that takes over from unknown people is that of people, and groups are mirrored at all."""
    listed: list[tuple[Path, FieldConfig | FieldOverride]] = list(parts.fields)
    listed += [
        ((*path, "field", number), override)
        for path, route in parts.routes
        for number, override in enumerate(route.field)
    ]
    rules: list[tuple[Path, str]] = [(("people", "unknown"), parts.people.unknown)]
    rules += [((*path, "unknown"), field.unknown or "") for path, field in listed if field.kind != "group"]
    mirrored = any(field.kind == "group" for _, field in listed)
    for path, rule in rules:
        if rule.startswith("group:") and not mirrored:
            remedy = 'mirror a field of kind = "group", or choose another rule'
            yield Problem(path, "names a group, and no group is mirrored", remedy, quoted(rule))
    rules = [(("groups", "unknown"), parts.groups.unknown)]
    rules += [((*path, "unknown"), field.unknown or "") for path, field in listed if field.kind == "group"]
    for path, rule in rules:
        if rule.startswith("group:"):
            remedy = 'write "default:NAME": groups have no other group that takes over'
            yield Problem(path, "is a rule for people", remedy, quoted(rule))
