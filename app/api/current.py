"""What this Flask app was built with, and who is asking now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, current_app, g
from flask import request as asked

from app.api.hangup import HangUps
from app.api.in_flight import InFlight
from app.domain.accounts import Caller
from app.services.accounts import Accounts
from app.services.archive import Archive
from app.services.background import Background
from app.services.health import Health
from app.services.metering import Meter
from app.services.models import ModelCatalog
from app.services.responses import Responses
from app.settings import RequestSettings
from app.telemetry import Trace

# MEASURED: each attribute that is read through one of Flask's proxies costs three calls, a tenth
# of all that a request made. So what a proxy stands for is fetched once, and asked itself.
_app: Any = current_app
_held: Any = g
_asked: Any = asked
_KEY = "responses_gateway"


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
    requests: RequestSettings
    archive: Archive


def install(app: Flask, services: Services) -> None:
    """Give the app its services."""
    app.extensions[_KEY] = services


def services() -> Services:
    """Return the services of the app that handles this request."""
    found: Services = _app._get_current_object().extensions[_KEY]
    return found


def responses() -> Responses:
    """Return the service of responses."""
    return services().responses


def request() -> Request:
    """Return the request that is handled."""
    found: Request = _asked._get_current_object()
    return found


def held() -> Any:
    """Return what is held for the length of this request: Flask's `g`."""
    return _held._get_current_object()


def caller() -> Caller:
    """Return who is asking; set by auth before any handler of /v1 runs."""
    found: Caller = held().caller
    return found


def trace() -> Trace:
    """Return what the log line of this request will say."""
    found: Trace = held().trace
    return found
