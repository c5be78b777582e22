"""Probes and metrics, without a key: for the platform, not for callers."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import current
from app.api.answers import json
from app.api.lean import Answer
from app.telemetry import METRICS_CONTENT_TYPE
from app.telemetry import metrics as all_metrics

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Tell that the process lives."""
    return json({"status": "ok"})


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Tell whether requests would be served now."""
    readiness = current.services().health.readiness()
    word, status = ("ready", 200) if readiness.ready else ("not_ready", 503)
    return json({"status": word, "checks": readiness.checks}, status=status)


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Expose the metrics of all processes together."""
    figures = current.services().background.figures()
    return Answer(all_metrics(figures), content_type=METRICS_CONTENT_TYPE)
