"""The transport on real sockets: what a refused, broken, slow or crowded connection does to it."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests import exceptions as rx

from tieline.connectors.answers import lost, never_sent
from tieline.connectors.auth import BasicAuth
from tieline.connectors.errors import Unavailable, Unknown
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing, build_session

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


def session_for(url: str, **settings: Any) -> tuple[requests.Session, HardenedAdapter]:
    adapter = HardenedAdapter(HttpSettings(url, **settings), timing=Timing(sleep=lambda _: None))
    return build_session(adapter, BasicAuth("u", "p")), adapter


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def failure(call: Callable[[], Any]) -> rx.RequestException:
    with pytest.raises(rx.RequestException) as caught:
        call()
    return caught.value


def test_a_refused_connection_is_repeated_even_for_a_write() -> None:
    with socket.socket() as taken:  # bound, not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        session, adapter = session_for(url, attempts=3)
        error = failure(lambda: session.post(f"{url}/x", json={}))
    assert adapter.meter.usage().requests == 3
    assert type(lost(error, "creating", write=True)) is Unavailable


def test_a_failed_handshake_is_never_sent() -> None:
    def talk_http() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
        ready.set()
        for _ in range(2):
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()
        listener.close()

    ports: list[int] = []
    ready = threading.Event()
    threading.Thread(target=talk_http, daemon=True).start()
    assert ready.wait(5)
    url = f"https://127.0.0.1:{ports[0]}"
    session, adapter = session_for(url, attempts=2)
    error = failure(lambda: session.post(f"{url}/x", json={}))
    assert never_sent(error)
    assert adapter.meter.usage().requests == 2


def test_a_reset_during_the_handshake_is_never_sent() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        connection.recv(10)
        reset(connection)

    threading.Thread(target=accept, daemon=True).start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    session, _ = session_for(url, attempts=1)
    error = failure(lambda: session.post(f"{url}/x", json={}))
    listener.close()
    assert never_sent(error)


@pytest.mark.parametrize("end", [reset, socket.socket.close])
def test_a_connection_that_breaks_after_the_request_leaves_a_write_unknown(serve: Any, end: Any) -> None:
    server = serve(lambda connection, _: end(connection))
    url = f"http://127.0.0.1:{server.port}"
    session, _ = session_for(url)
    error = failure(lambda: session.post(f"{url}/x", json={}))
    assert len(server.requests) == 1
    assert type(lost(error, "creating", write=True)) is Unknown


def test_a_read_is_repeated_on_a_new_connection(serve: Any) -> None:
    def once(connection: socket.socket, _: bytes) -> None:
        if server.connections == 1:
            connection.close()
        else:
            connection.sendall(OK)

    server = serve(once)
    url = f"http://127.0.0.1:{server.port}"
    assert session_for(url)[0].get(f"{url}/x").json() == {}


def test_a_body_that_ends_early_is_lost_for_a_write_and_repeated_for_a_read(serve: Any) -> None:
    def cut(connection: socket.socket, _: bytes) -> None:
        if len(server.requests) == 2:
            connection.sendall(OK)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            connection.close()

    server = serve(cut)
    url = f"http://127.0.0.1:{server.port}"
    session, _ = session_for(url)
    error = failure(lambda: session.post(f"{url}/x", json={}))
    assert type(lost(error, "creating", write=True)) is Unknown
    assert session.get(f"{url}/x").json() == {}


def test_an_answer_that_never_comes_ends_in_time(serve: Any) -> None:
    done = threading.Event()
    server = serve(lambda *_: done.wait(5))
    url = f"http://127.0.0.1:{server.port}"
    session, _ = session_for(url, timeout_s=0.2)
    started = time.monotonic()
    error = failure(lambda: session.post(f"{url}/x", json={}, timeout=60))
    done.set()
    assert isinstance(error, requests.ReadTimeout)
    assert time.monotonic() - started < 3


def test_a_body_that_trickles_ends_in_time(serve: Any) -> None:
    def trickle(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _count in range(100):
            connection.sendall(b" ")
            time.sleep(0.02)

    server = serve(trickle)
    url = f"http://127.0.0.1:{server.port}"
    session, _ = session_for(url, timeout_s=0.3, attempts=1, concurrency=1)
    for _ in range(2):  # the one connection of the pool was given back
        started = time.monotonic()
        assert isinstance(failure(lambda: session.get(f"{url}/x")), requests.ReadTimeout)
        assert time.monotonic() - started < 1.5


def test_broken_connections_are_given_back_to_the_pool(serve: Any) -> None:
    server = serve(
        lambda connection, _: (
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
            connection.close(),
        )
    )
    url = f"http://127.0.0.1:{server.port}"
    session, _ = session_for(url, concurrency=1, attempts=1)
    for _ in range(3):
        failure(lambda: session.get(f"{url}/x"))
    assert server.connections == 3


@pytest.mark.parametrize("chunked", [True, False])
def test_a_compressed_body_arrives_whole(serve: Any, chunked: bool) -> None:
    text = b'{"text": "' + b"abcdefgh" * 40_000 + b'"}'
    packed = gzip.compress(text)

    def answer(connection: socket.socket, _: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
        if not chunked:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(packed) + packed)
            return
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for begin in range(0, len(packed), 100):
            piece = packed[begin : begin + 100]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")

    server = serve(answer)
    url = f"http://127.0.0.1:{server.port}"
    session, _ = session_for(url)
    assert session.get(f"{url}/x").content == text
    assert session.get(f"{url}/x").content == text
    assert server.connections == 1


def test_no_more_requests_are_in_work_at_once_than_allowed(serve: Any) -> None:
    lock, at_once, most = threading.Lock(), 0, 0

    def answer(connection: socket.socket, _: bytes) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        with lock:
            at_once -= 1
        connection.sendall(OK)

    server = serve(answer)
    url = f"http://127.0.0.1:{server.port}"
    session, _ = session_for(url, concurrency=3)
    threads = [threading.Thread(target=lambda: session.get(f"{url}/x")) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3
    assert server.connections <= 3
    assert len(server.requests) == 12
