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
        "responses": {"200": answer("The process is alive.", HealthSchema(), HEALTH.dump(None))},
    }


def _readyz() -> Json:
    readiness = ReadinessSchema()
    return _OPEN | {
        "operationId": "readyz",
        "summary": "Check whether the gateway is ready to serve requests.",
        "responses": {
            "200": answer("The gateway is ready.", readiness, _READY),
            "503": answer("The gateway is not ready; `checks` says why.", readiness),
        },
    }


def _version() -> Json:
    return _OPEN | {
        "operationId": "version",
        "summary": "Return the gateway's version.",
        "responses": {"200": answer("The version.", VersionSchema(), VERSION.dump(__version__))},
    }


def _metrics() -> Json:
    return _OPEN | {
        "operationId": "metrics",
        "summary": "Return the metrics of all processes combined, for Prometheus.",
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
