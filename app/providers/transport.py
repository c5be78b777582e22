"""How providers reach their upstream: a transport for each, and its endpoints."""

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
#: How long a request may take that no caller waits for, such as one for the list of models.
UNATTENDED_S = 30.0
#: What a base URL ends with below which not all of a server's endpoints stand.
_LAST_STEP = re.compile(r"(/v1|(?<=/openai)/deployments/[^/]+)$")
#: What of an upstream's answer may stand in the log.
_WORD = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}", re.ASCII)


class Transport:
    """The way to one upstream server. Opens no connection before something is sent.

    Raises:
        ValueError: when `base_url` or `proxy` cannot be used.
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
        """Return the way to the same server, over the same connections, with another key.

        What is under way goes on with the key that it was sent with.
        """
        other = copy(self)
        other.settings = replace(self.settings, api_key=api_key)
        return other

    #: Is called with an answer's `Server` header, while there is something to learn from it.
    on_server: Callable[[str], None] | None = None

    def endpoint(self, path: str, headers: Mapping[str, str], *, at_root: bool = False) -> Endpoint:
        """Return the endpoint at `path` below the base URL; make it once, use it for every call.

        With `at_root` it is below what stands before the /v1, or Azure's deployment, that a base
        URL ends with.
        `headers` are the provider's own (its credential among them); the operator's come on top.
        """
        base, question, query = self.settings.base_url.partition("?")
        base = base.rstrip("/")
        if at_root:
            base = _LAST_STEP.sub("", base)
        return Endpoint(self, base + path + question + query, headers)

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
            is_word = _WORD.fullmatch(value) and not (secret and secret in value)
            logged = value if is_word and redact(value, secret) == value else "unreadable"
            log.warning("upstream_oddity", provider=self.settings.name, kind=kind, value=logged)

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
        self._own_identity = IDENTITY_HEADERS & {
            name.lower().encode() for name in transport.settings.headers
        }
        self._get = self._template("GET", {"Accept": "application/json"})  # refuses a wrong URL

    # These are made for the first request of their kind. MEASURED: requests takes 0.2 ms for one,
    # and half of all endpoints see none.

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
        """Where it is, for an operator: without what may be a credential."""
        url = urlsplit(self._url)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"

    def post(self, body: bytes, call: UpstreamCall, *, stream: bool) -> Reply:
        """Return the reply to a JSON body; it is sent when the reply is read."""
        silence_s = call.silence_s if stream else None
        template = self._post_stream if stream else self._post_whole
        return self._reply(template, body, call, silence_s)

    def get(self, call: UpstreamCall | None = None) -> Reply:
        """Return what is there; without a call, within UNATTENDED_S."""
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
        """Return the header lines with the request's ids; those that the operator sets come first.

        They go to the upstream alone: to no proxy that tunnels, and redirects are not followed.
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
