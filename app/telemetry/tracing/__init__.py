"""Traces for OpenTelemetry (M4): spans of a request, of what it does, and of its job.

Here they are plain values, and cost next to nothing where nobody wants them. `otlp` alone knows
OpenTelemetry's packages; it is imported when tracing begins, and by nothing else.
"""

from __future__ import annotations

from app.telemetry.tracing.commands import PROGRAMS, begin_round_trip
from app.telemetry.tracing.export import TRACES_LOST
from app.telemetry.tracing.sampling import Sampler
from app.telemetry.tracing.setup import start_tracing, stop_tracing
from app.telemetry.tracing.spans import Attributes, Kind, Recording, Span, begin, current, tracer

__all__ = [
    "PROGRAMS",
    "TRACES_LOST",
    "Attributes",
    "Kind",
    "Recording",
    "Sampler",
    "Span",
    "begin",
    "begin_round_trip",
    "current",
    "start_tracing",
    "stop_tracing",
    "tracer",
]
