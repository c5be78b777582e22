"""Starts and stops tracing in a process that serves."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from app.telemetry.logs import log
from app.telemetry.tracing.export import TraceQueue
from app.telemetry.tracing.sampling import Sampler
from app.telemetry.tracing.spans import tracer


def start_tracing(
    *,
    sampler: Sampler,
    headers: Mapping[str, str],
    most: int,
    batch: int,
    delay_s: float,
    captures_content: bool,
) -> None:
    """Start tracing in this process; to be called after it was forked.

    `headers` are sent to the collector; the other arguments are TraceQueue's and Tracer's. If the
    packages are missing, or the environment's settings for them invalid, that is logged, and the
    process serves without tracing.
    """
    try:
        otlp = import_module("app.telemetry.tracing.otlp")
        exporter = otlp.OTLPExporter(headers)
    except ImportError:
        remedy = "install the extra: pip install '.[otel]', or requirements-otel.txt"
        log.error("tracing_off", reason="OpenTelemetry is not installed", remedy=remedy)
        return
    except Exception as error:  # noqa: BLE001 - it reads variables of its own, files among them
        remedy = "see to the OTEL_EXPORTER_OTLP_ variables"
        log.error("tracing_off", reason=type(error).__name__, remedy=remedy)
        return
    queue = TraceQueue(exporter, most=most, batch=batch, delay_s=delay_s)
    tracer.sampler, tracer.send = sampler, queue.add
    tracer.captures_content = captures_content


def stop_tracing() -> None:
    """Stop tracing."""
    tracer.sampler = tracer.send = None
    tracer.captures_content = False
