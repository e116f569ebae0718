"""Systems that do not answer, or answer what cannot be believed: said, nothing written, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from tieline.connectors.sandbox.core import DROPPED, Request, Response

from .site import Site, data, page, writes_of

SIDES = ("servicenow", "jira")
NAMES = {"servicenow": "ServiceNow", "jira": "Jira"}
SECRETS = {"servicenow": "TIELINE_SERVICENOW_PASSWORD", "jira": "TIELINE_JIRA_TOKEN"}
SLEEPS = "<html><head><title>Instance Hibernating page</title></head><body>zzz</body></html>"
CANCELLED = {"error": {"message": "Transaction cancelled: maximum execution time exceeded", "detail": None}}
LOGIN = "https://login.example.com/"
JSON = (("content-type", "application/json"),)
UNBELIEVABLE = {
    "a sleeping instance (200)": (page(200, SLEEPS), "Hibernating"),
    "a sleeping instance (503)": (page(503, SLEEPS), "Hibernating"),
    "a redirect to a login page": (page(302, "", location=f"{LOGIN}?token=abc"), "login.example.com"),
    "a gateway's page": (page(502, "<html><title>Bad Gateway</title></html>"), "Bad Gateway"),
    "data and an error": (data(200, {"result": [], "issues": [], **CANCELLED, "status": "failure"}), ""),
    "broken JSON": (Response(200, b'{"result": [{"sys', JSON), "broken JSON"),
    "nothing": (Response(200), ""),
    "a broken connection": (DROPPED, "closed connection"),
}  # fmt: skip


def edited(site: Site) -> Callable[[], None]:
    """A pair that both sides edited; call the result to see that the edits arrived, once all is well."""
    row, ticket = site.paired()
    site.desk(row, short_description="Edited at the desk")
    site.engineer(ticket, description="Edited by an engineer")
    new = site.incident(short_description="Raised meanwhile")

    def arrived() -> None:
        site.calm()
        site.settle()
        assert site.report().ok
        assert site.ticket(ticket).values["summary"] == "Edited at the desk"
        assert site.row(row)["description"] == "Edited by an engineer"
        assert len(site.mirrors(new)) == 1

    return arrived


def stopped(site: Site, *named: str, code: int = 1) -> str:
    """A pass that stops before its first write, and says why; `status` tells it, too."""
    before, stood = site.writes, site.sides()
    said = site.sync()
    assert said.code == code, said.all
    assert said.out == ""
    for name in named:
        assert name in said.err
    assert (site.writes, site.sides()) == (before, stood)
    status = site.run("status")
    assert status.code == 1
    assert "stopped: " in status.out
    return said.err


@pytest.mark.parametrize("side", SIDES)
def test_wrong_credentials(site: Site, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = edited(site)
    right = site.world.environment()
    monkeypatch.setattr(site.world, "environment", lambda: {**right, SECRETS[side]: "out-of-date"})
    before = site.world.requests.statuses[side, 401]
    told = stopped(site, NAMES[side], "account")
    assert "out-of-date" not in told
    assert site.world.requests.statuses[side, 401] - before <= 1, "a few more would lock the account"
    for command in (("plan",), ("show", "INC0010001")):
        said = site.run(*command)
        assert said.code == 1
        assert "auth" in said.err
    monkeypatch.undo()
    arrived()


def test_a_host_that_is_not_there(site: Site) -> None:
    arrived = edited(site)
    right = site.config.read_text()
    for side in SIDES:
        site.change(side, "url", "http://127.0.0.1:9")
        stopped(site, NAMES[side], "127.0.0.1:9", "refused", "nothing was sent", "network")
        site.config.write_text(right)
    arrived()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("answer", "named"), UNBELIEVABLE.values(), ids=UNBELIEVABLE.keys())
def test_an_answer_that_is_none(site: Site, side: str, answer: Response, named: str) -> None:
    arrived = edited(site)
    site.fault(side, lambda _request: answer)
    told = stopped(site, NAMES[side], named, "Nothing is lost")
    assert "token=abc" not in told
    arrived()


@pytest.mark.parametrize("side", SIDES)
def test_one_bad_answer_is_asked_again(site: Site, side: str) -> None:
    arrived = edited(site)
    site.fault(side, lambda _request: page(503, SLEEPS), times=1)
    assert site.sync().code == 0
    arrived()


def empty(request: Request) -> Response | None:
    """What Jira Cloud answers to an expired token: 200, and nothing, as if to a stranger."""
    if "search" in request.path:
        return data(200, {"issues": [], "isLast": True}, x_seraph_loginreason="AUTHENTICATED_FAILED")
    return None


def silently_empty(request: Request) -> Response | None:
    """The same without the header that tells."""
    if "search" in request.path:
        return data(200, {"issues": [], "isLast": True})
    return data(401, {"errorMessages": ["Unauthorized"]}) if "myself" in request.path else None


def nobody(request: Request) -> Response | None:
    """An instance that shows everything to nobody: no rows, and not our own either."""
    return data(200, {"result": []}, x_total_count="0") if request.method == "GET" else None


@pytest.mark.parametrize(
    ("side", "answer"), [("jira", empty), ("jira", silently_empty), ("servicenow", nobody)]
)
def test_an_anonymous_feed_is_not_believed(
    site: Site, side: str, answer: Callable[[Request], Response | None]
) -> None:
    """What changed while we were a stranger is found afterwards, however long that was."""
    row, ticket = site.paired()
    site.fault(side, answer)
    site.desk(row, short_description="Edited at the desk")
    site.engineer(ticket, description="Edited by an engineer")
    raised = site.issue(summary="Raised meanwhile")
    for _ in range(3):
        stopped(site, NAMES[side])
        site.wait(3600)
    site.calm()
    site.settle()
    assert site.report().ok
    assert site.incident_of(raised)["short_description"] == "Raised meanwhile"


@pytest.mark.parametrize("side", SIDES)
def test_an_empty_feed_of_our_own_is_in_step(site: Site, side: str) -> None:
    site.paired()
    site.wait(7200)
    site.settle()
    said = site.sync()
    assert said.code == 0
    assert "0 looked at" in said.out


def http_date(moment: datetime) -> str:
    """A time as HTTP headers give it."""
    return format_datetime(moment, usegmt=True)


LIMITED = {"error": {"message": "Rate limit exceeded", "detail": None}, "status": "failure"}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("form", ["seconds", "date", "none"])
def test_a_limit_is_waited_for(site: Site, side: str, form: str) -> None:
    """Reads and writes that are refused by a limit are made afterwards, once, in the same pass."""
    arrived = edited(site)

    def limited() -> Response:
        now = site.clock.now()
        until = {"seconds": "20", "date": http_date(now + timedelta(seconds=20)), "none": ""}[form]
        return data(429, LIMITED, date=http_date(now), **({"retry_after": until} if until else {}))

    site.fault(side, lambda r: limited() if not writes_of(r) else None, times=1)
    site.fault(side, lambda r: limited() if writes_of(r) else None, times=1)
    before = site.clock.now()
    said = site.sync()
    assert said.code == 0, said.all
    assert "1 mirrored" in said.out
    waited = (site.clock.now() - before).total_seconds() - 60
    assert waited >= (0 if form == "none" else 38), "both pauses, but for cut seconds"
    arrived()


@pytest.mark.parametrize("side", SIDES)
def test_a_limit_that_lasts_is_told(site: Site, side: str) -> None:
    arrived = edited(site)
    site.fault(side, lambda _request: data(429, LIMITED, retry_after="1800"))
    before = site.clock.now()
    stopped(site, NAMES[side], "429", "1800 seconds")
    assert site.clock.now() - before < timedelta(minutes=3), "it sat the pause out"
    arrived()


@pytest.mark.parametrize("side", SIDES)
def test_a_limit_on_writes_that_lasts_stops_nobody_else(site: Site, side: str) -> None:
    """Writes to one side are put off; those to the other go on."""
    row, ticket = site.paired()
    site.desk(row, short_description="Edited at the desk")
    site.engineer(ticket, description="Edited by an engineer")
    site.fault(side, lambda r: data(429, LIMITED, retry_after="600") if writes_of(r) else None)
    said = site.sync()
    assert said.code == 0, said.all
    assert "put off" in said.out
    site.calm()
    site.wait(600)
    site.settle()
    assert site.report().ok
    assert site.ticket(ticket).values["summary"] == "Edited at the desk"
    assert site.row(row)["description"] == "Edited by an engineer"
