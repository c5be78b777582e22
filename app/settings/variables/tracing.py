"""Reads OpenTelemetry's variables. Invalid ones turn tracing off, but do not prevent the start.

They are often set for a whole platform, without the gateway in mind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from app.settings import readers
from app.settings.errors import SettingsError
from app.settings.values import TracingSettings
from app.settings.variables.environment import Environment, number

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


def read_tracing(variables: Mapping[str, str]) -> TracingSettings | None:
    """Return how to trace, None if not at all; `fault` is set if the variables are invalid."""
    env = Environment(variables)
    endpoint = env.given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or env.given(
        "OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    is_off = (env.given("OTEL_SDK_DISABLED") or "").lower() == "true"
    if endpoint is None or is_off or env.given("OTEL_TRACES_EXPORTER") == "none":
        return None
    try:
        return TracingSettings(**_values(env))
    except SettingsError as error:
        return TracingSettings(fault=str(error))


def _values(env: Environment) -> dict[str, Any]:
    # Checked here, used by OpenTelemetry's exporter: TRACES_ variables take precedence there, too.
    for name in ("OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"):
        env.read(
            endpoint=(name + "ENDPOINT", readers.http_url),
            protocol=(name + "PROTOCOL", _protocol),
        )
    env.read(exporter=("OTEL_TRACES_EXPORTER", readers.one_of("otlp", "none")))
    return {
        **env.read(headers=("OTEL_EXPORTER_OTLP_HEADERS", _headers)),
        **env.read(headers=("OTEL_EXPORTER_OTLP_TRACES_HEADERS", _headers)),
        **env.read(
            sampler=("OTEL_TRACES_SAMPLER", _sampler),
            ratio=("OTEL_TRACES_SAMPLER_ARG", number(_ratio)),
            max_waiting=("OTEL_BSP_MAX_QUEUE_SIZE", number(readers.whole(1))),
            batch=("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", number(readers.whole(1))),
            delay_s=("OTEL_BSP_SCHEDULE_DELAY", number(_milliseconds)),
            captures_content=(_CONTENT, _captures),
        ),
    }


def _protocol(raw: object) -> str:
    if raw != "http/protobuf":
        raise ValueError("must be http/protobuf, which collectors take at port 4318")
    return str(raw)


def _sampler(raw: object) -> str:
    sampler: str = readers.one_of(*SAMPLERS)(readers.text(raw).lower())
    return sampler


def _ratio(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= 1:
        raise ValueError("must be a number from 0 to 1")
    return float(raw)


def _milliseconds(raw: object) -> float:
    return readers.seconds_or_none(raw) / 1000


def _captures(raw: object) -> bool:
    word = readers.text(raw).lower()
    return bool(
        readers.one_of("true", "false", "no_content", "span_only", "span_and_event")(word)
        in ("true", "span_only", "span_and_event")
    )


def _headers(raw: object) -> dict[str, str]:
    """Read `name=value,name=value`, URL-encoded. Errors do not quote it: it may be a secret."""
    headers = {}
    for pair in filter(None, map(str.strip, str(raw).split(","))):
        name, equals, value = pair.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("must be name=value pairs with commas between, URL-encoded")
        headers[name] = value
    return headers
