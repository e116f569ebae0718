"""Certificates in earnest: both stand-ins behind gates that speak TLS and ask callers for a certificate."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import trustme

from tieline.cli import Adapters
from tieline.connectors.answers import lost
from tieline.connectors.auth import BasicAuth, CertificateAuth
from tieline.connectors.base import SIDES, Side
from tieline.connectors.errors import ConfigError, Unavailable
from tieline.connectors.http import HardenedAdapter, HttpSettings, build_session
from tieline.connectors.sandbox.core import RealClock
from tieline.connectors.sandbox.world import SERVICENOW_USER, World
from tieline.sync.config import load_config

NAME = b"x-client-certificate: tieline\r\n"
"""What a gate tells the system behind it of a certificate that it has checked."""
HEAD_ENDS = b"\r\n\r\n"


class Gate:
    """Takes TLS connections on loopback, and hands what it reads on to a port without TLS.

    With `ask` every caller must show a certificate of that authority; its requests then carry `NAME`.
    """

    def __init__(self, server: trustme.LeafCert, port: int, ask: trustme.CA | None) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.configure_cert(self._context)
        self._asks = ask is not None
        if ask is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            ask.configure_trust(self._context)
        self._behind = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.taken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._socket.accept()
                threading.Thread(target=self._carry, args=(plain,), daemon=True).start()

    def _carry(self, plain: socket.socket) -> None:
        wrapped = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with contextlib.suppress(OSError), wrapped as outside:
            try:
                outside.do_handshake()
            except ssl.SSLError:
                while socket.socket.recv(outside, 1 << 16):  # or the alert might be lost in a reset
                    pass
                return
            self.taken += 1
            with socket.create_connection(("127.0.0.1", self._behind)) as inside:
                while self._one_way(outside, inside, mark=self._asks) and self._one_way(inside, outside):
                    pass

    @staticmethod
    def _one_way(source: socket.socket, target: socket.socket, *, mark: bool = False) -> bool:
        """One message, as far as a small one is one: all that comes until nothing has come for a moment."""
        data = source.recv(1 << 20)
        while data and select.select([source], [], [], 0.02)[0]:
            more = source.recv(1 << 20)
            if not more:
                break
            data += more
        if mark and data:
            first, _, rest = data.partition(b"\r\n")
            data = first + b"\r\n" + NAME + rest
        target.sendall(data)
        return bool(data)


@dataclass
class Papers:
    """An authority, what it vouches for, and another authority that nobody trusts; as files, too."""

    folder: Path
    authority: trustme.CA
    stranger: trustme.CA

    def __post_init__(self) -> None:
        self.server = self.authority.issue_cert("localhost")
        self.authority.cert_pem.write_to_path(str(self.folder / "ca.pem"))
        self.stranger.cert_pem.write_to_path(str(self.folder / "other-ca.pem"))
        for name, issuer in (("client", self.authority), ("imposter", self.stranger)):
            leaf = issuer.issue_cert("tieline@example.com")
            leaf.private_key_and_cert_chain_pem.write_to_path(str(self.folder / f"{name}.pem"))
            leaf.cert_chain_pems[0].write_to_path(str(self.folder / f"{name}.crt"))
            leaf.private_key_pem.write_to_path(str(self.folder / f"{name}.key"))

    def file(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"), trustme.CA(), trustme.CA())


@dataclass
class Guarded:
    """Both stand-ins, each behind a gate."""

    world: World
    gates: dict[Side, Gate]


@pytest.fixture(
    scope="module", params=[True, False], ids=["certificate asked for", "server certificate only"]
)
def guarded(request: pytest.FixtureRequest, papers: Papers) -> Iterator[Guarded]:
    with World(RealClock()) as world:
        world.servicenow.sign_in.certificates["tieline"] = SERVICENOW_USER
        ports = [int(url.rpartition(":")[2]) for url in world.urls]
        ask = papers.authority if request.param else None
        gates = {side: Gate(papers.server, port, ask) for side, port in zip(SIDES, ports, strict=True)}
        yield Guarded(world, gates)
        for gate in gates.values():
            gate.close()


CERTIFICATE = 'kind = "certificate", certificate = "client.crt", key = "client.key"'


def configured(guarded: Guarded, template: str, folder: Path) -> Path:
    """The example, by the gates: ServiceNow by certificate alone, Jira by its token and a certificate."""
    text = guarded.world.configuration(template)
    for side, url in zip(SIDES, guarded.world.urls, strict=True):
        text = text.replace(url, guarded.gates[side].url)
    line = next(line for line in text.splitlines() if line.startswith('auth = { kind = "basic"'))
    text = text.replace(line, f"auth = {{ {CERTIFICATE} }}")
    text = text.replace("[jira]\n", '[jira]\ncertificate = "client.pem"\n')
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("guarded", [True], indirect=True)
def test_both_sides_are_reached_with_the_configured_certificates(
    guarded: Guarded, papers: Papers, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, secret in (guarded.world.environment() | {"REQUESTS_CA_BUNDLE": papers.file("ca.pem")}).items():
        monkeypatch.setenv(name, secret)
    template = (root / "config.example.toml").read_text(encoding="utf-8")
    config = load_config(configured(guarded, template, papers.folder))
    with Adapters().connect(config) as sides:
        assert {side: sides[side].identity().name for side in SIDES} == dict.fromkeys(SIDES, "Tieline")
    with Adapters().inspect(config.servicenow, config.jira, papers.folder) as inspectors:
        for side in SIDES:
            assert inspectors[side].site().identity.name == "Tieline"


def asked(url: str, ca: str, cert: str | tuple[str, str] | None, method: str = "GET") -> tuple[str, int]:
    """What a request comes to (its failure in words, "" for an answer), and how often it was sent."""
    settings = HttpSettings(url, ca_bundle=ca, client_cert=cert, attempts=3, backoff_s=0.01)
    adapter = HardenedAdapter(settings)
    session = build_session(adapter, CertificateAuth() if cert else BasicAuth("tieline", "s3cret"))
    try:
        session.request(method, f"{url}/api/now/table/incident", json={})
    except requests.RequestException as error:
        failure = lost(error, "asking", write=method == "POST")
        assert isinstance(failure, Unavailable), failure
        return str(failure), adapter.meter.usage().requests
    finally:
        session.close()
    return "", adapter.meter.usage().requests


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_authority_that_we_do_not_trust_is_said_once(
    guarded: Guarded, papers: Papers, side: Side, method: str
) -> None:
    taken = guarded.gates[side].taken
    said, sent = asked(
        guarded.gates[side].url, papers.file("other-ca.pem"), papers.file("client.pem"), method
    )
    assert "certificate is not trusted" in said
    assert "nothing was sent" in said
    assert sent == 1
    assert guarded.gates[side].taken == taken


@pytest.mark.parametrize("guarded", [True], indirect=True)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("shown", [None, "imposter.pem"])
def test_a_certificate_that_is_missing_or_not_taken_is_said(
    guarded: Guarded, papers: Papers, shown: str | None, method: str
) -> None:
    cert = papers.file(shown) if shown else None
    before = guarded.world.requests.total
    said, sent = asked(guarded.gates["jira"].url, papers.file("ca.pem"), cert, method)
    assert "client certificate" in said
    assert sent == 1
    assert guarded.world.requests.total == before


@pytest.mark.parametrize(
    ("cert", "word"),
    [
        ("ca.pem", "ca.pem"),
        (("client.crt", "imposter.key"), "client.crt"),
        (("client.crt", "client.crt"), "client.crt"),
    ],
)
def test_a_file_that_holds_no_fitting_certificate_is_a_fault_of_the_configuration(
    papers: Papers, cert: str | tuple[str, str], word: str
) -> None:
    files = papers.file(cert) if isinstance(cert, str) else (papers.file(cert[0]), papers.file(cert[1]))
    with pytest.raises(ConfigError, match=word):
        build_session(HardenedAdapter(HttpSettings("https://a.test", client_cert=files)), CertificateAuth())


def test_a_bundle_that_holds_no_certificate_is_a_fault_of_the_configuration(papers: Papers) -> None:
    adapter = HardenedAdapter(HttpSettings("https://a.test", ca_bundle=papers.file("client.key")))
    with pytest.raises(ConfigError, match=r"client\.key"):
        build_session(adapter, BasicAuth("u", "p"))


def test_without_a_gate_that_asks_a_certificate_is_not_needed(papers: Papers) -> None:
    with World(RealClock()) as world:
        gate = Gate(papers.server, int(world.urls[0].rpartition(":")[2]), None)
        said, sent = asked(gate.url, papers.file("ca.pem"), None)
        gate.close()
    assert (said, sent) == ("", 1)
