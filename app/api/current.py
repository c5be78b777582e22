"""What this Flask app was built with, and who is asking now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, g

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
    return cast(Services, current_app.extensions[_KEY])


def responses() -> Responses:
    """Return the service of responses."""
    return services().responses


def caller() -> Caller:
    """Return who is asking; set by auth before any handler of /v1 runs."""
    return cast(Caller, g.caller)


def trace() -> Trace:
    """Return what the log line of this request will say."""
    return cast(Trace, g.trace)
