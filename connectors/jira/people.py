"""People and groups of Jira: by the ids that fields hold, and people by e-mail address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from tieline.connectors.base import Entity, PersonKey
from tieline.connectors.errors import Gone, Malformed
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.wire import chunks

Kind = Literal["person", "group"]
_BULK: Final = 50
_NO_PEOPLE: Final = frozenset({"app", "customer"})
"""Account types that no issue can be assigned to: apps, and portal customers with the same address."""


def entities(site: Site, kind: Kind, ids: Sequence[str]) -> list[Entity]:
    """The people or groups behind `ids`, in their order; people that Jira does not know are absent."""
    wanted = list(dict.fromkeys(ids))
    if kind == "group":
        return [found for found in (_group(site, name) for name in wanted) if found is not None]
    found = _bulk(site, wanted) if site.settings.cloud else _single(site, wanted)
    return [found[id_] for id_ in wanted if id_ in found]


def search_entities(
    site: Site, kind: Kind, keys: Sequence[str], by: PersonKey = "email"
) -> Mapping[str, Entity]:
    """People whose address is exactly the key, if there is one of them; groups are their own names.

    Jira has no search for teams: one is found by its id, or by a name that an issue has shown.

    `by` compares with the user name, which Cloud has none of, or with the full name instead.

    People who hide their address cannot be found by it: they are absent rather than guessed.
    """
    wanted = list(dict.fromkeys(keys))
    if kind == "group":
        groups = ((name, _group(site, name) or site.teams.named(name)) for name in wanted)
        return {name: found for name, found in groups if found is not None}
    if by == "user_name" and site.settings.cloud:
        return {}
    found = site.wire.each(lambda key: _one(site, key, by), wanted)
    return {email: entity for email, entity in zip(wanted, found, strict=True) if entity is not None}


def _group(site: Site, name: str) -> Entity | None:
    """An option or component is its own name; a team has an id, and is found by nothing else."""
    team = site.teams.entity(name)
    return team if team is not None or site.team_groups() else Entity("jira", "group", name, name)


def _bulk(site: Site, ids: Sequence[str]) -> dict[str, Entity]:
    def some(batch: Sequence[str]) -> list[Any]:
        params = {"accountId": list(batch), "maxResults": len(batch)}
        answer = site.wire.get("Jira's people", "user/bulk", params)
        values = answer.get("values") if isinstance(answer, dict) else None
        if not isinstance(values, list):
            raise Malformed("Jira's people: the answer holds no list")
        return values

    people = [person(raw) for batch in site.wire.each(some, chunks(ids, _BULK)) for raw in batch]
    return {entity.id: entity for entity in people}


def _single(site: Site, names: Sequence[str]) -> dict[str, Entity]:
    def one(name: str) -> Entity | None:
        try:
            return person(site.wire.get("Jira's people", "user", {"username": name}))
        except Gone:
            return None

    found = zip(names, site.wire.each(one, names), strict=True)
    return {name: entity for name, entity in found if entity is not None}


def _one(site: Site, key: str, by: PersonKey) -> Entity | None:
    params = {("query" if site.settings.cloud else "username"): key, "maxResults": 50}
    answer = site.wire.get("Jira's people", "user/search", params)
    if not isinstance(answer, list):
        raise Malformed("Jira's people: the answer is no list")
    people = [person(raw) for raw in answer if raw.get("accountType") not in _NO_PEOPLE]
    wanted = key.strip().casefold()
    same = [entity for entity in people if _known_by(entity, by).casefold() == wanted]
    active = [entity for entity in same if entity.active]
    chosen = active or same
    return chosen[0] if wanted and len(chosen) == 1 else None


def _known_by(entity: Entity, by: PersonKey) -> str:
    return {"email": entity.email, "user_name": entity.user_name, "name": entity.name}[by].strip()


def person(raw: Mapping[str, Any]) -> Entity:
    """One user as Jira describes it."""
    if not isinstance(raw, Mapping):
        raise Malformed("Jira's people: an entry that is no person")
    name = str(raw.get("name") or "")
    return Entity(
        side="jira",
        kind="person",
        id=str(raw.get("accountId") or name),
        name=str(raw.get("displayName") or name),
        email=str(raw.get("emailAddress") or ""),
        user_name=name,
        active=raw.get("active") is not False,
    )
