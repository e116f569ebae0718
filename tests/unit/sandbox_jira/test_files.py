"""Attachments: the XSRF header, lists as answers, a media host of its own, names that repeat, limits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tieline.connectors.auth import BasicAuth
from tieline.connectors.errors import Denied
from tieline.connectors.http import HardenedAdapter, HttpSettings, build_session
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.jira.api_files import MOST_FILES
from tieline.connectors.sandbox.jira.writes import MOST_COMMENTS

from .conftest import EMAIL, NAME, SECRET, Client, Http, doc

Serve = Callable[[JiraSandbox, str], Http]
NO_CHECK = {"X-Atlassian-Token": "no-check"}


def upload(http: Http, issue: str, *names: str, version: str = "3", **headers: str) -> requests.Response:
    files = [("file", (name, b"bytes of " + name.encode(), "text/plain")) for name in names]
    path = f"/rest/api/{version}/issue/{issue}/attachments"
    return http("POST", path, files=files, headers=headers or NO_CHECK)


@pytest.fixture
def cloud(site: JiraSandbox, over_http: Serve) -> Http:
    return over_http(site, EMAIL)


def test_uploads_need_the_header_and_answer_a_list(cloud: Http, api: Client) -> None:
    issue = api.create()
    refused = upload(cloud, issue, "a.log", **{"X-Other": "1"})
    assert (refused.status_code, refused.json()["errorMessages"]) == (403, ["XSRF check failed"])
    made = upload(cloud, issue, "a.log", "b.log")
    assert made.status_code == 200
    assert [a["filename"] for a in made.json()] == ["a.log", "b.log"]
    assert made.json()[0]["size"] == len(b"bytes of a.log")


def test_a_file_of_the_same_name_does_not_replace_the_first(cloud: Http, api: Client) -> None:
    issue = api.create()
    for _ in range(2):
        upload(cloud, issue, "a.log")
    shown = api.read(issue, fields="attachment")["fields"]["attachment"]
    assert [a["filename"] for a in shown] == ["a.log", "a.log"]
    assert len({a["id"] for a in shown}) == 2


def test_its_id_is_text_in_lists_and_a_number_alone(cloud: Http, api: Client) -> None:
    issue = api.create()
    listed = upload(cloud, issue, "a.log").json()[0]["id"]
    alone = api("GET", f"/attachment/{listed}").body
    assert isinstance(listed, str)
    assert alone["id"] == int(listed)


def test_content_is_on_another_host_that_takes_no_credentials(cloud: Http, api: Client) -> None:
    issue = api.create()
    content = upload(cloud, issue, "a.log").json()[0]["content"]
    led = cloud.session.get(content, allow_redirects=False, timeout=5)
    assert led.status_code == 303
    place = led.headers["Location"]
    assert "//localhost:" in place and "//127.0.0.1:" in content
    assert requests.get(place, timeout=5).content == b"bytes of a.log"
    assert requests.get(place, auth=(EMAIL, SECRET), timeout=5).status_code == 400
    assert requests.get(place.partition("?")[0], timeout=5).status_code == 404


def test_the_transport_sends_no_credentials_to_the_media_host(cloud: Http, api: Client) -> None:
    content = upload(cloud, api.create(), "a.log").json()[0]["content"]
    ours = build_session(HardenedAdapter(HttpSettings(cloud.url)), BasicAuth(EMAIL, SECRET))
    led = ours.get(content)
    assert led.status_code == 303
    with pytest.raises(requests.exceptions.InvalidSchema):
        ours.get(led.headers["X-Tieline-Redirect"])
    assert not isinstance(led, Denied)


def test_too_many_files_are_refused(cloud: Http, api: Client) -> None:
    issue = api.create()
    assert upload(cloud, issue, *(f"{n}.log" for n in range(MOST_FILES + 1))).status_code == 413


def test_server_gives_content_under_the_site_itself(
    server_site: JiraSandbox, dc: Client, over_http: Serve
) -> None:
    issue = dc.create()
    http = over_http(server_site, NAME)
    made = upload(http, issue, "a.log", version="2").json()[0]
    assert made["content"].startswith(f"{http.url}/secure/attachment/")


def test_an_issue_holds_so_many_comments_and_no_more(site: JiraSandbox, api: Client) -> None:
    issue = api.create()
    first = api("POST", f"/issue/{issue}/comment", {"body": doc("x")})
    assert first.status == 201
    found = site.site.store.get(issue)
    assert found is not None
    found.comments *= MOST_COMMENTS
    assert api("POST", f"/issue/{issue}/comment", {"body": doc("x")}).status == 413
    site.site.settings.hang_limits = False
    assert api("POST", f"/issue/{issue}/comment", {"body": doc("x")}).status == 201
