"""What this Flask app was built with, and who is asking now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, g
from flask import request as asked

from app.api.hangup import HangUps
from app.api.in_flight import InFlight, Place
from app.api.open_answers import EXTENSION, OpenAnswers
from app.domain.accounts.accounts import Caller
from app.domain.accounts.limits import Standing
from app.domain.identity import RequestIdentity
from app.services.accounts.service import Accounts
from app.services.background.service import Background
from app.services.health import Health
from app.services.limits.meter import Meter
from app.services.responses.archive import Archive
from app.services.responses.service import Responses
from app.services.upstreams.catalog import ModelCatalog
from app.settings import RequestSettings
from app.store.spool.delivery import SpoolDelivery
from app.telemetry import Trace

_g: Any = g
_asked: Any = asked


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that handlers may ask, and operators' commands."""

    responses: Responses
    background: Background
    accounts: Accounts
    meter: Meter
    catalog: ModelCatalog
    health: Health
    hangups: HangUps
    in_flight: InFlight
    open_answers: OpenAnswers
    requests: RequestSettings
    archive: Archive
    spool: SpoolDelivery


class Held:
    """What is held for the length of a request, or of an operator's command: Flask's `g`."""

    services: Services
    environ: dict[str, Any]
    identity: RequestIdentity
    trace: Trace
    caller: Caller
    #: How long the body says that it is; 0 where it comes in chunks.
    body_bytes: int = 0
    place: Place | None = None
    standing: Standing | None = None


# MEASURED: each attribute that is read through one of Flask's proxies costs three calls, a tenth
# of all that a request made. So what a proxy stands for is fetched once, and asked itself.
#: Returns what is held for the request that is handled.
held: Callable[[], Held] = _g._get_current_object
#: Returns the request that is handled.
request: Callable[[], Request] = _asked._get_current_object


def install(app: Flask, services: Services) -> None:
    """Give the app its services."""
    holding: Any = type("Held", (Held,), {"services": services})
    app.app_ctx_globals_class = holding
    app.extensions[EXTENSION] = services.open_answers


def services() -> Services:
    """Return the services of the app that handles this request."""
    return held().services


def responses() -> Responses:
    """Return the service of responses."""
    return held().services.responses


def caller() -> Caller:
    """Return who is asking; set by auth before any handler of /v1 runs."""
    return held().caller


def trace() -> Trace:
    """Return what the log line of this request will say."""
    return held().trace
