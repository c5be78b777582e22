"""What OpenTelemetry's variables say, and what becomes of those that cannot be used."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app import telemetry
from app.factory import trace_with
from app.settings import Settings, TracingSettings
from app.telemetry.tracing import stop_tracing, tracer

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
SECRET = "very-secret-token"  # noqa: S105 - not one, though it plays one


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    stop_tracing()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    telemetry.configure_logging("DEBUG", "json", stream)
    yield stream
    structlog.reset_defaults()


def tracing(**variables: str) -> TracingSettings | None:
    return Settings.from_env(variables).tracing


def wanted(**variables: str) -> TracingSettings:
    found = tracing(**ENDPOINT, **variables)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_TRACES_SAMPLER": "always_on"},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "true"},
        {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_an_address_or_when_turned_off_there_are_no_traces(
    variables: dict[str, str],
) -> None:
    assert tracing(**variables) is None


def test_an_address_is_enough() -> None:
    assert wanted() == TracingSettings()
    assert tracing(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://c:4318/v1/traces") == wanted()


def test_the_standard_variables_become_settings() -> None:
    found = wanted(
        OTEL_TRACES_SAMPLER="parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG="0.1",
        OTEL_EXPORTER_OTLP_HEADERS=f"Authorization=Bearer%20{SECRET}, x-tenant=acme",
        OTEL_BSP_MAX_QUEUE_SIZE="512",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="32",
        OTEL_BSP_SCHEDULE_DELAY="5000",
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
    )
    assert found == TracingSettings(
        sampler="parentbased_traceidratio",
        ratio=0.1,
        headers={"Authorization": f"Bearer {SECRET}", "x-tenant": "acme"},
        max_waiting=512,
        batch=32,
        delay_s=5.0,
        captures_content=True,
    )
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("OTEL_TRACES_SAMPLER", "sometimes", "must be always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "must be a number from 0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "much", "must be a number from 0 to 1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_TRACES_EXPORTER", "console", "must be otlp or none"),
        ("OTEL_EXPORTER_OTLP_HEADERS", SECRET, "must be name=value pairs"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"a b={SECRET}", "must be name=value pairs"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"a={SECRET}%0d%0ax: y", "must be name=value pairs"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://u:{SECRET}@collector", "without a user"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http://"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "must be a whole number"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "event_only", "must be true"),
    ],
)
def test_what_cannot_be_used_turns_traces_off_is_said_and_stops_nobody(
    log: io.StringIO, name: str, value: str, complaint: str
) -> None:
    found = tracing(**ENDPOINT | {name: value})
    trace_with(found)
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert tracer.sampler is None
    assert (line["event"], line["level"]) == ("tracing_off", "error")
    assert name in line["reason"]
    assert complaint in line["reason"]
    assert SECRET not in log.getvalue() + repr(found)


def test_without_the_packages_there_are_no_traces_and_the_remedy_is_said(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "app.telemetry.tracing.otlp", None)
    trace_with(wanted())
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert tracer.sampler is None
    assert (line["event"], "[otel]" in line["remedy"]) == ("tracing_off", True)


def test_what_the_exporter_cannot_use_turns_traces_off(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER", SECRET)
    trace_with(wanted())
    assert tracer.sampler is None
    assert '"tracing_off"' in log.getvalue()
    assert SECRET not in log.getvalue()


def test_traces_begin_where_they_are_wanted() -> None:
    trace_with(wanted(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.25"))
    assert tracer.sampler is not None
    assert tracer.sampler.ratio == 0.25
