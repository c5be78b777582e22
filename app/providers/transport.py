"""How providers reach their upstream: the one seam where requests' exceptions become ours."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from app.descriptors import is_shortage
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    AnswerTooLong,
    CallerGone,
    GatewayError,
    Overloaded,
    UpstreamMisbehaved,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.logs.redaction import is_id, redact
from app.providers.faults import fault, fault_in_answer
from app.providers.wire.adapter import Draft, LeanAdapter, Nonsense, Order, Quiet, TooLong
from app.providers.wire.dial import Dialer, ProxyRefused
from app.providers.wire.exchange import Patience, Relay, leave
from app.settings import ProviderSettings
from app.telemetry import log, shortage_noted, upstream_oddity

USER_AGENT = "responses-gateway"
#: The headers that say what a request is called.
NAMES = frozenset({b"x-request-id", b"x-client-request-id", b"traceparent", b"tracestate"})
#: How much of an error's body is read.
MAX_FAULT_BODY = 256 * 1024
#: The deadline of a question that no caller waits for, such as the list of models.
ASIDE_S = 30.0
#: What of an upstream's answer may stand in the log.
_WORD = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}", re.ASCII)
#: How long the end of an answer may take whose last word was read.
END_S = 0.1


class Transport:
    """The way to one upstream server. Opens no connection until something is sent.

    Raises:
        ValueError: when `base_url` or `proxy` cannot be used.
    """

    def __init__(
        self, settings: ProviderSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.clock = clock
        dialer = Dialer(settings.ca_file, settings.proxy)
        self.adapter = LeanAdapter(dialer, clock, keep_alive=settings.keep_alive)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.clear()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, self.adapter)

    #: Hears of an answer's `Server` header, while there is something to learn from it.
    on_server: Callable[[str], None] | None = None

    def endpoint(self, path: str, headers: Mapping[str, str]) -> Endpoint:
        """Return the endpoint at `path` below the base URL; make it once, use it for every call.

        `headers` are the provider's own (its credential among them); the operator's come on top.
        """
        base, question, query = self.settings.base_url.partition("?")
        return Endpoint(self, base.rstrip("/") + path + question + query, headers)

    def fault_in_answer(self, error: object) -> GatewayError:
        """Return ours for an `error` that an upstream put into a 200 body or a stream."""
        return fault_in_answer(error, self.settings.name, secret=self.settings.api_key)

    def note(self, kind: str, value: str = "", /) -> None:
        """Count a field of an answer that was left out, since it has another shape (U20).

        What stood there goes to the log, if it is a word and holds no credential.
        """
        upstream_oddity(self.settings.name, kind)
        if value:
            secret = self.settings.api_key
            shown = _WORD.fullmatch(value) and not (secret and secret in value)
            told = value if shown and redact(value, secret) == value else "unreadable"
            log.warning("upstream_oddity", provider=self.settings.name, kind=kind, value=told)

    def close(self) -> None:
        """Close the idle connections."""
        self.session.close()


class Endpoint:
    """One URL of an upstream, with the headers that every call has."""

    def __init__(self, transport: Transport, url: str, headers: Mapping[str, str]) -> None:
        self._transport = transport
        self._url = url
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            **headers,
            **transport.settings.headers,
        }
        self._given = NAMES & {name.lower().encode() for name in transport.settings.headers}
        self._get = self._draft("GET", {"Accept": "application/json"})
        self._post = {
            stream: self._draft(
                "POST",
                {
                    "Content-Type": "application/json",
                    "Accept": "text/event-stream" if stream else "application/json",
                },
            )
            for stream in (False, True)
        }

    def post(self, body: bytes, call: UpstreamCall, *, stream: bool) -> Reply:
        """Return the reply to a JSON body; it is sent when the reply is read."""
        silence_s = call.silence_s if stream else None
        return self._reply(self._post[stream], body, call, silence_s)

    def get(self, call: UpstreamCall | None = None) -> Reply:
        """Return what is there; without a call, within ASIDE_S."""
        call = call or UpstreamCall(deadline=self._transport.clock() + ASIDE_S)
        return self._reply(self._get, None, call, None)

    def _draft(self, method: str, headers: dict[str, str]) -> Draft:
        session = self._transport.session
        request = requests.Request(method, self._url, headers={**headers, **self._headers})
        return self._transport.adapter.draft(session.prepare_request(request))

    def _reply(
        self, draft: Draft, body: bytes | None, call: UpstreamCall, silence_s: float | None
    ) -> Reply:
        settings = self._transport.settings
        patience = Patience(
            settings.connect_timeout_s, settings.timeout_s, call.deadline, silence_s
        )
        order = Order(draft, body, patience, self._names(call), call.count_attempt)
        call.attach(order.interrupt)
        return Reply(self._transport, order, call)

    def _names(self, call: UpstreamCall) -> bytes:
        """Return the header lines that say what the request is called; the operator's come first.

        They go to the upstream alone: to no proxy that tunnels, and redirects are not followed.
        """
        if call.identity is None:
            return b""
        lines = call.identity.lines
        if not self._given:
            return lines
        each = lines.splitlines(keepends=True)
        return b"".join(one for one in each if one.partition(b":")[0].lower() not in self._given)


class Reply:
    """What an upstream answers: ask for its `body`, or for its `pieces` as they come, once.

    A piece b"" says that the upstream was quiet for `call.silence_s`, be it before the answer
    begins or later. The connection is closed, or kept for the next call, whatever happens; where
    the pieces are not read to their end, it is for `close` to do that.

    Reading raises InvalidRequest, NotFound, ContextLengthExceeded, UpstreamRateLimited,
    UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved, and CallerGone when the call was
    cancelled.
    """

    def __init__(self, transport: Transport, order: Order, call: UpstreamCall) -> None:
        self._transport = transport
        self._order = order
        self._call = call
        self._answered = False
        self._ending = False
        self._pieces: Iterator[bytes] | None = None
        self._relay: Relay = leave

    def body(self) -> bytes:
        """Send the request and return the whole answer."""
        try:
            return self._send(stream=False).content
        except requests.RequestException as error:
            raise self._fault(error) from error
        finally:
            self._order.close()

    def pieces(self, relay: Relay = leave) -> Iterator[bytes]:
        """Send the request and yield the answer's pieces, without those that `relay` takes."""
        self._relay = relay
        # MEASURED: a generator here, and those of requests, were a fifth of what an event costs
        # that comes by itself.
        return iter(self._piece, None)

    def close(self) -> None:
        """Read no more."""
        self._order.close()

    def _piece(self) -> bytes | None:
        """Return the next piece, None at the end."""
        try:
            pieces = self._pieces or self._begun()
            piece = b"" if pieces is None else next(pieces, None)
        except BaseException as error:
            self._order.close()
            if not isinstance(error, requests.RequestException):
                raise
            if not self._ending:
                raise self._fault(error) from error
            piece = None
        if piece is None:
            self._order.close()
        return piece

    def _begun(self) -> Iterator[bytes] | None:
        """Send the request, or go on waiting; return the pieces, None while it is quiet."""
        try:
            response = self._send(stream=True)
        except Quiet:
            return None
        body: Any = response.raw
        body.relay = self._relay
        self._pieces = response.iter_content(None)
        return self._pieces

    def expect_end(self) -> None:
        """Everything of interest was read: what is left is waited for only END_S.

        Reading to the end lets the connection be used again; a server that does not end its
        answer, or cuts it now, loses its connection and nothing else.
        """
        if not self._ending:
            self._ending = True
            self._order.hurry(END_S)

    def _send(self, *, stream: bool) -> requests.Response:
        if self._call.cancelled:
            raise CallerGone("the call was cancelled")
        response = self._transport.adapter.send(self._order, stream=stream)
        headers = response.raw.headers
        self._call.request_id = self._id(headers.get("x-request-id") or headers.get("request-id"))
        if not 200 <= response.status_code < 300:
            raise self._refused(response)
        if headers.get("content-type", "").startswith("text/html"):
            self._log_address(response.status_code)
            name = self._transport.settings.name
            raise UpstreamMisbehaved(
                f"provider {name!r} answered with a web page: is its base_url right? "
                "It usually ends in /v1"
            )
        if (hear := self._transport.on_server) is not None:
            hear(headers.get("server") or "")
        self._answered = True
        return response

    def _id(self, told: str | None) -> str | None:
        """Return the upstream's id of the request, if it is one, and nothing that we have sent."""
        secret = self._transport.settings.api_key
        if not told or not is_id(told) or (secret and secret in told):
            return None
        return told

    def _refused(self, response: requests.Response) -> GatewayError:
        body = b""
        try:
            for piece in response.iter_content(None):
                body += piece
                if len(body) > MAX_FAULT_BODY:
                    break
        except requests.RequestException as error:
            if self._call.cancelled:
                return self._fault(error)
        settings = self._transport.settings
        if response.status_code == 404 or 300 <= response.status_code < 400:
            self._log_address(response.status_code)
        return fault(
            response.status_code,
            response.raw.headers,
            body,
            settings.name,
            secret=settings.api_key,
        )

    def _log_address(self, status: int) -> None:
        """Log where the upstream was called: an operator may have to mend it."""
        url = urlsplit(self._order.url or "")
        log.warning(
            "upstream_address_refused",
            provider=self._transport.settings.name,
            url=f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
            status=status,
        )

    def _fault(self, error: requests.RequestException) -> GatewayError:
        if self._call.cancelled:
            return CallerGone("the call was cancelled")
        if is_shortage(error):
            shortage_noted()
            return Overloaded()
        name, lost = self._transport.settings.name, self._answered
        match error:
            case requests.ConnectTimeout():
                what = f"provider {name!r} could not be connected to in time"
                return UpstreamTimeout(what, sent=False)
            case requests.Timeout():
                return UpstreamTimeout(f"provider {name!r} did not answer in time", work_done=lost)
            case TooLong():
                return AnswerTooLong(str(error))
            case Nonsense():
                what = f"provider {name!r} sent an answer that cannot be read: {error}"
                return UpstreamMisbehaved(what, work_done=lost)
            case requests.exceptions.ChunkedEncodingError():
                return UpstreamUnavailable(
                    f"provider {name!r} broke off its answer", work_done=lost
                )
            case _:
                return UpstreamUnavailable(f"provider {name!r} could not be reached{_why(error)}")


def _why(error: requests.RequestException) -> str:
    """Return the system's own words for the cause: they hold no URL and no secret."""
    match error.__cause__:
        case ssl.SSLCertVerificationError(verify_message=str(why)):
            return f": its certificate cannot be verified ({why})"
        case ssl.SSLError():
            return ": TLS failed"
        case ProxyRefused():
            return f": {error.__cause__}"
        case OSError(strerror=str(why)):
            return f": {why}"
        case _:
            return ""
