"""What a history tells of a write: whom it met, and whether it was made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tieline.connectors.base import (
    Applied,
    Move,
    Race,
    Reviewed,
    Transition,
    Update,
)

from .conftest import Jira
from .histories import REF, SEEN, Make, entry, shown, update


def test_what_somebody_wrote_meanwhile_is_told(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    cloud.me()
    histories = [
        entry(9, "acc-tieline", "priority", "Lowest", "High"),
        entry(5, "acc-ann", "priority", "Low", "Lowest"),
        entry(4, "acc-ann", "summary", "x", "y"),
    ]
    cloud.on("PUT", "issue/20001", shown(make_issue, *histories))
    (applied,) = cloud.connector.write([update({"priority": "Low"}, priority="High")])
    assert isinstance(applied, Applied)
    at = datetime(2026, 1, 2, 0, 0, 5, tzinfo=UTC)
    assert applied.races == (Race("priority", "Lowest", True, at, "acc-ann"),)
    assert applied.alone is False


def test_that_an_update_was_made_is_certain_though_it_was_put_back(cloud: Jira, make_issue: Make) -> None:
    """What stands as before might have been left so by Jira; its history shows that it was not."""
    cloud.fields()
    cloud.me()
    mine, theirs = (
        entry(2, "acc-tieline", "priority", "Low", "High"),
        entry(3, "acc-ann", "priority", "High", "Low"),
    )
    asked = update({"priority": "Low"}, priority="High")
    for histories, certain in (((theirs, mine), True), ((mine,), True), ((theirs,), False), ((), False)):
        cloud.on("PUT", "issue/20001", shown(make_issue, *histories, priority={"name": "Low"}))
        (applied,) = cloud.connector.write([asked])
        assert isinstance(applied, Applied) and applied.record is not None
        assert (applied.record.values["priority"], applied.certain) == ("Low", certain)


def test_an_older_write_of_ours_is_no_race(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    cloud.me()
    old = entry(1, "acc-tieline", "priority", "Medium", "High")
    old["created"] = "2026-01-01T00:00:00.000+0000"
    cloud.on("PUT", "issue/20001", shown(make_issue, old))
    (applied,) = cloud.connector.write([update({"priority": "Low"}, priority="High")])
    assert isinstance(applied, Applied)
    assert (applied.races, applied.alone) == ((), None)


def test_what_the_last_write_of_ours_set_is_no_race(cloud: Jira, make_issue: Make) -> None:
    """It bears the time of what was read; somebody set the same before us, so that ours has no entry."""
    cloud.fields()
    cloud.me()
    histories = [
        entry(0, "acc-tieline", "priority", "Medium", "Low"),
        entry(5, "acc-ann", "priority", "Low", "High"),
    ]
    cloud.on("PUT", "issue/20001", shown(make_issue, *histories, priority={"name": "High"}))
    (applied,) = cloud.connector.write([update({"priority": "Low"}, priority="High")])
    assert isinstance(applied, Applied)
    assert (applied.races, applied.alone) == ((), None)


def test_a_text_that_a_changelog_shows_in_another_form_is_no_race(cloud: Jira, make_issue: Make) -> None:
    cloud.fields()
    cloud.me()
    cloud.on(
        "PUT", "issue/20001", shown(make_issue, entry(3, "acc-tieline", "description", "*old* one", "new"))
    )
    (applied,) = cloud.connector.write([update({"description": "old one"}, description="new")])
    assert isinstance(applied, Applied)
    assert (applied.races, applied.alone) == ((), True)


NOT_CHANGED_SINCE = "2026-01-01T00:00:00.000+0000"


def hop(target: str) -> Transition:
    return Transition(REF, Move("11", target), {}, {"status": "Open"}, SEEN)


def reviewed(cloud: Jira, issue: dict[str, Any], write: Update | Transition) -> bool | None:
    cloud.fields()
    cloud.me()
    cloud.on("POST", "issue/bulkfetch", {"issues": [issue]})
    (told,) = cloud.connector.review([write])
    assert isinstance(told, Reviewed)
    return told.made


def test_a_status_that_somebody_else_set_is_not_the_hop_that_was_lost(cloud: Jira, make_issue: Make) -> None:
    issue = shown(make_issue, entry(5, "acc-ann", "status", "Open", "Working"), status={"name": "Working"})
    issue["changelog"]["total"] = 1
    assert reviewed(cloud, issue, hop("Working")) is False


def test_a_history_that_begins_before_the_write_tells_that_it_was_not_made(
    cloud: Jira, make_issue: Make
) -> None:
    old = entry(1, "acc-ann", "summary", "x", "y") | {"created": NOT_CHANGED_SINCE}
    issue = shown(make_issue, old, status={"name": "Open"})
    assert reviewed(cloud, issue, hop("Working")) is False


def test_a_hop_of_ours_is_found_whoever_went_on(cloud: Jira, make_issue: Make) -> None:
    histories = [
        entry(7, "acc-ann", "status", "Working", "Waiting"),
        entry(5, "acc-tieline", "status", "Open", "Working"),
    ]
    assert reviewed(cloud, shown(make_issue, *histories, status={"name": "Waiting"}), hop("Working")) is True


@pytest.mark.parametrize("text", ["first text", "*first* text"])
def test_the_text_of_an_earlier_write_is_not_the_one_that_was_lost(
    cloud: Jira, make_issue: Make, text: str
) -> None:
    """Its entry bears the time of what was read, and shows it, maybe in another form."""
    issue = shown(make_issue, entry(0, "acc-tieline", "description", "", text))
    issue["changelog"]["total"] = 1
    issue["fields"]["description"] = None
    assert reviewed(cloud, issue, update({"description": "first text"}, description="second")) is not True


@pytest.mark.parametrize("cut", ["begin", "end"])
def test_a_history_that_is_cut_tells_nothing(cloud: Jira, make_issue: Make, cut: str) -> None:
    """It may be cut before the write, or not show what made the status what it is now."""
    told = {
        "begin": entry(5, "acc-ann", "status", "Open", "Working"),
        "end": entry(1, "acc-ann", "summary", "x", "y") | {"created": NOT_CHANGED_SINCE},
    }
    issue = shown(make_issue, told[cut], status={"name": "Working"})
    issue["changelog"]["total"] = 101
    assert reviewed(cloud, issue, hop("Working")) is None
