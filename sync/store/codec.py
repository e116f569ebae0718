"""How values become bytes and come back exactly: instants, JSON, and the Base of a pair in its compact form.

The other frozen dataclasses go through `shapes`. Nothing here knows a table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import orjson

from tieline.connectors.base import SIDES, Value, Values
from tieline.sync.model import Base, Dealt, Origin, UnitBase

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ORIGINS: Final[tuple[Origin, Origin, Origin]] = ("person", "rule", "system")
_SHARED_FROM_CHARACTERS: Final = 24
"""A string at least this long is written once and referred to: both sides mostly hold the same text."""


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 in UTC; ValueError for a time without a zone."""
    if instant.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {instant}")
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """The instant `micros` microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def dumps(tree: object) -> bytes:
    """A tree of JSON values as bytes.

    Text may hold a lone surrogate (JSON can carry one as an escape), which is no UTF-8: such a tree is
    written by the slow encoder, so that one odd ticket stops nobody.
    """
    try:
        return orjson.dumps(tree)
    except orjson.JSONEncodeError:
        return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def loads(raw: bytes) -> Any:
    """What `dumps` was given; ValueError if `raw` is not JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw.decode("utf-8", "surrogatepass"))


def encode_base(base: Base) -> bytes:
    """The Base as a JSON list: units, what the link lines show, and the pool of long strings."""
    pool: dict[str, int] = {}
    units = {name: _pack_unit(unit, pool) for name, unit in base.units.items()}
    return dumps(_trimmed([units or None, dict(base.shown) or None, list(pool) or None]))


def decode_base(raw: bytes) -> Base:
    """The Base that `encode_base` was given."""
    units, shown, pool = _filled(loads(raw), ({}, {}, []))
    return Base(
        units=MappingProxyType({name: _unpack_unit(unit, pool) for name, unit in units.items()}),
        shown=MappingProxyType({side: shown[side] for side in SIDES if side in shown}),
    )


def _pack_unit(unit: UnitBase, pool: dict[str, int]) -> list[Any]:
    equal_at = None if unit.equal_at is None else to_micros(unit.equal_at)
    sides = [_pack_dealt(unit.servicenow, pool), _pack_dealt(unit.jira, pool)]
    return _trimmed([*sides, equal_at, list(unit.trail) or None, unit.apart or None])


def _unpack_unit(packed: list[Any], pool: list[str]) -> UnitBase:
    servicenow, jira, equal_at, trail, apart = _filled(packed, (None, None, None, (), False))
    return UnitBase(
        servicenow=_unpack_dealt(servicenow, pool),
        jira=_unpack_dealt(jira, pool),
        equal_at=None if equal_at is None else from_micros(equal_at),
        trail=tuple(trail),
        apart=apart,
    )


def _pack_dealt(dealt: Dealt | None, pool: dict[str, int]) -> list[Any] | None:
    if dealt is None:
        return None
    values = _pack_values(dealt.values, pool)
    system = None if dealt.system is None else _pack_values(dealt.system, pool)
    return _trimmed([values or None, _ORIGINS.index(dealt.origin) or None, dealt.rule or None, system])


def _unpack_dealt(packed: list[Any] | None, pool: list[str]) -> Dealt | None:
    if packed is None:
        return None
    if len(packed) == 1:  # by a person and kept as written: nearly all
        return Dealt(_unpack_values(packed[0], pool))
    values, origin, rule, system = _filled(packed, ({}, 0, "", None))
    return Dealt(
        values=_unpack_values(values, pool),
        origin=_ORIGINS[origin],
        rule=rule,
        system=None if system is None else _unpack_values(system, pool),
    )


def _pack_values(values: Values, pool: dict[str, int]) -> dict[str, Any]:
    return {name: _pack_value(value, pool) for name, value in values.items()}


def _unpack_values(packed: Mapping[str, Any], pool: list[str]) -> Values:
    return MappingProxyType(
        {name: v if isinstance(v, str) else _unpack_value(v, pool) for name, v in packed.items()}
    )


def _pack_value(value: Value, pool: dict[str, int]) -> str | int | list[str] | None:
    if isinstance(value, str):
        return value if len(value) < _SHARED_FROM_CHARACTERS else pool.setdefault(value, len(pool))
    return None if value is None else sorted(value)


def _unpack_value(packed: int | list[str] | None, pool: list[str]) -> Value:
    if isinstance(packed, int):
        return pool[packed]
    return None if packed is None else frozenset(packed)


def _trimmed(items: list[Any]) -> list[Any]:
    """Without the Nones at the end; `_filled` puts them back."""
    while items and items[-1] is None:
        items.pop()
    return items


def _filled(items: list[Any], defaults: tuple[Any, ...]) -> tuple[Any, ...]:
    """As many items as there are defaults, each None replaced by its default."""
    padded = [*items, *[None] * (len(defaults) - len(items))]
    return tuple(d if item is None else item for item, d in zip(padded, defaults, strict=True))
