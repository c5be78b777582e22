"""A requests adapter for one delivery attempt, on a connection that is used once."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from app.domain.webhooks.deliveries import Fault
from app.providers.webhooks.resolver import PrivateAddress
from app.providers.wire.dial import Dialer, Origin, origin_of
from app.providers.wire.interrupt import Interrupt

#: Maximum number of interim responses (1xx) before the final one.
MOST_INTERIM = 20


class AttemptAdapter(HTTPAdapter):
    """Sends one request within `timeout_s` or until it is interrupted.

    `fault` says why the connection failed. The dialer has already verified TLS when urllib3 gets
    the socket: urllib3 treats it as a plain one.
    """

    def __init__(self, dialer: Dialer, timeout_s: float, interrupt: Interrupt) -> None:
        super().__init__()
        self.fault: Fault | None = None
        self._dialer = dialer
        self._timeout_s = timeout_s
        self._interrupt = interrupt

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: bool | str | None,
        proxies: Any = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        """Return a pool with the request's only connection."""
        del verify, proxies, cert  # the dialer's settings apply
        origin = origin_of(str(request.url))
        return _OneConnection(
            origin.host, origin.port, maxsize=1, dial=lambda: self._dial(origin), timeout=None
        )

    def _dial(self, origin: Origin) -> socket.socket:
        try:
            return self._dialer.dial(origin, self._timeout_s, self._interrupt)
        except PrivateAddress:
            self.fault = "private_address"
            raise
        except TimeoutError:
            self.fault = "timeout"
            raise
        except socket.gaierror:
            self.fault = "unresolved"
            raise
        except ssl.SSLError:
            self.fault = "tls_failed"
            raise
        except (ConnectionResetError, BrokenPipeError) as error:
            # urllib3 assumes that these come after the request was sent, and would read an answer.
            self.fault = "connection_failed"
            raise ConnectionAbortedError(errno.ECONNABORTED, "no connection was made") from error
        except OSError:
            self.fault = "connection_failed"
            raise


class _FinalResponse(HTTPResponse):
    """The final response: interim ones (1xx) before it are skipped (RFC 9110, 15.2).

    There may be MOST_INTERIM: from a receiver that sends them faster than they are read they could
    be read for ever, and under gevent nothing else would run meanwhile, not even the time limit.
    """

    _interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # http.client's own
        if status < HTTPStatus.OK:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise HTTPException(f"got more than {MOST_INTERIM} interim responses")
        return version, status, reason

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment]  # or it would not read another head
            super().begin()


class _DialedConnection(HTTPConnection):
    """A connection whose socket is made by `dial`."""

    response_class = _FinalResponse

    def __init__(self, *args: Any, dial: Callable[[], socket.socket], **options: Any) -> None:
        super().__init__(*args, **options)
        self._dial = dial

    def connect(self) -> None:
        """Make the socket."""
        self.sock = self._dial()


class _OneConnection(HTTPConnectionPool):
    ConnectionCls = _DialedConnection
