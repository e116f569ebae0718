"""A log is replayed in time order through the rules, with engineers whose edits have one right outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tieline.connectors.sandbox.check import Report
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.engineers import INDEX_LAG, MARGIN
from tieline.connectors.sandbox.eventlog import Row, edits, read
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.replay import Pause, Replay, first_incidents
from tieline.connectors.sandbox.stage import Deed
from tieline.connectors.sandbox.vocabulary import Vocabulary, observe
from tieline.connectors.sandbox.world import World, email, log_changes, user_name

INCIDENTS = 60
Engine = Callable[[], None]
Played = tuple[Replay, list[Pause], list[Report]]


@pytest.fixture(scope="module")
def rows(shared: Path) -> list[Row]:
    """Sixty incidents with their whole lives, some of them with states and codes that the rules refuse."""
    found = read(shared / "data" / "incident_event_log.csv.gz")
    states = dict.fromkeys(row.number for row in found if row["incident_state"] == "-100")
    codes = dict.fromkeys(row.number for row in found if not row["closed_code"])
    kept = dict.fromkeys([*list(states)[:3], *list(codes)[:7], *(row.number for row in found)])
    numbers = set(list(kept)[:INCIDENTS])
    return [row for row in found if row.number in numbers]


@pytest.fixture(scope="module")
def vocabulary(rows: Sequence[Row]) -> Vocabulary:
    return observe(rows)


@pytest.fixture
def clock(rows: Sequence[Row]) -> VirtualClock:
    return VirtualClock(rows[0].at - timedelta(hours=1))


@pytest.fixture
def world(clock: VirtualClock, vocabulary: Vocabulary) -> Iterator[World]:
    with World(clock, matrix=vocabulary.matrix) as world:
        world.learn(vocabulary)
        yield world


@pytest.fixture
def played(
    world: World,
    clock: VirtualClock,
    rows: Sequence[Row],
    vocabulary: Vocabulary,
    template: str,
    puppeteer: Callable[[World, Ledger], Engine],
) -> Played:
    maps = Maps.read(world.configuration(template, log_changes(template, vocabulary)))
    maps = replace(maps, links=())  # the puppet carries fields, no relations
    replay = Replay(world, clock, maps, rows, vocabulary, seed=5, checkpoints=3, share=0.5)
    engine = puppeteer(world, replay.ledger)
    pauses, reports = [], []
    for pause in replay.run():
        assert clock.now() == pause.at
        engine()
        pauses.append(pause)
        if pause.checkpoint:
            reports.append(world.compare(maps, replay.ledger.incidents.values()))
    return replay, pauses, reports


def test_every_checkpoint_is_in_step(played: Played) -> None:
    replay, pauses, reports = played
    assert len(reports) == 3
    assert pauses[-1].checkpoint
    for report in reports:
        assert [str(entry) for entry in report.differences] == []
        assert report.ok
    assert reports[-1].pairs == len(replay.ledger.incidents) == INCIDENTS


def test_all_rows_are_played_or_listed(rows: Sequence[Row], played: Played) -> None:
    replay, pauses, _ = played
    recorded = [edit for edit in edits(rows) if edit.values]
    desk = [deed for pause in pauses for deed in pause.deeds if deed.side == "servicenow"]
    whole = [entry for entry in replay.stage.refusals if "Data Policy" in entry.reason]
    assert replay.tally.rows == len(rows)
    assert replay.tally.idle_rows == len(rows) - len(recorded)
    assert len(desk) + len(whole) == len(recorded)
    assert all(entry.line for entry in replay.stage.refusals)
    reasons = " ".join(entry.reason for entry in replay.stage.refusals)
    assert "mandatory: Resolution code" in reasons
    assert "state is not set to '-100'" in reasons


def test_people_work_in_time_order(played: Played) -> None:
    _, pauses, _ = played
    times = [deed.at for pause in pauses for deed in pause.deeds]
    assert times == sorted(times)
    assert all(deed.at < pause.at for pause in pauses for deed in pause.deeds)


def test_engineers_edit_what_has_one_right_outcome(played: Played) -> None:
    replay, pauses, _ = played
    assert replay.tally.jira > 50
    assert min(replay.tally.clashes.values()) > 0
    start = pauses[0].at
    for pause in pauses[1:]:
        for deed in (deed for deed in pause.deeds if deed.side == "jira"):
            assert start + MARGIN <= deed.at <= pause.at - INDEX_LAG
            desk = _of_the_same_incident(replay, deed, pause.deeds)
            if deed.clash == "jira":
                assert all(other.at + MARGIN <= deed.at for other in desk)
            if deed.clash == "servicenow":
                assert all(deed.at + MARGIN <= other.at + timedelta(seconds=1) for other in desk)
        start = pause.at


def _of_the_same_incident(replay: Replay, deed: Deed, deeds: Sequence[Deed]) -> list[Deed]:
    ticket = replay.stage.world.jira.by_key(deed.label)
    marker = str(ticket.values[replay.ledger.maps.jira_marker])
    (number,) = (key for key, one in replay.ledger.incidents.items() if marker.endswith(one.id))
    found = [other for other in deeds if other.side == "servicenow" and other.label == number]
    assert found or not deed.clash
    return found


def test_first_incidents_keep_all_their_rows(rows: Sequence[Row]) -> None:
    kept = first_incidents(rows, 5)
    assert len({row.number for row in kept}) == 5
    assert kept == [row for row in rows if row.number in {row.number for row in kept}]


def test_names_of_a_log_become_accounts() -> None:
    assert user_name("Opened by  17") == "opened.by.17"
    assert email("Resolver 4") == "resolver.4@example.com"
