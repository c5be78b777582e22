"""Probes and metrics, for the platform rather than for callers: they need no key.

A request from this host that passed no proxy, or that came to METRICS_BIND, counts as an
operator's: only operators see names and reasons (N22).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app import __version__
from app.api import context
from app.api.http.json_response import json_response
from app.api.http.response import WSGIResponse
from app.schemas.wire.answers import HEALTH, READINESS, VERSION
from app.telemetry import METRICS_CONTENT_TYPE

#: Headers by which a proxy names the client it forwards for.
_OF_PROXIES = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")

bp = Blueprint("health", __name__)


class ReadinessReport(NamedTuple):
    """The body of /readyz; only operators get `reasons`."""

    status: str
    checks: Mapping[str, object]
    reasons: Mapping[str, str] | None = None


@bp.get("/healthz")
@bp.get("/health")
def healthz() -> ResponseReturnValue:
    """Answer the liveness probe."""
    return json_response(HEALTH.dump(None))


@bp.get("/version")
def version() -> ResponseReturnValue:
    """Return the release's version."""
    return json_response(VERSION.dump(__version__))


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Tell whether the process can serve requests now."""
    current = context.current()
    readiness = current.services.health.readiness()
    word, status = ("ready", 200) if readiness.ready else ("not_ready", 503)
    if is_local(current.environ) or current.services.is_for_platform(current.environ):
        checks = {**readiness.checks, "upstreams": readiness.upstreams}
        if readiness.upstream_keys:
            checks["upstream_keys"] = readiness.upstream_keys
        report = ReadinessReport(word, checks, readiness.reasons)
    else:
        states = sorted(readiness.upstreams.values())
        report = ReadinessReport(word, {**readiness.checks, "upstreams": states})
    return json_response(READINESS.dump(report), status=status)


def is_local(environ: Mapping[str, Any]) -> bool:
    """Tell whether the client is on this host and no proxy has forwarded the request."""
    address = environ.get("REMOTE_ADDR", "")
    if any(name in environ for name in _OF_PROXIES):
        return False
    try:
        return not address or ip_address(address).is_loopback  # a Unix socket has no address
    except ValueError:
        return False


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Expose the metrics of all processes, added up."""
    page = context.services().exposition.page(_figures)
    return WSGIResponse(page, content_type=METRICS_CONTENT_TYPE)


def _figures() -> dict[str, float]:
    services = context.services()
    return services.background.figures() | services.spool.figures() | services.webhooks.figures()
