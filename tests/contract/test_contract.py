"""The documents that nobody here wrote, and what judges by them.

The conformance suite puts all that it sends and gets to them, test by test (`tests/conformance/conftest.py`);
`make contract` does so for all of it, and prints how much that was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tieline.connectors.sandbox.core import Request, Response, VirtualClock
from tieline.connectors.sandbox.jira import JiraSandbox

from .cloud import Cloud
from .documents import documents
from .exchange import Exchange
from .ledger import Ledger
from .shapes import Samples
from .wadl import DataCenter

JSON = {"content-type": "application/json", "authorization": "Basic eDp5"}
ISSUE = "/rest/api/3/issue/{issueIdOrKey}"


def ask(method: str, path: str, body: object = None, **query: str) -> Request:
    raw = b"" if body is None else json.dumps(body).encode()
    return Request(method, path, tuple(query.items()), JSON, raw)


def answer(status: int, body: object) -> Response:
    return Response(status, json.dumps(body).encode(), (("content-type", "application/json"),))


@pytest.fixture(scope="module")
def cloud(shared: Path) -> Cloud:
    return Cloud(shared / "api/specs/jira-cloud-v3.openapi.json")


@pytest.fixture(scope="module")
def server(shared: Path) -> DataCenter:
    return DataCenter(shared / "api/specs/jira-server-8.4.3.wadl.xml")


@pytest.fixture(scope="module")
def samples(shared: Path) -> Samples:
    return Samples(shared / "api/examples/servicenow")


def test_the_command_counts_and_judges_what_is_sent(shared: Path, root: Path) -> None:
    files = ("test_connectors.py", "test_jira_suite.py")
    part = [*(f"tests/conformance/{name}" for name in files), "-k", "comes_back or own_writes"]
    run = subprocess.run(
        [sys.executable, "-m", "tests.contract", *part], cwd=root, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    for name in ("Jira Cloud", "Jira Data Center", "ServiceNow"):
        row = next(line for line in run.stdout.splitlines() if line.startswith(name))
        operations, requests, wrong, answers, false, _ = map(int, row.split()[-6:])
        assert operations >= 2 and requests > 3 and answers > 3, row
        assert wrong == false == 0, row


def test_an_answer_that_breaks_its_document_is_counted(shared: Path) -> None:
    ledger = Ledger(documents(once=True))
    request = ask("GET", "/rest/api/3/issue/OPS-1", fields="summary")
    for number, body in enumerate(({"id": "1", "key": "OPS-1", "fields": {}}, {"id": 1}, {"id": 2})):
        ledger.hear(Exchange("cloud", f"GET {ISSUE}", request, answer(200, body)))
        assert ledger.violations == min(number, 1), "what differs in numbers only is judged once"


# The judges see what is wrong: a table of zeros would say nothing otherwise


def test_cloud_refuses_what_the_document_does_not_have(cloud: Cloud) -> None:
    issue, path = f"GET {ISSUE}", "/rest/api/3/issue/OPS-1"
    assert cloud.request(issue, ask("GET", path, fields="summary")) == []
    assert cloud.request(issue, ask("GET", path, colour="red")) == ["unknown query parameter colour"]
    assert cloud.request("GET /rest/api/3/issues", ask("GET", "/rest/api/3/issues"))
    assert cloud.request("POST /rest/api/3/search/jql", ask("POST", "/rest/api/3/search/jql", {"jql": 1}))
    good = {"id": "1", "key": "OPS-1", "fields": {}}
    assert cloud.response(issue, ask("GET", path), answer(200, good)) == []
    assert cloud.response(issue, ask("GET", path), answer(200, {**good, "bogus": 1}))
    assert cloud.response(issue, ask("GET", path), answer(207, good)) == ["207 is not described"]


def test_each_of_a_list_is_judged_where_the_schema_describes_one(cloud: Cloud) -> None:
    path = "/rest/api/3/issue/OPS-1/remotelink"
    link = {"id": 1, "globalId": "a", "object": {"url": "https://e.com", "title": "x"}}
    for listed, wrong in (([], 0), ([link, link], 0), ([link, {**link, "id": "one"}], 1), (["link"], 1)):
        said = cloud.response(f"GET {ISSUE}/remotelink", ask("GET", path), answer(200, listed))
        assert bool(said) == bool(wrong), listed


def test_data_center_refuses_what_the_document_does_not_have(server: DataCenter) -> None:
    search = ask("POST", "/rest/api/2/search", {"jql": "project = OPS", "startAt": 0})
    assert server.request("POST /rest/api/2/search", search) == []
    wrong = ask("POST", "/rest/api/2/search", {"jql": "project = OPS", "nextPageToken": "x"})
    assert server.request("POST /rest/api/2/search", wrong)
    assert server.request("POST /rest/api/2/search/jql", wrong) == ["the document has no such operation"]
    path = "/rest/api/2/user"
    assert server.request(f"GET {path}", ask("GET", path, username="beth")) == []
    assert server.request(f"GET {path}", ask("GET", path, accountId="1"))
    assert server.response(f"GET {path}", ask("GET", path), answer(200, {"accountId": 1}))


def test_servicenow_refuses_what_no_sample_has(samples: Samples) -> None:
    path = "/api/now/table/incident"
    listed = ask("GET", path, sysparm_query="number=INC1")
    assert samples.request(f"GET {path}", listed) == []
    assert samples.request(f"GET {path}", ask("GET", path, query="x")) == ["unknown query parameter query"]
    assert samples.request(f"POST {path}", ask("POST", path, {"a": {"b": 1}}))
    assert samples.response(f"GET {path}", listed, answer(200, {"result": [{"number": "INC1"}]})) == []
    assert samples.response(f"GET {path}", listed, answer(200, {"result": [{"number": 1}]}))
    assert samples.response(f"GET {path}", listed, answer(200, {"result": {"number": "INC1"}}))
    assert samples.response(f"GET {path}", listed, answer(404, {"error": "gone"}))
    assert samples.response(f"GET {path}", listed, Response(200, b"<response/>")) == ["the body is no object"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/attachment/1"), ("POST", "/issue/1/attachments"), ("GET", "/attachment/content/1")],
)
def test_what_the_suite_does_not_use_is_described_too(cloud: Cloud, method: str, path: str) -> None:
    site = JiraSandbox(VirtualClock(datetime(2026, 1, 5, tzinfo=UTC)))
    request = ask(method, f"/rest/api/3{path}")
    assert "the document has no such operation" not in cloud.request(site.operation(request), request)
