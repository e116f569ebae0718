"""What leaves in a request and what does not: credentials, cookies, other hosts, redirects."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
import trustme

from tieline.connectors.auth import BasicAuth, BearerAuth, KeyAuth
from tieline.connectors.errors import ConfigError
from tieline.connectors.http import HardenedAdapter, HttpSettings, build_session, harden

URL = "https://system.test/api/item"


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_basic_credentials_travel_as_utf8(wire: Any, adapter: HardenedAdapter) -> None:
    wire.get(URL, json={})
    sent = build_session(adapter, BasicAuth("jürgen", "pässwörd€")).get(URL).request
    kind, _, text = sent.headers["Authorization"].partition(" ")
    assert (kind, base64.b64decode(text).decode()) == ("Basic", "jürgen:pässwörd€")


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (BearerAuth("t0ken"), "Authorization", "Bearer t0ken"),
        (KeyAuth("x-sn-apikey", "k3y"), "x-sn-apikey", "k3y"),
    ],
)
def test_other_credentials_travel_in_their_header(
    wire: Any, adapter: HardenedAdapter, auth: Any, header: str, value: str
) -> None:
    wire.get(URL, json={})
    assert build_session(adapter, auth).get(URL).request.headers[header] == value


@pytest.mark.parametrize("auth", [BasicAuth("u", "s3cret"), BearerAuth("s3cret"), KeyAuth("h", "s3cret")])
def test_a_secret_never_shows_in_a_repr(auth: Any) -> None:
    assert "s3cret" not in repr(auth)


def test_settings_show_no_proxy_password() -> None:
    assert "s3cret" not in repr(HttpSettings("https://a.test", proxy="http://u:s3cret@proxy.test"))


@pytest.mark.parametrize(
    "url", ["system.test", "ftp://system.test", "https://", "https://u:s3cret@system.test"]
)
def test_a_url_that_is_none_of_a_system_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HttpSettings(url)
    assert "s3cret" not in str(caught.value)


def test_every_request_says_who_sends_it_whatever_the_library_says(
    wire: Any, adapter: HardenedAdapter
) -> None:
    wire.get(URL, json={})
    session = build_session(adapter, BasicAuth("u", "p"))
    session.headers["User-Agent"] = "pysnow"
    assert session.get(URL).request.headers["User-Agent"].startswith("tieline/")


@pytest.mark.parametrize(
    "url", ["https://other.test/x", "https://system.test.evil.test/x", "http://system.test/x"]
)
def test_no_other_host_is_reached_with_our_credentials(wire: Any, adapter: HardenedAdapter, url: str) -> None:
    wire.get(url, json={})
    with pytest.raises(requests.exceptions.InvalidSchema):
        build_session(adapter, BasicAuth("u", "p")).get(url)
    assert len(wire.calls) == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_redirect_is_followed(wire: Any, adapter: HardenedAdapter, method: str, status: int) -> None:
    wire.add(method, URL, status=status, headers={"Location": "https://system.test/login"})
    wire.get("https://system.test/login", json={"result": []})
    answer = build_session(adapter, BasicAuth("u", "p")).request(method, URL)
    assert answer.status_code == status
    assert len(wire.calls) == 1


def test_a_created_records_location_is_kept(wire: Any, adapter: HardenedAdapter) -> None:
    wire.post(URL, status=201, headers={"Location": f"{URL}/1"})
    assert build_session(adapter, BasicAuth("u", "p")).post(URL).headers["Location"] == f"{URL}/1"


def test_cookies_are_neither_kept_nor_sent(wire: Any, adapter: HardenedAdapter) -> None:
    wire.get(URL, json={}, headers={"Set-Cookie": "glide_user_route=node7; Path=/"})
    session = build_session(adapter, BasicAuth("u", "p"))
    session.get(URL)
    assert "Cookie" not in session.get(URL).request.headers
    assert len(session.cookies) == 0


def test_a_librarys_own_session_is_hardened_too(wire: Any, adapter: HardenedAdapter) -> None:
    class Theirs(requests.Session):
        pass

    session = harden(Theirs(), adapter)
    wire.get(URL, status=503)
    wire.get(URL, json={})
    assert session.get(URL).ok
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.get("https://other.test/")


@pytest.fixture
def pem(tmp_path: Path) -> str:
    """A file with a certificate and its key, which does for a bundle, too."""
    leaf = trustme.CA().issue_cert("tieline@example.com")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


@pytest.mark.parametrize("files", [{"ca_bundle": "/no/ca.pem"}, {"client_cert": ("/no/c.pem", "/no/k.pem")}])
def test_a_missing_certificate_file_is_a_fault_of_the_configuration(files: Any) -> None:
    adapter = HardenedAdapter(HttpSettings("https://a.test", **files))
    with pytest.raises(ConfigError, match="/no/c"):
        build_session(adapter, BasicAuth("u", "p"))


@pytest.mark.parametrize(
    "auth", [BearerAuth("s3cret\n"), KeyAuth("x-sn-apikey", "s3cr€t"), BearerAuth("a\rb")]
)
def test_a_secret_that_no_header_can_carry_is_refused_without_showing_it(adapter: Any, auth: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build_session(adapter, auth)
    assert "s3c" not in str(caught.value)


def test_certificates_are_verified_and_paths_are_passed_on(pem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = HttpSettings(
        "https://a.test",
        ca_bundle=pem,
        client_cert=(pem, pem),
        proxy="http://proxy.test:3128",
    )
    session = build_session(HardenedAdapter(settings), BasicAuth("u", "p"))
    assert (session.verify, session.cert) == (pem, (pem, pem))
    assert session.proxies["https"] == "http://proxy.test:3128"
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    plain = build_session(HardenedAdapter(HttpSettings("https://a.test")), BasicAuth("u", "p"))
    assert plain.verify is True


def test_nothing_secret_is_logged(wire: Any, adapter: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire.get(URL, status=503, headers={"Set-Cookie": "JSESSIONID=abc123"}, body="token=abc123")
    build_session(adapter, BasicAuth("tieline", "s3cret")).get(f"{URL}?q=ticket+text")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("tieline")]
    assert ours
    assert not any(word in text for text in ours for word in ("s3cret", "abc123", "ticket", "Basic"))


def test_a_netrc_never_replaces_our_credentials(
    wire: Any, adapter: HardenedAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine system.test login other password theirs\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    wire.get(URL, json={})
    session = harden(requests.Session(), adapter)
    session.headers["Authorization"] = "Bearer ours"
    assert session.get(URL).request.headers["Authorization"] == "Bearer ours"


@pytest.mark.parametrize(
    ("url", "expected"), [("https://a.test", "http://proxy.test:3128"), ("http://127.0.0.1:8080", None)]
)
def test_the_environments_proxy_and_ca_bundle_are_taken_but_not_for_loopback(
    monkeypatch: pytest.MonkeyPatch, pem: str, url: str, expected: str | None
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.test:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", pem)
    session = build_session(HardenedAdapter(HttpSettings(url)), BasicAuth("u", "p"))
    assert session.proxies.get("https") == expected
    assert session.verify == pem
