"""What a conversation costs and how it is read over HTTP: requests, rights, time zones, closed incidents."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.richtext.convert import from_adf, plain
from tieline.connectors.sandbox.core import DROPPED, Fault, Request, Response, VirtualClock
from tieline.connectors.sandbox.expected import Maps
from tieline.connectors.sandbox.story import Story
from tieline.connectors.sandbox.theatre import MONDAY
from tieline.connectors.sandbox.world import PROJECT, SERVICENOW_USER, World

from .storm import INTERVAL, Storm, storm

DESK, ENGINEER = "beth.anglin", "fred.luddy@example.com"


@dataclass
class Site:
    """Two stand-ins with one pair, and passes."""

    world: World
    clock: VirtualClock
    found: Storm
    incident: str
    issue: str

    def go(self) -> Counter[str]:
        """A pass; the requests that it made, by operation."""
        self.clock.advance(INTERVAL)
        before = self.world.requests.operations.copy()
        assert self.found.run(), self.found.failures
        return Counter({f"{s} {o}": n for (s, o), n in (self.world.requests.operations - before).items()})

    def rest(self) -> None:
        """Passes until nothing is left to write."""
        self.clock.advance(INTERVAL)
        self.found.bring_to_rest(8)

    def notes(self) -> list[tuple[str, str]]:
        """What our account wrote into the journals for people."""
        rows = self.world.servicenow.rows("sys_journal_field")
        ours = [r for r in rows if r["element_id"] == self.incident and "[ref " in r["value"]]
        assert all(r["sys_created_by"] == SERVICENOW_USER for r in ours)
        return [(r["element"], r["value"].partition("\n")[2]) for r in ours]

    def comments(self) -> list[tuple[bool, str]]:
        """What our account wrote as comments for people."""
        ours = [c for c in self.world.jira.comments(self.issue) if "tieline" in c.properties]
        return [(c.public, c.body.wiki.partition("\n\n")[2]) for c in ours]

    def note(self, text: str, *, public: bool = False) -> None:
        self.world.servicenow.update(DESK, self.incident, {"comments" if public else "work_notes": text})
        self.clock.advance(timedelta(seconds=2))

    def comment(self, text: str, *, public: bool = False) -> None:
        self.world.jira.comment(ENGINEER, self.issue, text, internal=not public)
        self.clock.advance(timedelta(seconds=2))


@pytest.fixture
def start(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    @contextmanager
    def begin(*, desk: bool = True, more: str = "", comments: str = "") -> Iterator[Site]:
        clock = VirtualClock(MONDAY)
        with World(clock, seed=5) as world:
            if desk:
                world.jira.make_service_desk(PROJECT)
            text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
            text = text.replace("\n[comments]\n", f"\n[comments]\n{comments}\n")
            story = Story(world, clock, Maps.read(text), seed=5, incidents=4)
            with storm(world, clock, text + more, story.ledger, tmp_path, monkeypatch) as found:
                story.raise_all(clock.now())
                found.bring_to_rest(8)
                with found.store.read() as tx:
                    pair = next(p for p in tx.walk_pairs(0, 9) if p.origin == "servicenow")
                yield Site(world, clock, found, pair.servicenow.id, pair.jira.id)

    return begin


WRITES = ("POST", "PATCH", "PUT", "DELETE")


def written(requests: Counter[str]) -> int:
    """The writes among requests; searches by POST are none."""
    return sum(
        n for name, n in requests.items()
        if name.split(" ")[1] in WRITES and not name.endswith(("/search/jql", "/bulkfetch", "/list"))
    )  # fmt: skip


def test_one_request_for_a_new_entry_and_none_for_old_ones(start: Callable[..., object]) -> None:
    with start() as site:  # type: ignore[attr-defined]
        for n in range(6):
            site.note(f"note {n}")
            site.comment(f"comment {n}")
        site.rest()
        assert (len(site.notes()), len(site.comments())) == (6, 6)
        site.clock.advance(timedelta(hours=1))
        idle = site.go()
        assert written(idle) == 0
        site.comment("one more")
        one = site.go()
        assert written(one) == 1, one
        site.rest()
        site.clock.advance(timedelta(hours=1))
        site.note("and back")
        other = site.go()
        assert written(other) == 1, other
        journal = sum(n for name, n in other.items() if "sys_journal_field" in name)
        assert journal <= 1
        assert not any("/comment" in name and " GET " in f" {name} " for name in other)


@pytest.mark.parametrize("desk", [True, False])
def test_an_internal_comment_and_a_public_one_go_where_they_belong(
    start: Callable[..., object], desk: bool
) -> None:
    with start(desk=desk) as site:  # type: ignore[attr-defined]
        site.comment("inside")
        site.comment("for all", public=True)
        site.note("desk")
        site.note("customer", public=True)
        site.rest()
        public = "comments" if desk else "work_notes"  # a plain project: in doubt internal
        assert site.notes() == [("work_notes", "inside"), (public, "for all")]
        assert site.comments() == [(False, "desk"), (True, "customer")]


def test_an_internal_comment_that_jira_makes_public_is_taken_back(
    start: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with start() as site:  # type: ignore[attr-defined]
        writer = type(site.world.jira.site.writer)
        kept = writer.comment

        def forgets(self: Any, author: Any, issue: Any, text: Any, properties: Any, **more: Any) -> Any:
            mine = {k: v for k, v in properties.items() if k != "sd.public.comment"}
            return kept(self, author, issue, text, mine, **more)

        monkeypatch.setattr(writer, "comment", forgets)
        site.note("not for customers")
        site.note("for customers", public=True)
        site.rest()
        assert site.comments() == []
        monkeypatch.setattr(writer, "comment", kept)
        site.clock.advance(timedelta(days=1))
        site.rest()
        assert site.comments() == [(False, "not for customers"), (True, "for customers")]


def lost_answer() -> Fault:
    """The next write to an incident is carried out, and nobody hears of it."""

    def after(request: Request, response: Response) -> Response:
        return DROPPED if request.method == "PATCH" else response

    return Fault("lost", after=after, times=1)


def spoiled(name: str, table: str, spoil: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Fault:
    """The rows of one table as `spoil` leaves them."""

    def after(request: Request, response: Response) -> Response:
        if request.method != "GET" or not request.path.endswith(f"/table/{table}"):
            return response
        rows = json.loads(response.body)["result"]
        return replace(response, body=json.dumps({"result": spoil(rows)}).encode())

    return Fault(name, after=after)


def without(*columns: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda rows: [{k: v for k, v in row.items() if k not in columns} for row in rows]


def test_an_entry_whose_answer_was_lost_is_not_sent_again_while_its_text_is_hidden(
    start: Callable[..., object],
) -> None:
    with start() as site:  # type: ignore[attr-defined]
        site.comment("first")
        site.world.servicenow.faults.append(lost_answer())
        site.go()
        site.world.servicenow.faults.append(spoiled("rights", "sys_journal_field", without("value")))
        for _ in range(3):
            site.go()
        site.comment("second")
        site.rest()
        assert [text for _, text in site.notes()] == ["first", "second"]
        site.world.servicenow.faults.clear()
        site.rest()
        assert [text for _, text in site.notes()] == ["first", "second"]


def test_a_conversation_that_no_answer_shows_is_not_an_empty_one(start: Callable[..., object]) -> None:
    with start() as site:  # type: ignore[attr-defined]
        site.comment("first")
        site.world.servicenow.faults.append(lost_answer())
        site.go()
        both = ("comments", "work_notes")
        site.world.servicenow.faults += [
            spoiled("rows", "sys_journal_field", without("value")),
            spoiled("rendered", "incident", lambda rows: [r for r in rows if not r.keys() & set(both)]),
        ]
        for _ in range(3):
            site.go()
        site.world.servicenow.faults.clear()
        site.rest()
        assert [text for _, text in site.notes()] == ["first"]


@pytest.mark.parametrize(
    ("zone", "date", "time"),
    [("US/Pacific", "yyyy-MM-dd", "HH:mm:ss"), ("Asia/Kolkata", "dd/MM/yyyy", "hh:mm:ss a"),
     ("Europe/Berlin", "MM-dd-yyyy", "HH:mm")],
)  # fmt: skip
def test_without_the_right_to_the_journal_its_rendered_form_is_read(
    start: Callable[..., object], zone: str, date: str, time: str
) -> None:
    with start() as site:  # type: ignore[attr-defined]
        site.note("while rows were shown")
        site.rest()
        users = {r["user_name"]: r["sys_id"] for r in site.world.servicenow.rows("sys_user")}
        site.world.servicenow.update(
            "admin", users[SERVICENOW_USER], {"time_zone": zone, "date_format": date, "time_format": time},
            table="sys_user",
        )  # fmt: skip
        site.world.servicenow.access.journals = False
        site.note("one\n\ntwo paragraphs")
        site.note("to the customer", public=True)
        site.note("while rows were shown")
        site.comment("from jira")
        site.rest()
        wanted = [(False, "while rows were shown"), (False, "one\n\ntwo paragraphs"),
                  (True, "to the customer"), (False, "while rows were shown")]  # fmt: skip
        assert site.comments() == wanted
        assert site.notes() == [("work_notes", "from jira")]
        site.world.servicenow.access.journals = True
        site.note("rows again")
        site.rest()
        assert site.comments() == [*wanted, (False, "rows again")]


def test_a_closed_incident_keeps_nothing_and_that_is_noticed(start: Callable[..., object]) -> None:
    with start() as site:  # type: ignore[attr-defined]
        closing = {"state": "7", "close_code": "Solution provided", "close_notes": "done"}
        site.world.servicenow.update(DESK, site.incident, {"state": "2"})
        site.rest()
        site.comment("too late")
        site.world.servicenow.update(DESK, site.incident, closing)
        site.rest()
        assert site.notes() == []
        site.world.servicenow.update(DESK, site.incident, {"state": "2"})
        site.clock.advance(timedelta(hours=1))
        site.rest()
        assert site.notes() == [("work_notes", "too late")]


def test_a_long_conversation_is_read_page_by_page_and_only_where_it_is_new(
    start: Callable[..., object],
) -> None:
    with start() as site:  # type: ignore[attr-defined]
        site.world.jira.site.settings.embedded_comments = 20
        for n in range(130):
            site.world.jira.comment(ENGINEER, site.issue, f"entry {n}", internal=True)
            site.clock.advance(timedelta(seconds=1))
        site.rest()
        assert [text for _, text in site.notes()] == [f"entry {n}" for n in range(130)]
        mine = site.world.jira.comments(site.issue)
        site.world.jira.delete_comment(ENGINEER, site.issue, mine[60].id)
        site.comment("the last one")
        requests = site.go()
        assert (
            sum(n for name, n in requests.items() if name.startswith("jira GET") and "/comment" in name) <= 2
        )
        site.rest()
        texts = [text for _, text in site.notes()]
        assert len(texts) == 132
        assert texts[-1] == "the last one" or texts[-2] == "the last one"


def test_sixty_kilobytes_come_in_parts_and_whole(start: Callable[..., object]) -> None:
    with start() as site:  # type: ignore[attr-defined]
        text = "".join(f"2026-01-05 ERROR worker[{n}] *could not* reach {{db01}}_5432\n" for n in range(1000))
        site.note(text)
        site.rest()
        ours = [c for c in site.world.jira.comments(site.issue) if "tieline" in c.properties]
        bodies = [(from_adf(c.body.adf) or "").partition("\n\n") for c in ours]
        assert len(bodies) > 1
        assert all(f"({n}/{len(bodies)})" in (plain(head) or "") for n, (head, _, _) in enumerate(bodies, 1))
        whole = "".join(c for _, _, body in bodies for c in plain(body) or "" if c.isalnum())
        assert whole == "".join(c for c in text if c.isalnum())


def test_sixty_kilobytes_go_as_a_file_once_whatever_answers_are_lost(start: Callable[..., object]) -> None:
    with start(comments='too_long = "file"') as site:  # type: ignore[attr-defined]
        text = "".join(f"2026-01-05 ERROR worker[{n}] *could not* reach {{db01}}_5432\n" for n in range(1000))

        def after(request: Request, response: Response) -> Response:
            return DROPPED if "/attachment" in request.path and request.method == "POST" else response

        for faults in (site.world.servicenow.faults, site.world.jira.faults):
            faults.append(Fault("lost", after=after, times=1))
        site.note(text, public=True)
        site.note("behind it", public=True)
        site.comment(text[:31_000], public=True)
        site.comment("behind that", public=True)
        site.note(text)
        for _ in range(3):
            site.rest()
        assert [fault.times for fault in (*site.world.servicenow.faults, *site.world.jira.faults)] == [0, 0]
        [there] = [f for f in site.world.jira.attached(site.issue) if f.name.startswith("comment-")]
        [here] = [
            r for r in site.world.servicenow.rows("sys_attachment") if r["table_sys_id"] == site.incident
        ]
        told = "The whole text is attached: "
        assert site.notes() == [("comments", told + here["file_name"]), ("comments", "behind that")]
        public, internal = ([body for p, body in site.comments() if p is shown] for shown in (True, False))
        assert public == [told + there.name, "behind it"]
        assert len(internal) > 1
