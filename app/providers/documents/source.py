"""Fetch a small document, such as an issuer's key set, with one GET of limited size and time.

No redirect is followed, and proxy and authorities come from settings, not from the environment.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import requests

from app.errors import UpstreamUnavailable
from app.providers.faults.exceptions import cause_of
from app.providers.wire.adapter import ResponseBody, WireAdapter, WireRequest
from app.providers.wire.dial import Dialer
from app.providers.wire.exchange import Timeouts

#: Maximum size of the document, in bytes, and timeout for the whole fetch, in seconds.
MAX_BYTES = 512 * 1024
MAX_S = 5.0


class RemoteDocument:
    """A document at `url`, called `what` in errors. Opens no connection before `fetch`.

    `token_file` contains a bearer token; it is read each time, since such tokens are rotated.
    """

    def __init__(
        self,
        url: str,
        what: str,
        *,
        ca_file: Path | None = None,
        token_file: Path | None = None,
        proxy: str | None = None,
    ) -> None:
        self._url = url
        self._what = what
        self._token_file = token_file
        self._adapter = WireAdapter(Dialer(ca_file, proxy), keep_alive=False)

    def fetch(self) -> bytes:
        """Return the document.

        Raises:
            UpstreamUnavailable: it cannot be fetched; the message says from where, and why.
        """
        headers = {"Accept": "application/json", "User-Agent": "responses-gateway"}
        token = None if self._token_file is None else _read(self._token_file, self._what)
        try:
            if token is not None:
                headers["Authorization"] = f"Bearer {token.decode()}"
            prepared = requests.Request("GET", self._url, headers=headers).prepare()
            template = self._adapter.template(prepared)
        except (requests.RequestException, ValueError):
            raise self._fault("its address or its token cannot be sent") from None
        timeouts = Timeouts(MAX_S, MAX_S, time.monotonic() + MAX_S)
        request = WireRequest(template, None, timeouts)
        try:
            return self._read(self._adapter.send(request))
        except requests.Timeout:
            raise self._fault("no answer came in time") from None
        except requests.RequestException as error:
            why = cause_of(error).removeprefix(": ")
            raise self._fault(why or "it cannot be reached") from None
        finally:
            request.close()

    def _read(self, response: requests.Response) -> bytes:
        if response.status_code != 200:
            raise self._fault(f"the answer is HTTP {response.status_code}")
        document, body = b"", cast("ResponseBody", response.raw)
        while (piece := body.piece()) is not None:
            document += piece
            if len(document) > MAX_BYTES:
                raise self._fault(f"it is longer than {MAX_BYTES} bytes")
        return document

    def _fault(self, why: str) -> UpstreamUnavailable:
        parts = urlsplit(self._url)
        place = f"{parts.scheme}://{parts.netloc}{parts.path}"
        return UpstreamUnavailable(f"{self._what} cannot be read from {place}: {why}")


class LocalDocument:
    """A document in a file, called `what` in errors."""

    def __init__(self, file: Path, what: str) -> None:
        self._file = file
        self._what = what

    def fetch(self) -> bytes:
        """Return the document. Raises UpstreamUnavailable."""
        return _read(self._file, self._what)


def _read(file: Path, what: str) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UpstreamUnavailable(f"{what}: {file} cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise UpstreamUnavailable(f"{what}: {file} is longer than {MAX_BYTES} bytes")
    return content.strip()
