"""The operations for the platform that runs the gateway: probes, metrics, this document."""

from __future__ import annotations

from app import __version__
from app.schemas.docs.elements import Json, answer
from app.schemas.docs.headers import headers
from app.schemas.wire.answers import HEALTH, VERSION, HealthSchema, ReadinessSchema, VersionSchema

#: No API key is required.
_OPEN: Json = {"security": []}
_READY: Json = {"status": "ready", "checks": {"redis": "ok", "worker": "ok", "upstreams": ["ok"]}}


def platform_operations() -> dict[str, dict[str, Json]]:
    """Return the operations that need no key."""
    return {
        "/healthz": {"get": _healthz("healthz")},
        "/health": {"get": _healthz("health")},
        "/readyz": {"get": _readyz()},
        "/version": {"get": _version()},
        "/metrics": {"get": _metrics()},
        "/openapi.json": {"get": _openapi()},
    }


def _healthz(name: str) -> Json:
    return _OPEN | {
        "operationId": name,
        "summary": "Check that the process is alive.",
        "responses": {"200": answer("It lives.", HealthSchema(), HEALTH.dump(None))},
    }


def _readyz() -> Json:
    readiness = ReadinessSchema()
    return _OPEN | {
        "operationId": "readyz",
        "summary": "Check whether requests would be served now.",
        "responses": {
            "200": answer("They would.", readiness, _READY),
            "503": answer("They would not; the checks say why.", readiness),
        },
    }


def _version() -> Json:
    return _OPEN | {
        "operationId": "version",
        "summary": "Tell which release of the gateway this is.",
        "responses": {"200": answer("The release.", VersionSchema(), VERSION.dump(__version__))},
    }


def _metrics() -> Json:
    return _OPEN | {
        "operationId": "metrics",
        "summary": "Expose the metrics of all processes together, for Prometheus.",
        "responses": {
            "200": {
                "description": "The metrics.",
                "headers": headers(),
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    }


def _openapi() -> Json:
    return _OPEN | {
        "operationId": "openapi",
        "summary": "Return this document.",
        "responses": {"200": answer("This document.", {"type": "object"})},
    }
