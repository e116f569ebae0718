"""What pysnow does on its own and the connector does not: each trap is sprung, then stepped around."""

from __future__ import annotations

import json
import threading
import time
import warnings
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tieline.connectors.base import Record, Ref, Update
from tieline.connectors.errors import ConnectorError, Malformed, Unknown

from .conftest import BASE, INCIDENTS, Instance, error, reply, row, rows_reply, sys_id

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pysnow

A = Ref("servicenow", sys_id(1))


@pytest.fixture
def raw() -> Any:
    return pysnow.Client(host=BASE.removeprefix("https://"), session=requests.Session())


def test_a_result_with_an_error_in_it(instance: Instance, raw: Any, connector: Any) -> None:
    both = reply({"result": [row(1)], **error("Transaction went wrong")})
    instance.replies = [both, both, reply({"result": row(1), **error("x")})]
    assert raw.resource(api_path="/table/incident").get(query={}).all()[0]["sys_id"] == A.id
    with pytest.raises(Malformed):
        connector.read([A])
    assert isinstance(connector.write([Update(A, {"category": "dns"})])[0], Unknown)


def test_an_update_is_two_requests(instance: Instance, raw: Any, connector: Any) -> None:
    instance.replies = [rows_reply(row(1)), reply({"result": row(1)}), reply({"result": row(1)})]
    raw.resource(api_path="/table/incident").update(query={"sys_id": A.id}, payload={"category": "dns"})
    assert [request.method for request in instance.sent] == ["GET", "PUT"]
    connector.write([Update(A, {"category": "dns"})])
    assert [request.method for request in instance.sent][2:] == ["PATCH"]


def test_parameters_leak_from_a_read_into_the_next_write(
    instance: Instance, raw: Any, connector: Any
) -> None:
    instance.answer = lambda request: (
        rows_reply(row(1)) if request.method == "GET" else reply({"result": row(1)}, 201)
    )
    shared = raw.resource(api_path="/table/incident")
    shared.get(query={"active": "true"}, limit=3).all()
    shared.create({"category": "dns"})
    assert instance.params()["sysparm_query"] == "active=true"
    connector.read([A])
    connector.write([Update(A, {"category": "dns"})])
    assert "sysparm_query" not in instance.params()
    assert "sysparm_limit" not in instance.params()


def test_threads_mix_up_a_shared_resource(instance: Instance, connector: Any) -> None:
    def answer(request: requests.PreparedRequest) -> Any:
        asked = parse_qs(urlsplit(str(request.url)).query)["sysparm_query"][0]
        time.sleep(0.001)
        return rows_reply(row(int(asked.removeprefix("sys_idIN"), 16)))

    instance.answer = answer
    wrong: list[Any] = []

    def read(number: int) -> None:
        ref = Ref("servicenow", sys_id(number))
        for _ in range(5):
            [found] = connector.read([ref])
            if not isinstance(found, Record) or found.ref != ref:
                wrong.append(found)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(instance.sent) == 80


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_it_raises_what_requests_raises(instance: Instance, raw: Any, connector: Any, status: int) -> None:
    instance.replies = [reply(error("x"), status)] * 6
    with pytest.raises(requests.HTTPError):
        raw.resource(api_path="/table/incident").get(query={}).all()
    with pytest.raises(ConnectorError) as caught:
        connector.read([A])
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("lost", [requests.ReadTimeout(), requests.ConnectionError("x")])
def test_no_exception_of_a_library_leaves(instance: Instance, connector: Any, lost: Exception) -> None:
    instance.replies = [lost] * 5
    with pytest.raises(ConnectorError) as caught:
        connector.read([A])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_it_retries_nothing(instance: Instance, raw: Any, connector: Any) -> None:
    instance.replies = [reply("", 503), reply("", 503), rows_reply(row(1))]
    with pytest.raises(requests.HTTPError):
        raw.resource(api_path="/table/incident").get(query={}).all()
    assert isinstance(connector.read([A])[0], Record)


def test_it_renames_us_and_the_transport_names_us_again(instance: Instance, raw: Any, connector: Any) -> None:
    instance.answer = lambda _: rows_reply(row(1))
    raw.resource(api_path="/table/incident").get(query={}).all()
    connector.read([A])
    assert [str(request.headers["User-Agent"]).split("/")[0] for request in instance.sent] == [
        "pysnow",
        "tieline",
    ]


def test_it_writes_booleans_its_own_way(instance: Instance, raw: Any, connector: Any) -> None:
    instance.answer = lambda _: rows_reply(row(1))
    resource = raw.resource(api_path="/table/incident")
    resource.parameters.exclude_reference_link = True
    resource.get(query={}).all()
    assert instance.params()["sysparm_exclude_reference_link"] == "True"
    connector.read([A])
    assert instance.params()["sysparm_exclude_reference_link"] == "true"


def test_every_request_goes_through_pysnow_or_the_session_it_was_given(
    instance: Instance, connector: Any
) -> None:
    instance.replies = [reply({"result": row(1)})]
    connector.write([Update(A, {"category": "dns"})])
    request = instance.sent[0]
    assert str(request.url).startswith(f"{INCIDENTS}/{A.id}?")
    assert request.headers["Content-Type"] == request.headers["Accept"] == "application/json"
    assert str(request.headers["Authorization"]).startswith("Basic ")
    assert json.loads(request.body or b"") == {"category": "dns"}
