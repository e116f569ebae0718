"""An event log is read in time order, each row becomes the edit it records, and faults name their line."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tieline.connectors.sandbox import eventlog
from tieline.connectors.sandbox.eventlog import EventLogError, edits, read

NORMAL = {
    "number": "INC1", "incident_state": "New", "sys_mod_count": "0", "caller_id": "Caller 1",
    "category": "Cat 1", "subcategory": "Sub 1", "u_symptom": "Symptom 1", "impact": "2 - Medium",
    "urgency": "2 - Medium", "priority": "3 - Moderate", "assignment_group": "Group 1", "assigned_to": "?",
    "closed_code": "code 6", "sys_updated_by": "Updated by 1", "sys_updated_at": "1/3/2016 08:00",
    "contact_type": "Phone", "location": "?",
}  # fmt: skip


def log(*rows: Mapping[str, str]) -> str:
    lines = [",".join({**NORMAL, **row}.values()) for row in rows]
    return "\n".join([",".join(NORMAL), *lines]) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.csv"


def values(path: Path, *rows: Mapping[str, str]) -> list[Mapping[str, str]]:
    path.write_text(log(*rows), encoding="utf-8")
    return [edit.values for edit in edits(read(path))]


def test_the_first_row_raises_the_incident_with_everything(path: Path) -> None:
    (first,) = values(path, {})
    texts = {"short_description", "description"}
    assert {k: v for k, v in first.items() if k not in texts} == {
        "category": "Cat 1", "subcategory": "Sub 1", "impact": "2", "urgency": "2",
        "assignment_group": "Group 1", "assigned_to": "", "caller_id": "Caller 1", "state": "1",
        "hold_reason": "",
    }  # fmt: skip
    assert "INC1" in first["short_description"]
    assert len(first["short_description"]) <= 160
    assert "Phone" in first["description"]


def test_a_row_edits_only_what_moved_since_the_row_before(path: Path) -> None:
    later = {"sys_mod_count": "1", "sys_updated_at": "1/3/2016 08:10"}
    assert values(path, {}, later)[1] == {}
    assert values(path, {}, {**later, "assigned_to": "Resolver 4"})[1] == {"assigned_to": "Resolver 4"}
    assert values(path, {}, {**later, "impact": "1 - High"})[1] == {"impact": "1"}
    assert values(path, {"assigned_to": "Resolver 4"}, later)[1] == {"assigned_to": ""}


@pytest.mark.parametrize(
    ("name", "state", "hold_reason"),
    [
        ("Active", "2", ""), ("Awaiting User Info", "3", "1"), ("Awaiting Evidence", "3", "2"),
        ("Awaiting Problem", "3", "3"), ("Awaiting Vendor", "3", "4"),
    ],
)  # fmt: skip
def test_a_state_is_written_with_its_hold_reason(path: Path, name: str, state: str, hold_reason: str) -> None:
    edit = values(path, {}, {"sys_mod_count": "1", "incident_state": name})[1]
    assert edit == {"state": state, "hold_reason": hold_reason}


def test_an_unknown_state_is_kept_for_the_rules_to_refuse(path: Path) -> None:
    assert values(path, {}, {"sys_mod_count": "1", "incident_state": "-100"})[1] == {"state": "-100"}


@pytest.mark.parametrize(("name", "state"), [("Resolved", "6"), ("Closed", "7")])
def test_an_end_is_written_with_its_close_code(path: Path, name: str, state: str) -> None:
    edit = values(path, {}, {"sys_mod_count": "1", "incident_state": name})[1]
    assert edit == {
        "state": state, "hold_reason": "", "close_code": "code 6", "close_notes": "Closed as code 6.",
    }  # fmt: skip


def test_an_empty_close_code_is_kept_for_the_rules_to_refuse(path: Path) -> None:
    edit = values(path, {}, {"sys_mod_count": "1", "incident_state": "Resolved", "closed_code": "?"})[1]
    assert (edit["close_code"], edit["close_notes"]) == ("", "")


def test_rows_come_in_time_order_whatever_their_order_in_the_file(path: Path) -> None:
    path.write_text(log(
        {"number": "INC2", "sys_updated_at": "2/3/2016 08:00"},
        {"number": "INC1", "sys_updated_at": "10/2/2016 23:59", "sys_mod_count": "10"},
        {"number": "INC1", "sys_updated_at": "10/2/2016 23:59", "sys_mod_count": "9"},
    ))  # fmt: skip
    rows = read(path)
    assert [(row.number, row.mod_count, row.line) for row in rows] == [
        ("INC1", 9, 4), ("INC1", 10, 3), ("INC2", 0, 2),
    ]  # fmt: skip
    assert rows[0].at == datetime(2016, 2, 10, 23, 59, tzinfo=UTC)


def test_interleaved_incidents_do_not_see_each_others_rows(path: Path) -> None:
    found = values(
        path,
        {"number": "A", "sys_updated_at": "1/3/2016 08:00"},
        {"number": "B", "sys_updated_at": "1/3/2016 08:01", "category": "Cat 2"},
        {"number": "A", "sys_updated_at": "1/3/2016 08:02", "sys_mod_count": "1", "urgency": "1 - High"},
        {"number": "B", "sys_updated_at": "1/3/2016 08:03", "sys_mod_count": "1", "category": "Cat 2"},
    )
    assert found[2:] == [{"urgency": "1"}, {}]


def test_plain_packed_and_marked_files_read_the_same(path: Path, tmp_path: Path) -> None:
    text = log({}, {"number": "INC2"})
    path.write_text(text, encoding="utf-8")
    (tmp_path / "packed").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read(path) == read(tmp_path / "packed") == read(tmp_path / "bom.csv")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            {"sys_updated_at": "2016-03-01 08:00"},
            "sys_updated_at is '2016-03-01 08:00', expected d/m/yyyy HH:MM",
        ),
        ({"sys_updated_at": "31/2/2016 08:00"}, "sys_updated_at is '31/2/2016 08:00': day is out of range"),
        ({"sys_updated_at": "?"}, "sys_updated_at is '', expected d/m/yyyy HH:MM"),
        ({"sys_mod_count": "-1"}, "sys_mod_count is '-1', expected a whole number"),
        ({"impact": "High"}, "impact is 'High', expected a choice"),
        ({"number": "?"}, "number is empty"),
        ({"location": "a,b"}, "18 cells instead of 17"),
    ],
)
def test_a_bad_row_is_named_by_line_and_reason(path: Path, row: Mapping[str, str], reason: str) -> None:
    path.write_text(log({}, row, {}))
    with pytest.raises(EventLogError) as caught:
        read(path)
    assert f"{path}:3: {reason}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_bad_rows_are_counted_and_the_first_are_shown(path: Path) -> None:
    path.write_text(log(*({"sys_mod_count": "x"} for _ in range(25))))
    with pytest.raises(EventLogError) as caught:
        read(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == eventlog.MAX_FAULTS_SHOWN + 1
    assert lines[-1] == "... and 5 more rows"


def test_missing_columns_are_named(path: Path) -> None:
    path.write_text("number,category\nINC1,a\n")
    with pytest.raises(
        EventLogError, match="columns are missing: sys_updated_at, sys_mod_count, sys_updated_by"
    ):
        read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (",".join(NORMAL).encode(), "no event"),
        (gzip.compress(log({}).encode())[:-12], "cannot be read as CSV"),
        (b"\x1f\x8bnothing", "cannot be read as CSV"),
        (log({"category": "Zürich"}).encode("latin-1"), "cannot be read as CSV"),
    ],
)
def test_a_file_that_is_no_log_is_refused(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(EventLogError, match=reason):
        read(path)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(EventLogError, match=r"log\.csv: No such file"):
        read(path)


def test_the_real_log(shared: Path) -> None:
    rows = read(shared / "data" / "incident_event_log.csv.gz")
    assert len(rows) == 56_671
    assert rows == sorted(rows, key=lambda row: row.at)
    found = list(edits(rows))
    assert sum(edit.first for edit in found) == 10_044
    moved = Counter(name for edit in found if not edit.first for name in edit.values)
    assert (moved["state"], moved["category"], moved["impact"], moved["urgency"]) == (25_768, 525, 129, 119)
    assert sum(edit.values.get("state") == "-100" for edit in found) == 2
