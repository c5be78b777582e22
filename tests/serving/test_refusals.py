"""What gunicorn cannot read is refused in the envelope, and not repeated."""

from __future__ import annotations

import json
import re
import socket
import ssl
from typing import Any

import pytest
from gunicorn.http import errors

from app.serving.http.refusals import BadHost, RefusingWorker, TLSHandshake, overloaded

SAID = "sk-rg-said"


class Gunicorns:
    """A worker of gunicorn's, as far as it answers errors."""

    def __init__(self) -> None:
        self.left_to_it: list[BaseException] = []
        self.log: Any = self

    def handle_error(self, _req: Any, _client: Any, _addr: Any, exc: BaseException) -> None:
        self.left_to_it.append(exc)

    def warning(self, *_: Any) -> None:
        """Log nothing."""


class Worker(RefusingWorker, Gunicorns):
    pass


def refused(fault: BaseException) -> bytes:
    """Return what a caller gets for a fault, b"" where gunicorn has to see to it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Worker()
        worker.handle_error(None, ours, ("127.0.0.1", 1), fault)
        return b"" if worker.left_to_it else theirs.recv(65536)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (errors.InvalidRequestLine(SAID), 400),
        (errors.InvalidRequestMethod(SAID), 400),
        (errors.InvalidHTTPVersion(SAID), 400),
        (errors.InvalidHeader(SAID), 400),
        (errors.InvalidHeaderName(SAID), 400),
        (errors.ObsoleteFolding(SAID), 400),
        (errors.InvalidChunkSize(SAID.encode()), 400),
        (errors.ChunkMissingTerminator(SAID.encode()), 400),
        (errors.InvalidProxyLine(SAID), 400),
        (errors.LimitRequestLine(1, 2), 414),
        (errors.ExpectationFailed(SAID), 417),
        (errors.LimitRequestHeaders(SAID), 431),
        (errors.UnsupportedTransferCoding(SAID), 501),
        (ssl.SSLError(1, SAID), 400),
        (TLSHandshake(), 400),
        (BadHost(), 400),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_in_the_envelope(
    fault: Exception, status: int
) -> None:
    head, _, body = refused(fault).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert f"Content-Length: {len(body)}".encode() in head
    error = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert SAID not in error["message"]


def test_a_tls_handshake_is_answered_with_the_scheme_to_use() -> None:
    assert b"use http:// in the address" in refused(TLSHandshake())


@pytest.mark.parametrize("fault", [errors.InvalidResponseHeader("x"), ValueError(SAID)])
def test_what_is_no_fault_of_the_callers_is_gunicorns_to_answer(fault: Exception) -> None:
    assert refused(fault) == b""


def test_a_refusal_has_an_id_of_its_own() -> None:
    ids = {
        re.search(rb"\r\nX-Request-ID: (req_[0-9a-f]{32})\r\n", refused(errors.InvalidHeader("x")))
        for _ in range(2)
    }
    assert len({found[1] for found in ids if found}) == 2


def test_who_is_turned_away_is_told_when_to_come_again() -> None:
    head, _, body = overloaded().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["code"] == "overloaded"
