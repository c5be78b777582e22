"""HTTP access to upstreams: a Transport for each server, with an Endpoint for each URL."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from urllib.parse import urlsplit

import requests

from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError
from app.logs.redaction import redact
from app.providers.faults import fault_in_answer
from app.providers.reply import Reply
from app.providers.wire.adapter import RequestTemplate, WireAdapter, WireRequest
from app.providers.wire.dial import Dialer
from app.providers.wire.exchange import Timeouts
from app.settings import ProviderSettings
from app.telemetry import log, upstream_oddity

USER_AGENT = "responses-gateway"
#: The headers that carry the ids of a request (U24).
IDENTITY_HEADERS = frozenset(
    {b"x-request-id", b"x-client-request-id", b"traceparent", b"tracestate"}
)
#: Timeout for requests that no caller waits for, such as the model list, in seconds.
UNATTENDED_S = 30.0
#: The last step of a base URL; `at_root` endpoints are below what comes before it.
_LAST_STEP = re.compile(r"(/v1|(?<=/openai)/deployments/[^/]+)$")
#: The form of values from an upstream's answer that may be logged.
_WORD = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}", re.ASCII)


class Transport:
    """The connections to one upstream server. None is opened before a request is sent.

    Raises:
        ValueError: `base_url` or `proxy` cannot be used.
    """

    def __init__(
        self, settings: ProviderSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.clock = clock
        dialer = Dialer(settings.ca_file, settings.proxy)
        self.adapter = WireAdapter(dialer, clock, keep_alive=settings.keep_alive)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.clear()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, self.adapter)

    def with_key(self, api_key: str | None) -> Transport:
        """Return a transport to the same server, sharing its connections, with another key.

        Requests in flight keep the key that they were sent with.
        """
        other = copy(self)
        other.settings = replace(self.settings, api_key=api_key)
        return other

    #: Called with an answer's `Server` header, while the provider can still learn from it.
    on_server: Callable[[str], None] | None = None

    def endpoint(self, path: str, headers: Mapping[str, str], *, at_root: bool = False) -> Endpoint:
        """Return the endpoint at `path` below the base URL; make it once, use it for every call.

        With `at_root`, a final /v1 or Azure deployment is removed from the base URL first.
        `headers` are the provider's own (including its credential); those that the operator
        configured are added and override them.
        """
        base, question, query = self.settings.base_url.partition("?")
        base = base.rstrip("/")
        if at_root:
            base = _LAST_STEP.sub("", base)
        return Endpoint(self, base + path + question + query, headers)

    def fault_in_answer(self, error: object) -> GatewayError:
        """Return the gateway error for an `error` in a 200 response body or a stream."""
        return fault_in_answer(error, self.settings.name, secret=self.settings.api_key)

    def note(self, kind: str, value: str = "", /) -> None:
        """Count a field of an answer that was left out because of an unexpected shape (U20).

        Its value is logged if it matches _WORD and contains no credential.
        """
        upstream_oddity(self.settings.name, kind)
        if value:
            secret = self.settings.api_key
            is_word = _WORD.fullmatch(value) and not (secret and secret in value)
            logged = value if is_word and redact(value, secret) == value else "unreadable"
            log.warning("upstream_oddity", provider=self.settings.name, kind=kind, value=logged)

    def close(self) -> None:
        """Close the idle connections."""
        self.session.close()


class Endpoint:
    """One URL of an upstream, with the headers that all calls to it have."""

    def __init__(self, transport: Transport, url: str, headers: Mapping[str, str]) -> None:
        self._transport = transport
        self._url = url
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            **headers,
            **transport.settings.headers,
        }
        self._own_identity = IDENTITY_HEADERS & {
            name.lower().encode() for name in transport.settings.headers
        }
        self._get = self._template("GET", {"Accept": "application/json"})  # refuses a wrong URL

    # These are made for the first request of their kind. MEASURED: making one takes requests
    # 0.2 ms, and half of all endpoints never need it.

    @cached_property
    def _post_whole(self) -> RequestTemplate:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return self._template("POST", headers)

    @cached_property
    def _post_stream(self) -> RequestTemplate:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        return self._template("POST", headers)

    @property
    def address(self) -> str:
        """The URL as shown to an operator: without login and query, which may hold credentials."""
        url = urlsplit(self._url)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"

    def post(self, body: bytes, call: UpstreamCall, *, stream: bool) -> Reply:
        """Return the reply to a POST of a JSON body; it is sent when the reply is read."""
        silence_s = call.silence_s if stream else None
        template = self._post_stream if stream else self._post_whole
        return self._reply(template, body, call, silence_s)

    def get(self, call: UpstreamCall | None = None) -> Reply:
        """Return the reply to a GET; without a call, its timeout is UNATTENDED_S."""
        call = call or UpstreamCall(deadline=self._transport.clock() + UNATTENDED_S)
        return self._reply(self._get, None, call, None)

    def _template(self, method: str, headers: dict[str, str]) -> RequestTemplate:
        session = self._transport.session
        request = requests.Request(method, self._url, headers={**headers, **self._headers})
        return self._transport.adapter.template(session.prepare_request(request))

    def _reply(
        self,
        template: RequestTemplate,
        body: bytes | None,
        call: UpstreamCall,
        silence_s: float | None,
    ) -> Reply:
        settings = self._transport.settings
        timeouts = Timeouts(
            settings.connect_timeout_s, settings.timeout_s, call.deadline, silence_s
        )
        request = WireRequest(
            template, body, timeouts, self._identity_lines(call), call.count_attempt
        )
        call.attach(request.interrupt)
        return Reply(self._transport, request, call)

    def _identity_lines(self, call: UpstreamCall) -> bytes:
        """Return header lines with the request's ids, without headers that the operator sets.

        Only the upstream gets them: they are not in a CONNECT, and redirects are not followed.
        """
        if call.identity is None:
            return b""
        lines = call.identity.lines
        if not self._own_identity:
            return lines
        each = lines.splitlines(keepends=True)
        return b"".join(
            one for one in each if one.partition(b":")[0].lower() not in self._own_identity
        )
