"""Frozen dataclasses to JSON and back, driven by their annotations; it knows types, not their meaning.

A field that holds its default is left out, and one that is missing gets its default: a class may grow
fields with defaults without touching what is stored. A union of dataclasses carries the name of the class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from tieline.sync.store.codec import dumps, from_micros, loads, to_micros

T = TypeVar("T")

_TAG: Final = "_"
"""The key that names the class where an annotation allows several."""


class _Shape(NamedTuple):
    """Both directions of one annotation."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


def encode(value: object) -> bytes:
    """A frozen dataclass as JSON; TypeError if an annotation of it has no JSON form."""
    return dumps(_shape(type(value)).pack(value))


def decode(kind: type[T], raw: bytes) -> T:
    """The value of class `kind` that `encode` was given."""
    value: T = _shape(kind).unpack(loads(raw))
    return value


def _shape(kind: Any) -> _Shape:
    return _built(kind)


@cache
def _built(kind: Hashable) -> _Shape:
    if kind in (str, int, float, bool, NoneType) or get_origin(kind) is Literal:
        return _Shape(_as_is, _as_is)
    if kind is datetime:
        return _Shape(to_micros, from_micros)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    return _generic(get_origin(kind), get_args(kind), kind)


def _generic(origin: Any, args: tuple[Any, ...], kind: Any) -> _Shape:
    if origin in (Union, UnionType):
        return _union(args)
    if origin is frozenset and args == (str,):
        return _Shape(sorted, frozenset)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        item = _shape(args[0])
        return _Shape(lambda v: [item.pack(x) for x in v], lambda v: tuple(item.unpack(x) for x in v))
    if origin is Mapping:
        item = _shape(args[1])
        return _Shape(
            lambda v: {k: item.pack(x) for k, x in v.items()},
            lambda v: MappingProxyType({k: item.unpack(x) for k, x in v.items()}),
        )
    raise TypeError(f"no JSON form for {kind}")


def _union(args: tuple[Any, ...]) -> _Shape:
    """Told apart by None, by the JSON type of text and sets, or by the tag of a dataclass."""
    members = [arg for arg in args if arg is not NoneType]
    if len(members) == 1:
        only = _shape(members[0])
        return _Shape(
            lambda v: None if v is None else only.pack(v),
            lambda v: None if v is None else only.unpack(v),
        )
    if set(members) == {str, frozenset[str]}:
        return _Shape(
            lambda v: sorted(v) if isinstance(v, frozenset) else v,
            lambda v: frozenset(v) if isinstance(v, list) else v,
        )
    return _tagged({member.__name__: member for member in members})


def _tagged(members: Mapping[str, Any]) -> _Shape:
    if not all(dataclasses.is_dataclass(member) for member in members.values()):
        raise TypeError(f"no JSON form for a union of {', '.join(members)}")
    return _Shape(
        lambda v: {_TAG: type(v).__name__, **_shape(type(v)).pack(v)},
        lambda v: _shape(members[v[_TAG]]).unpack(v),
    )


def _dataclass(kind: Any) -> _Shape:
    hints = get_type_hints(kind)
    fields = [(f.name, _shape(hints[f.name]), _default(f)) for f in dataclasses.fields(kind)]

    def pack(value: Any) -> dict[str, Any]:
        held = ((name, shape, getattr(value, name), default) for name, shape, default in fields)
        return {name: shape.pack(item) for name, shape, item, default in held if item != default}

    def unpack(packed: Mapping[str, Any]) -> Any:
        return kind(**{name: shape.unpack(packed[name]) for name, shape, _ in fields if name in packed})

    return _Shape(pack, unpack)


def _default(field: dataclasses.Field[Any]) -> Any:
    """The field's default; MISSING, which equals no value, where it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _as_is(value: Any) -> Any:
    return value
