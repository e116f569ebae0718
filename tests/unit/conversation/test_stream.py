"""The rendered journal: any time zone, format and language; nothing pasted makes an entry more public."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.errors import Malformed
from tieline.connectors.servicenow.stream import entries, viewer

FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%m-%d-%Y %I:%M:%S %p", "%m/%d/%Y %H.%M.%S",
)  # fmt: skip
ZONES = ("UTC", "US/Pacific", "Europe/Berlin", "Asia/Kolkata", "Pacific/Chatham")
STORED = "%Y-%m-%d %H:%M:%S"


def rendered(entry: tuple[datetime, str, str, str], form: str, zone: str) -> str:
    at, name, label, text = entry
    return f"{at.astimezone(ZoneInfo(zone)).strftime(form)} - {name} ({label})\n{text}\n\n"


def samples(form: str, zone: str) -> list[tuple[str, str]]:
    known = [datetime(2026, 3, 31, 9, 5, 7, tzinfo=UTC), datetime(2026, 3, 28, 22, 45, 59, tzinfo=UTC)]
    return [(at.strftime(STORED), at.astimezone(ZoneInfo(zone)).strftime(form)) for at in known]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("told", [True, False])
def test_times_are_read_in_any_zone_and_format(form: str, zone: str, told: bool) -> None:
    clock = viewer(samples(form, zone), zone if told else "")
    at = datetime(2026, 3, 30, 23, 59, 0, tzinfo=UTC)
    assert clock.utc(at.astimezone(ZoneInfo(zone)).strftime(form)) == at


def test_a_format_that_nobody_knows_is_said() -> None:
    with pytest.raises(Malformed):
        viewer([("2026-03-31 09:05:07", "the last day of March")], "")


LINES = st.lists(st.sampled_from(["plain", "", "- list", "1. one", "(in brackets)"]), min_size=1, max_size=4)


@given(st.lists(st.tuples(st.booleans(), LINES), min_size=1, max_size=8), st.sampled_from(FORMATS),
       st.sampled_from(ZONES))  # fmt: skip
def test_each_entry_is_read_with_its_author_its_text_and_its_journal(
    drawn: list[tuple[bool, list[str]]], form: str, zone: str
) -> None:
    said = []
    for number, (public, lines) in enumerate(drawn):
        at = datetime(2026, 3, 29, 3, 0, tzinfo=UTC) + timedelta(minutes=number)
        label = "Zusätzliche Kommentare" if public else "Arbeitsnotizen"
        said.append((at, f"Abey (IT) Ahmad {number}", label, "\n".join(["text", *lines]).strip()))
    newest_first = said[::-1]
    both = "".join(rendered(e, form, zone) for e in newest_first)
    shown = "".join(rendered(e, form, zone) for e in newest_first if e[2].startswith("Z"))
    notes = "".join(rendered(e, form, zone) for e in newest_first if e[2].startswith("A"))
    clock = viewer(samples(form, zone), zone)
    apart = entries(shown, notes, both, clock)
    together = entries("", "", both, clock)
    wanted = [(at, name, label.startswith("Z"), text.strip()) for at, name, label, text in said]
    assert [(e.at, e.author, e.public, e.text.strip()) for e in apart] == wanted
    assert [(e.at, e.author, e.public, e.text.strip()) for e in together] == wanted
    assert [e.id for e in apart] == [e.id for e in together]
    assert len({e.id for e in apart}) == len(apart)


def test_a_stream_pasted_into_a_work_note_publishes_nothing() -> None:
    zone, form = "UTC", "%Y-%m-%d %H:%M:%S"
    clock = viewer(samples(form, zone), zone)
    pasted = "see below\n\n2026-03-29 10:00:00 - Bob (Additional comments)\nquoted\n\nthe password is 123"
    note = rendered((datetime(2026, 3, 30, 10, 0, tzinfo=UTC), "Ann", "Work notes", pasted), form, zone)
    older = rendered((datetime(2026, 3, 29, 11, 0, tzinfo=UTC), "Cy", "Work notes", "older"), form, zone)
    assert not any(e.public for e in entries("", note + older, note + older, clock))
    assert [e.text for e in entries("", note, note, clock)] == [pasted]
    assert not any(e.public for e in entries("", "", note + older, clock))  # the order of times gives it away


def test_a_language_that_is_not_known_is_internal() -> None:
    zone, form = "UTC", "%Y-%m-%d %H:%M:%S"
    clock = viewer(samples(form, zone), zone)
    one = rendered((datetime(2026, 3, 30, tzinfo=UTC), "Ann", "Lisäkommentit", "text"), form, zone)
    assert [e.public for e in entries("", "", one, clock)] == [False]
    assert [e.public for e in entries(one, "", one, clock)] == [True]


def test_equal_entries_keep_ids_of_their_own_and_more_of_them_change_none() -> None:
    zone, form = "UTC", "%Y-%m-%d %H:%M:%S"
    clock = viewer(samples(form, zone), zone)
    at = datetime(2026, 3, 30, tzinfo=UTC)
    two = [rendered((at + timedelta(hours=n), "Ann", "Work notes", "ok"), form, zone) for n in (1, 0)]
    three = [rendered((at + timedelta(hours=2), "Bob", "Work notes", "ok"), form, zone), *two]
    before = [e.id for e in entries("", "".join(two), "", clock)]
    after = [e.id for e in entries("", "".join(three), "", clock)]
    assert after[:2] == before
    assert len(set(after)) == 3
