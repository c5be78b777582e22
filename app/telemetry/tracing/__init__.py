"""Traces for OpenTelemetry (M4): spans of requests, of what they call, and of jobs.

They are plain values here, and cost next to nothing if tracing is off. Only `otlp` knows
OpenTelemetry's packages; it is imported when tracing starts, and by nothing else.
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
