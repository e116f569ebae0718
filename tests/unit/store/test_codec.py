"""What goes into the state comes out the same, for every value that the model can hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.base import Action, Entity, Move
from tieline.sync.model import (
    AuditEntry,
    Base,
    Conflict,
    Dealt,
    Intent,
    Park,
    PassSummary,
    Step,
    UnitBase,
)
from tieline.sync.store.codec import decode_base, encode_base, from_micros, to_micros
from tieline.sync.store.shapes import decode, encode

TEXTS = st.text(st.characters(exclude_categories=()), max_size=60)
"""Any code points, lone surrogates and null among them, short and long enough to be shared."""

LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    NoneType: st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Every value of an annotation: a field that the model gains is covered from its first day."""
    if kind in LEAVES:
        return LEAVES[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, UnionType):
        return st.one_of([values_of(arg) for arg in args])
    if origin is frozenset:
        return st.frozensets(values_of(args[0]), max_size=3)
    if origin is tuple:
        return st.lists(values_of(args[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(values_of(args[0]), values_of(args[1]), max_size=3)
    hints = get_type_hints(kind)
    return st.builds(kind, **{f.name: values_of(hints[f.name]) for f in dataclasses.fields(kind)})


STORED = (Step, Intent, Conflict, Park, AuditEntry, PassSummary, Entity, Move, UnitBase, *get_args(Action))


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
def test_every_stored_class_comes_back_equal(kind: Any) -> None:
    @given(values_of(kind))
    def law(value: object) -> None:
        assert decode(kind, encode(value)) == value

    law()


@given(values_of(Base))
def test_a_base_comes_back_equal(base: Base) -> None:
    assert decode_base(encode_base(base)) == base


@given(st.datetimes(timezones=st.timezones()))
def test_instants_are_exact_and_come_back_in_utc(instant: datetime) -> None:
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:  # year 0 or 10000 in UTC
        return
    back = from_micros(to_micros(utc))
    assert (back, back.tzinfo) == (utc, UTC)


def test_instants_are_ordered_as_numbers() -> None:
    east = timezone(timedelta(hours=9))
    assert to_micros(datetime(1970, 1, 1, 9, tzinfo=east)) == 0
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1
    with pytest.raises(ValueError, match="zone"):
        to_micros(datetime(2026, 1, 1))


def test_a_text_that_both_sides_hold_is_stored_once() -> None:
    text = "The mail server does not answer since this morning. " * 80
    unit = UnitBase(Dealt({"description": text}), Dealt({"description": text}))
    assert len(encode_base(Base({"description": unit}))) < len(text) + 100


def test_a_stored_base_of_this_revision_stays_readable() -> None:
    """Bytes as they stand in states out there: changing what they mean needs a migration."""
    stored = (
        b'[{"summary":[[{"short_description":0}],[{"summary":0},1,"upper",{"summary":"X"}],5,["jira=x"]],'
        b'"labels":[null,[{"labels":["a","b"],"empty":null},2]]},'
        b'{"jira":"INC1"},["A text that is long enough"]]'
    )
    text = "A text that is long enough"
    base = Base(
        {
            "summary": UnitBase(
                Dealt({"short_description": text}),
                Dealt({"summary": text}, "rule", "upper", {"summary": "X"}),
                from_micros(5),
                ("jira=x",),
            ),
            "labels": UnitBase(
                None, Dealt({"labels": frozenset({"a", "b"}), "empty": None}, origin="system")
            ),
        },
        {"jira": "INC1"},
    )
    assert decode_base(stored) == base
    assert encode_base(base) == stored


def test_a_unit_on_its_way_keeps_whether_the_sides_stood_apart() -> None:
    unit = UnitBase(None, Dealt({"status": "In Progress"}), apart=True)
    assert (
        encode_base(Base({"status": unit}))
        == b'[{"status":[null,[{"status":"In Progress"}],null,null,true]}]'
    )
    assert decode_base(encode_base(Base({"status": unit}))).unit("status") == unit


def test_a_field_that_came_later_gets_its_default() -> None:
    assert decode(Park, b'{"key":"p:1","reason":"gone","detail":"","since":0,"retry_at":null}') == Park(
        "p:1", "gone", "", from_micros(0), None
    )


def test_a_type_without_a_json_form_is_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Odd:
        it: complex

    with pytest.raises((TypeError, NameError)):
        encode(Odd(1j))
