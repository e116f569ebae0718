"""Stories of two teams and one incident: what people do, what Tieline plans, and where both sides end.

A folder is a story: `story.toml` says what happens, `plan.txt` what `tieline plan` said each time it was
asked, and what both records hold in the end. After a change that is meant to alter them:
`TIELINE_GOLDEN=write make test TESTS=tests/scenarios`, and read the difference.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.sandbox.jira import Ticket

from ..cli.site import BETH, Row, Site, opened  # noqa: TID252  tests have no name of their own

STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/story.toml"))
WRITE = os.environ.get("TIELINE_GOLDEN") == "write"


class Teller:
    """Lets a story happen on both stand-ins, and writes down what Tieline says."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.lines: list[str] = []
        self.rows: dict[str, Row] = {}
        self.tickets: dict[str, Ticket] = {}
        self.deeds: Mapping[tuple[str, str], Callable[[str, dict[str, Any]], None]] = {
            ("desk", "raises"): self._desk_raises,
            ("desk", "edits"): self._desk_edits,
            ("engineer", "raises"): self._engineer_raises,
            ("engineer", "edits"): self._engineer_edits,
            ("engineer", "moves"): self._engineer_moves,
            ("engineer", "deletes"): lambda name, _: site.world.jira.delete(self._ticket(name).id),
            ("desk", "retouches"): self._desk_retouches,
            ("desk", "hires"): self._desk_hires,
            ("servicenow", "shouts"): lambda _name, _values: self._servicenow_shouts(),
        }

    def tell(self, story: Mapping[str, Any]) -> str:
        """What was said, from the first step to the end."""
        for change in story.get("config", ()):
            self.site.change(change["table"], change["key"], change["value"])
        self.lines.append(story["title"])
        for step in story["step"]:
            self._step(step)
        self._end()
        return "\n".join(self.lines) + "\n"

    def _step(self, step: Mapping[str, Any]) -> None:
        self.site.wait(step.get("after", 60))
        match step["who"], step["does"]:
            case "tieline", "plans":
                self._say("tieline plan", self.site.run("plan").out)
            case "tieline", "syncs":
                said = self.site.run("sync", "--initial")
                assert said.code == step.get("exit", 0), said.all
            case "admin", "resolves":
                assert self.site.run("conflicts", "resolve", "1", "--take", step["takes"]).code == 0
            case who, does:
                name = step.get("what", "it")
                values = {key: _long(value) for key, value in step.get("values", {}).items()}
                self.deeds[who, does](name, values)
                said_values = ", ".join(f"{key} {value!r}" for key, value in step.get("values", {}).items())
                self.lines += ["", f"{who} {does} {name}: {said_values}".rstrip(": ")]

    def _say(self, what: str, text: str) -> None:
        self.lines += ["", f"$ {what}", *text.splitlines()]

    def _end(self) -> None:
        """What both records hold once nothing moves any more."""
        said = self.site.run("sync", "--initial")
        for _ in range(4):
            self.site.wait(180)
            before = self.site.writes
            said = self.site.run("sync", "--initial")
            if self.site.writes == before:
                break
        else:
            raise AssertionError(f"no end: {said.all}")
        for name in dict.fromkeys((*self.rows, *self.tickets)):
            shown = self.site.run("show", self._label(name), "--json").json
            self.lines += ["", f"in the end: {shown['number']} = {shown['key']}"]
            self.lines += [
                f"  {f['field']:<12}{_short(f.get('servicenow'))} | {_short(f.get('jira'))}"
                for f in shown["fields"]
            ]
            self.lines += [f"  parked: {shown['park']['detail']}"] if shown["park"] else []
        for conflict in self.site.run("conflicts", "list", "--all", "--json").json:
            state = "open" if conflict["open"] else f"{conflict['winner'] or 'nobody'} won"
            self.lines.append(f"  conflict: {conflict['reason']} ({state})")

    def _label(self, name: str) -> str:
        return self.rows[name]["number"] if name in self.rows else self.tickets[name].key

    def _row(self, name: str) -> Row:
        return self.rows[name] if name in self.rows else self.site.incident_of(self.tickets[name])

    def _ticket(self, name: str) -> Ticket:
        return self.tickets[name] if name in self.tickets else self.site.mirror(self.rows[name])

    def _desk_raises(self, name: str, values: dict[str, Any]) -> None:
        self.rows[name] = self.site.incident(**values)

    def _desk_edits(self, name: str, values: dict[str, Any]) -> None:
        people = {row["user_name"]: row["sys_id"] for row in self.site.world.servicenow.rows("sys_user")}
        if "assigned_to" in values:
            values["assigned_to"] = people[values["assigned_to"]]
        self.site.desk(self._row(name), **values)

    def _desk_retouches(self, name: str, values: dict[str, Any]) -> None:
        """Write other words over the beginning of a text."""
        row = self.site.row(self._row(name))
        self.site.desk(row, **{key: text + row[key][len(text) :] for key, text in values.items()})

    def _desk_hires(self, name: str, _values: dict[str, Any]) -> None:
        self.site.world.servicenow.add_user(name)

    def _engineer_raises(self, name: str, values: dict[str, Any]) -> None:
        self.tickets[name] = self.site.issue(**values)

    def _engineer_edits(self, name: str, values: dict[str, Any]) -> None:
        self.site.engineer(self._ticket(name), **values)

    def _engineer_moves(self, name: str, values: dict[str, Any]) -> None:
        rest = {key: value for key, value in values.items() if key != "status"}
        self.site.world.jira.transition(BETH, self._ticket(name).id, values["status"], rest)

    def _servicenow_shouts(self) -> None:
        self.site.world.servicenow.writing.rules.append(
            lambda _before, after, _user: {"short_description": after["short_description"].upper()}
        )


def _long(value: Any) -> Any:
    """`"5000 x abc"` is a text of that length, so that a story stays readable."""
    if isinstance(value, str) and " x " in value and value.split(" x ")[0].isdecimal():
        count, words = value.split(" x ", 1)
        return (words * int(count))[: int(count)]
    return value


def _short(values: Any) -> str:
    if values is None:
        return "(gone)"
    shown = [str(value).replace("\n", "↵") if value is not None else "-" for value in values.values()]
    return ", ".join(text if len(text) <= 60 else f"{text[:40]}… ({len(text)} characters)" for text in shown)


@pytest.fixture
def teller(tmp_path: Path, root: Path) -> Iterator[Teller]:
    site = opened(tmp_path, (root / "config.example.toml").read_text(encoding="utf-8"))
    yield Teller(site)
    site.world.stop()


@pytest.mark.parametrize("story", STORIES, ids=[path.name for path in STORIES])
def test_a_story(story: Path, teller: Teller) -> None:
    told = teller.tell(tomllib.loads((story / "story.toml").read_text(encoding="utf-8")))
    golden = story / "plan.txt"
    if WRITE:
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


def test_there_are_stories() -> None:
    assert len(STORIES) >= 10
