"""Writes whose answer is lost or cannot be trusted: looked for after the quiet time, never sent twice."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from tieline.connectors.sandbox.core import DROPPED, Fault, Request, Response

from .site import Site, data, opened, page

QUIET = 120.0
CANCELLED = {"error": {"message": "Transaction cancelled", "detail": None}, "status": "failure"}
LOST = {
    "a broken connection": DROPPED,
    "500 after the commit": data(500, CANCELLED),
    "403 after the commit": Response(403),
    "a page": page(200, "<html><title>Instance Hibernating page</title></html>"),
    "broken JSON": Response(201, b'{"resu', (("content-type", "application/json"),)),
    "a gateway's page": page(504, "<html>Gateway Time-out</html>"),
}


def is_create(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith(
        ("/issue/bulk", "/issue", "/incident", "/batch")
    )


def is_update(request: Request) -> bool:
    return request.method in ("PUT", "PATCH") or (
        request.method == "POST" and request.path.endswith(("/transitions", "/batch"))
    )


def lose(site: Site, side: str, answer: Response, *, carried_out: bool, wanted: object = is_create) -> Fault:
    """Lose the answer of the next write of a kind, before or after it is carried out."""
    assert callable(wanted)
    if carried_out:
        fault = Fault("lost", after=lambda r, a: answer if wanted(r) else a, times=1)
    else:
        fault = Fault("lost", before=lambda r: answer if wanted(r) else None, times=1)
    (site.world.servicenow if side == "servicenow" else site.world.jira).faults.append(fault)
    return fault


@pytest.mark.parametrize("side", ["servicenow", "jira"])
@pytest.mark.parametrize("carried_out", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("answer", LOST.values(), ids=LOST.keys())
def test_a_create_without_an_answer(site: Site, side: str, carried_out: bool, answer: Response) -> None:
    """Before the quiet time is over nobody touches it; after it there is exactly one mirror."""
    old, theirs = site.paired()
    fault = lose(site, side, answer, carried_out=carried_out)
    new = site.incident(short_description="A new one") if side == "jira" else site.issue(summary="A new one")
    site.desk(old, short_description="Others go on")

    def halves() -> int:
        rows, issues = site.world.servicenow.rows(), site.world.jira.issues()
        return len(rows) + len(issues) - 3

    said = site.sync()
    assert said.code == 0, said.all
    assert fault.times == 0, "the fault did not strike"
    assert "1 unknown" in said.out
    assert site.ticket(theirs).values["summary"] == "Others go on"
    assert halves() == (1 if carried_out else 0)
    assert "unknown writes  1" in site.run("status").out
    planned = site.run("plan", "--check")
    assert planned.code == 0, "a pass does nothing about it yet"
    assert "got no answer" in planned.out
    assert "create in" not in planned.out
    for _ in range(2):
        site.sync(after=QUIET / 3)
        assert halves() == (1 if carried_out else 0), "it was sent again before it was looked for"
    site.settle()
    assert halves() == 1
    report = site.report()
    assert report.ok
    assert report.pairs == 2
    assert "unknown writes  0" in site.run("status").out
    label = new["number"] if isinstance(new, dict) else new.key
    assert "no pair" not in site.run("show", label).out


@pytest.mark.parametrize("side", ["servicenow", "jira"])
def test_a_create_that_takes_too_long(live: Site, side: str) -> None:
    """A real time-out: the system makes the record while nobody waits for its answer any more."""
    live.rewrite('unknown_quiet = "120s"', 'unknown_quiet = "2s"')
    live.rewrite('timeout = "60s"', 'timeout = "1s"')
    assert live.run("sync", "--initial").code == 0

    def slowly(request: Request, response: Response) -> Response:
        if is_create(request):
            time.sleep(1.5)
            return Response(response.status, response.body, response.headers)
        return response

    (live.world.servicenow if side == "servicenow" else live.world.jira).faults.append(
        Fault("slow", after=slowly, times=1)
    )
    label = live.incident()["number"] if side == "jira" else live.issue().key
    said = live.process("sync")
    assert said.code == 0, said.all
    assert "1 unknown" in said.out
    for _ in range(2):
        time.sleep(2.1)
        assert live.process("sync").code == 0
    assert "has no pair" not in live.process("show", label).out
    report = live.report()
    assert report.ok
    assert report.pairs == 1


@pytest.mark.parametrize("carried_out", [True, False], ids=["carried out", "not carried out"])
def test_a_create_that_the_search_index_shows_late(
    tmp_path_factory: pytest.TempPathFactory, template: str, carried_out: bool
) -> None:
    """Longer than the quiet time: the consistent look by key finds it all the same."""
    late = timedelta(minutes=20)
    site = opened(tmp_path_factory.mktemp("late"), template, lag=(late, late))
    try:
        lose(site, "jira", DROPPED, carried_out=carried_out)
        row = site.incident()
        for _ in range(12):
            assert site.sync("--initial", after=90).code == 0
        assert len(site.mirrors(row)) == 1
        site.wait(3600)
        site.settle()
        assert len(site.mirrors(row)) == 1
        assert site.report().ok
    finally:
        site.world.stop()


@pytest.mark.parametrize("side", ["servicenow", "jira"])
@pytest.mark.parametrize("carried_out", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("answer", [LOST[name] for name in ("a broken connection", "500 after the commit")])
def test_an_update_without_an_answer(site: Site, side: str, carried_out: bool, answer: Response) -> None:
    """A person's edit that came after it stands; nothing is a conflict that no person caused."""
    row, ticket = site.paired()
    fault = lose(site, side, answer, carried_out=carried_out, wanted=is_update)
    if side == "jira":
        site.desk(row, short_description="Edited")
    else:
        site.engineer(ticket, summary="Edited")
    assert site.sync().code == 0
    assert fault.times == 0, "the fault did not strike"
    site.settle()
    assert site.row(row)["short_description"] == "Edited"
    assert site.ticket(ticket).values["summary"] == "Edited"
    assert site.report().ok
    assert site.run("conflicts", "list", "--all").out == "No conflicts\n"


