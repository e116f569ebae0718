"""What is logged: each line with its pass, each write; never a secret, text of tickets at debug only."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tieline.connectors.sandbox.core import Response

from .site import Said, Site, data

LIMITED = {"error": {"message": "Rate limit exceeded"}}
WORDS = ("Grandmother", "Zimtstern", "Quittung")
"""Words that stand in tickets of these tests, and nowhere else."""


def work(live: Site) -> list[Any]:
    """Somebody works on both sides, with words that a log must not show."""
    live.rewrite('unknown_quiet = "120s"', 'unknown_quiet = "1s"')
    row = live.incident(short_description="Grandmother cannot log in", description="Zimtstern on her desk")
    ticket = live.issue(summary="Quittung is missing", description="Grandmother again")
    return [row, ticket]


def lines(said: Said) -> list[dict[str, Any]]:
    """The log of a run in JSON."""
    return [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]


def logged(live: Site, level: str, *command: str, form: str = "json") -> Said:
    return live.process("--log-level", level, "--log-format", form, *command)


def test_each_line_names_its_pass(live: Site) -> None:
    row, ticket = work(live)
    said = logged(live, "info", "sync", "--initial")
    assert said.code == 0, said.all
    found = lines(said)
    assert len(found) == len(said.err.splitlines()), "not all lines are JSON"
    pass_id = said.out.split()[1].rstrip(":")
    assert {line["pass_id"] for line in found} == {pass_id}
    assert found[0]["event"] == "pass started"
    assert found[-1]["event"] == "pass ended"
    assert found[-1]["counts"]["created"] == 2
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"]) for line in found)
    made = [line for line in found if line["event"] == "write" and line["action"] == "Create"]
    assert {line["label"] for line in made} == {row["number"], ticket.key}
    assert {line["outcome"] for line in made} == {"applied"}
    assert all("short_description" in line["fields"] or "summary" in line["fields"] for line in made)


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_of_tickets_above_debug(live: Site, form: str) -> None:
    row, ticket = work(live)
    said = logged(live, "info", "sync", "--initial", form=form)
    live.desk(row, short_description="Grandmother can log in", category="software")
    live.engineer(ticket, summary="Quittung was found")
    live.engineer(live.mirror(row), summary="Zimtstern eaten")
    again = logged(live, "info", "sync", form=form)
    assert (said.code, again.code) == (0, 0)
    text = said.all + again.all
    assert "write" in text
    for word in WORDS:
        assert word not in text


def test_text_of_tickets_at_debug(live: Site) -> None:
    work(live)
    said = logged(live, "debug", "sync", "--initial")
    assert "Grandmother cannot log in" in said.err


def test_no_text_where_a_system_quotes_it(live: Site) -> None:
    """Refusals come with the system's words, and those may quote the ticket."""
    row, _ = work(live)
    live.run("sync", "--initial")
    quoting = data(400, {"errorMessages": [], "errors": {"summary": "'Zimtstern' is no summary"}})
    live.fault("jira", lambda r: quoting if r.method == "PUT" else None)
    live.desk(row, short_description="Zimtstern")
    said = logged(live, "info", "sync")
    assert said.code == 3
    assert "Zimtstern" not in said.all
    parked = [line for line in lines(said) if line["event"] == "parked"]
    assert [line["reason"] for line in parked] == ["rejected"]
    assert row["number"] in parked[0]["label"]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_secret_at_any_level(live: Site, level: str) -> None:
    """Not the passwords, not what a system sends back, not when it is denied."""
    secrets = list(live.world.environment().values())
    work(live)
    runs = [logged(live, level, "sync", "--initial"), logged(live, level, "plan")]
    cookie = data(
        401, {"error": {"message": "no"}}, set_cookie="JSESSIONID=GEHEIM", authorization="Basic GEHEIM"
    )
    live.fault("servicenow", lambda _r: cookie)
    runs.append(logged(live, level, "sync"))
    assert runs[-1].code == 1
    for said in runs:
        for secret in (*secrets, "GEHEIM", "Basic "):
            assert secret not in said.all


def test_repeats_are_logged(live: Site) -> None:
    work(live)
    live.fault("servicenow", lambda _r: Response(503), times=1)
    live.fault("jira", lambda _r: data(429, LIMITED), times=2)
    said = logged(live, "info", "sync", "--initial")
    assert said.code == 0
    again = [line for line in lines(said) if "asked again" in line["event"]]
    assert len(again) == 3
    assert all(line["pass_id"] for line in again)


def test_conflicts_are_logged_without_values(live: Site) -> None:
    live.rewrite('clash = "newest"\ntie = "servicenow"\nfirst = "hold"', 'clash = "hold"')
    row, _ = work(live)
    live.run("sync", "--initial")
    live.desk(row, short_description="Grandmother is here")
    live.engineer(live.mirror(row), summary="Zimtstern is here")
    said = logged(live, "info", "sync")
    assert said.code == 3
    (conflict,) = [line for line in lines(said) if line["event"] == "conflict"]
    assert (conflict["field"], conflict["kind"], conflict["open"]) == ("summary", "clash", True)
    assert "Zimtstern" not in said.all


def test_quiet_unless_asked(live: Site) -> None:
    work(live)
    said = live.process("sync", "--initial")
    assert (said.code, said.err) == (0, "")
