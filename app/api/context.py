"""The services of this Flask app, and the context of the request being handled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, g
from flask import request as request_proxy

from app.api.hangup import HangUps
from app.api.in_flight import InFlight, Place
from app.api.metrics_address import MetricsAddress
from app.api.open_answers import OpenAnswers
from app.api.server_keys import OPEN_ANSWERS
from app.api.turns.sessions import WebSocketSessions
from app.domain.accounts.accounts import Caller
from app.domain.accounts.limits import Standing
from app.domain.identity import RequestIdentity
from app.schemas.request.known_parts import BodyMemory
from app.services.accounts.content_keys import ContentKeys
from app.services.accounts.service import Accounts
from app.services.background.service import Background
from app.services.console.reads import ConsoleReads
from app.services.conversations.service import Conversations
from app.services.health import Health
from app.services.idempotency.service import IdempotencyKeys, OwnedKey
from app.services.limits.meter import Meter
from app.services.limits.request_log import RequestLog
from app.services.responses.archive import Archive
from app.services.responses.service import Responses
from app.services.retention.purges import Purges
from app.services.upstreams.catalog import ModelCatalog
from app.services.upstreams.keys.renewals import Renewals
from app.services.webhooks.endpoints import WebhookEndpoints
from app.settings import RequestSettings
from app.store.spool.delivery import SpoolDelivery
from app.telemetry import Exposition, SaturationSampler, Trace
from app.telemetry.tracing import Recording

_g: Any = g
_app_context: ContextVar[Any] = _g.__wrapped__
_request_proxy: Any = request_proxy
_request_context: ContextVar[Any] = _request_proxy.__wrapped__


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that handlers and operators' commands may use."""

    responses: Responses
    conversations: Conversations
    idempotency: IdempotencyKeys
    background: Background
    webhooks: WebhookEndpoints
    console: ConsoleReads
    accounts: Accounts
    content_keys: ContentKeys
    meter: Meter
    catalog: ModelCatalog
    health: Health
    hangups: HangUps
    in_flight: InFlight
    body_memory: BodyMemory
    open_answers: OpenAnswers
    requests: RequestSettings
    archive: Archive
    purges: Purges
    request_log: RequestLog
    spool: SpoolDelivery
    saturation: SaturationSampler
    exposition: Exposition
    renewals: Renewals
    metrics_address: MetricsAddress | None
    websockets: WebSocketSessions

    def is_for_platform(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request arrived at the address METRICS_BIND."""
        return self.metrics_address is not None and self.metrics_address.is_reached(environ)


class CallContext:
    """The state of one request, or of one operator's command: Flask's `g`."""

    services: Services
    environ: dict[str, Any]
    identity: RequestIdentity
    trace: Trace
    caller: Caller
    #: The request's Content-Length in bytes; 0 if the body is chunked.
    body_bytes: int = 0
    #: SHA-256 of the body, if the request has an Idempotency-Key (C3); that key once it is owned.
    body_digest: bytes = b""
    owned_key: OwnedKey | None = None
    place: Place | None = None
    standing: Standing | None = None
    recording: Recording | None = None


# MEASURED: each attribute read through one of Flask's proxies costs three calls, a tenth of all
# calls of a request. So the object behind a proxy is fetched once, and read directly.
def current() -> CallContext:
    """Return the context of the current request."""
    found: CallContext = _app_context.get().g
    return found


def request() -> Request:
    """Return the current request."""
    found: Request = _request_context.get().request
    return found


def install(app: Flask, services: Services) -> None:
    """Give the app its services."""
    with_services: Any = type("CallContext", (CallContext,), {"services": services})
    app.app_ctx_globals_class = with_services
    app.extensions[OPEN_ANSWERS] = services.open_answers


def make_room(size: int) -> None:
    """Reserve memory for `size` bytes read for the current request, if there is one.

    Raises:
        Overloaded, RateLimited: there is no room now (N17).
        RequestTooLarge: it exceeds the process's whole bound.
    """
    handled = _app_context.get(None)
    if handled is None:  # an operator's command, or a periodic task of the process
        return
    context: CallContext = handled.g
    if context.place is not None:
        context.services.in_flight.add_stored(context.place, size)


def resuming() -> Callable[[], AbstractContextManager[None]]:
    """Return a context manager factory that re-enters this request's context while it streams."""
    handled = _app_context.get()

    @contextmanager
    def resumed() -> Iterator[None]:
        before = _app_context.set(handled)
        try:
            yield
        finally:
            _app_context.reset(before)

    return resumed


def services() -> Services:
    """Return the services of the app that handles this request."""
    return current().services


def responses() -> Responses:
    """Return the service of responses."""
    return current().services.responses


def caller() -> Caller:
    """Return the caller; auth sets it before any handler of /v1 runs."""
    return current().caller


def trace() -> Trace:
    """Return the data of this request's log line."""
    return current().trace