def test_a_person_edits_what_was_lost(site: Site) -> None:
    row, ticket = site.paired()
    lose(site, "jira", DROPPED, carried_out=True, wanted=is_update)
    site.desk(row, short_description="Edited at the desk")
    assert site.sync().code == 0
    site.wait(10)
    site.engineer(ticket, summary="Edited by an engineer, later")
    site.settle()
    assert site.row(row)["short_description"] == "Edited by an engineer, later"
    assert site.ticket(ticket).values["summary"] == "Edited by an engineer, later"
    assert site.report().ok


@pytest.mark.parametrize("carried_out", [True, False], ids=["carried out", "not carried out"])
def test_a_transition_without_an_answer(site: Site, carried_out: bool) -> None:
    row, ticket = site.paired()
    lose(site, "jira", DROPPED, carried_out=carried_out, wanted=is_update)
    site.desk(row, state="2")
    assert site.sync().code == 0
    site.settle()
    assert site.ticket(ticket).status == "In Progress"
    assert site.row(row)["state"] == "2"
    assert site.run("conflicts", "list", "--all").out == "No conflicts\n"


def test_many_lost_answers_make_no_duplicate(site: Site) -> None:
    """Every third create loses its answer, carried out or not."""
    count = 0

    def third(request: Request) -> bool:
        nonlocal count
        count += is_create(request)
        return is_create(request) and count % 3 == 0

    site.world.jira.faults.append(Fault("before", before=lambda r: DROPPED if third(r) else None))
    site.world.jira.faults.append(
        Fault("after", after=lambda r, a: DROPPED if is_create(r) and count % 3 == 1 else a)
    )
    rows = []
    for number in range(12):
        rows.append(site.incident(short_description=f"Incident {number}"))
        assert site.sync("--initial").code == 0
    site.calm()
    for _ in range(3):
        site.sync(after=180)
    site.settle()
    assert [len(site.mirrors(row)) for row in rows] == [1] * 12
    assert site.report().ok
