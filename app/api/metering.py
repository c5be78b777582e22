"""What this Flask app measures its callers with: their limits and the book of their use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from app.services.limits import Limits
from app.services.usage import UsageBook

_KEY = "responses_gateway_metering"


@dataclass(frozen=True, slots=True)
class Metering:
    """The services that let requests in and put them on an account."""

    limits: Limits
    usage: UsageBook


def install(app: Flask, metering: Metering) -> None:
    """Give the app its meters."""
    app.extensions[_KEY] = metering


def metering() -> Metering:
    """Return the meters of the app that handles this request or command."""
    return cast(Metering, current_app.extensions[_KEY])
