"""Moves the content of files in pieces, out of an answer or into a request; it never holds one as a whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Final

import requests
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from tieline.connectors.answers import Said, describe, read_failure, write_failure
from tieline.connectors.errors import (
    ConnectorError,
    Gone,
    Malformed,
    Rejected,
    Unavailable,
    Unknown,
)

PIECE_BYTES: Final = 1 << 16
PLAIN: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}
"""A file is asked for as it is: what was packed on the way would not have the length that was told."""


def pieces(response: requests.Response, size: int, what: str) -> Iterator[bytes]:
    """The body of an answer that was asked for as a stream. Unavailable unless it has exactly `size` bytes.

    A page that stands in for a file (a log-in, an instance that sleeps) has another length, and no end that
    would be believed.
    """
    seen = 0
    with closing(response):
        try:
            for piece in _raw(response):
                seen += len(piece)
                if seen > size:
                    break
                yield piece
        except (HTTPError, OSError) as error:
            raise Unavailable(
                f"{what}: the transfer broke off after {seen} of {size} bytes ({type(error).__name__})"
            ) from None
    if seen != size:
        raise Unavailable(f"{what}: {'more than' if seen > size else seen} of {size} bytes came")


def first_piece(content: Iterator[bytes]) -> bytes:
    """The beginning of a file; the rest is left where it is."""
    piece = next(content, b"")
    if isinstance(content, Generator):
        content.close()
    return piece


def _raw(response: requests.Response) -> Iterator[bytes]:
    raw = response.raw
    if isinstance(raw, HTTPResponse):
        while piece := raw.read1(PIECE_BYTES, decode_content=True):
            yield piece
    else:
        yield from response.iter_content(PIECE_BYTES)


def read_refusal(response: requests.Response, what: str, said: Said | None) -> ConnectorError | None:
    """The failure of a download, None for 200. A 403 is about this one file, not about the account."""
    if response.status_code == 403:
        return Rejected(describe(response, what, said))
    if response.status_code == 404:
        return Gone(describe(response, what, said))
    failure = read_failure(response, what, said)
    if failure is None and response.status_code != 200:
        return Malformed(f"{what}: {response.status_code} is not an answer to this")
    return failure


def write_refusal(response: requests.Response, what: str, said: Said | None) -> ConnectorError | None:
    """The failure of an upload. One that is too large (413) was not taken, whoever says so."""
    if response.status_code == 413 or (response.status_code == 403 and said is not None):
        return Rejected(describe(response, what, said))
    return write_failure(response, what, said)


def checked(what: str, *, told: int | None, sent: int, digest: str = "", expected: str = "") -> None:
    """Unknown unless the answer tells of the file that was sent: its length, and its SHA-256 where told."""
    if told != sent:
        raise Unknown(f"{what}: {told} bytes were stored instead of {sent}")
    if digest and expected and digest.casefold() != expected.casefold():
        raise Unknown(f"{what}: what was stored is not what was sent (another SHA-256)")
