"""The stand-in over a real connection: counting, faults, lost answers, people at work meanwhile."""

from __future__ import annotations

import threading

import pytest
import requests

from tieline.connectors.sandbox.core import DROPPED, Fault, Request, Response, Server
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

AUTH = ("tieline", "correct horse")
JSON = {"Accept": "application/json", "Content-Type": "application/json"}


def post(server: Server, **values: str) -> requests.Response:
    url = f"{server.url}/api/now/table/incident"
    return requests.post(url, json=values, auth=AUTH, headers=JSON, timeout=10)


def test_a_record_makes_the_round_trip(server: Server) -> None:
    text = "Ünïcode ✓ & <b>\nsecond line"
    made = post(server, short_description="Über", description=text)
    assert made.status_code == 201
    assert made.headers["Location"].startswith(f"{server.url}/api/now/table/incident/")
    with requests.Session() as session:
        session.auth, session.headers = AUTH, requests.structures.CaseInsensitiveDict(JSON)
        query = {"sysparm_query": "short_description=Über", "sysparm_limit": "1"}
        found = session.get(f"{server.url}/api/now/table/incident", params=query, timeout=10)
        assert found.json()["result"][0] == made.json()["result"]
        assert "JSESSIONID" in session.cookies
        changed = session.patch(made.headers["Location"], json={"state": "2"}, timeout=10)
        assert changed.json()["result"]["state"] == "2"
        assert session.delete(made.headers["Location"], timeout=10).status_code == 204
    counts = server.log.operations
    assert counts["servicenow", "POST /api/now/table/incident"] == 1
    assert counts["servicenow", "PATCH /api/now/table/incident/{id}"] == 1
    assert counts["servicenow", "DELETE /api/now/table/incident/{id}"] == 1
    assert server.log.statuses["servicenow", 200] == 2


def test_the_password_is_checked_and_shown_nowhere(server: Server, desk: ServiceNowSandbox) -> None:
    url = f"{server.url}/api/now/table/incident"
    answer = requests.get(url, auth=("tieline", "wrong"), headers=JSON, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("BASIC")
    assert "correct horse" not in f"{desk!r}{vars(desk)!r}{answer.text}{answer.headers}"


def test_a_fault_may_answer_in_place_of_the_system(server: Server, desk: ServiceNowSandbox) -> None:
    busy = Response(429, b"", (("Retry-After", "3"),))
    desk.faults.append(Fault("busy", before=lambda request: busy, times=1))
    answer = post(server, short_description="x")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3") and desk.rows() == []
    assert post(server, short_description="x").status_code == 201
    assert server.log.faults == {("servicenow", "busy"): 1}


def test_a_fault_may_come_after_the_commit(server: Server, desk: ServiceNowSandbox) -> None:
    def failed(request: Request, response: Response) -> Response:
        return Response(500, b"{}") if request.method == "POST" else response

    desk.faults.append(Fault("failed late", after=failed))
    assert post(server, short_description="x").status_code == 500
    assert len(desk.rows()) == 1
    url = f"{server.url}/api/now/table/incident"
    assert requests.get(url, auth=AUTH, headers=JSON, timeout=10).status_code == 200
    assert server.log.faults["servicenow", "failed late"] == 1


def test_a_connection_may_break_before_or_after_the_commit(server: Server, desk: ServiceNowSandbox) -> None:
    desk.faults.append(Fault("reset", before=lambda request: DROPPED, times=1))
    with pytest.raises(requests.ConnectionError):
        post(server, short_description="never arrived")
    desk.faults.append(Fault("answer lost", after=lambda request, response: DROPPED, times=1))
    with pytest.raises(requests.ConnectionError):
        post(server, short_description="arrived")
    assert [row["short_description"] for row in desk.rows()] == ["arrived"]
    assert post(server, short_description="again").status_code == 201
    assert server.log.statuses["servicenow", 0] == 2


def test_people_and_requests_take_turns(server: Server, desk: ServiceNowSandbox) -> None:
    sys_id = desk.create("abel.tuter", {})["sys_id"]
    url = f"{server.url}/api/now/table/incident/{sys_id}"

    def person() -> None:
        for n in range(100):
            desk.update("beth.anglin", sys_id, {"description": f"{n}"})

    worker = threading.Thread(target=person)
    worker.start()
    with requests.Session() as session:
        for n in range(30):
            body = {"short_description": f"{n}"}
            assert session.patch(url, json=body, auth=AUTH, headers=JSON, timeout=10).status_code == 200
    worker.join()
    assert desk.get(sys_id)["sys_mod_count"] == "130"
