"""Sends recordings to OpenTelemetry's collector: OTLP in protobuf, over HTTP.

The only module that imports OpenTelemetry's packages (the extra `otel`), itself only imported if
tracing is on. Their exporter does the sending: it reads the standard variables for the address,
time-outs, compression and certificates, and retries. It is passed the headers, which may contain a
secret, and does not log.

MEASURED: its own encoding of a span takes 52 µs of CPU, through intermediate objects; this takes
11. So only its private client is used (hence the version bound in setup.cfg).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from app.telemetry.tracing.spans import Recording, Span

_SERVICE = "responses-gateway"
#: opentelemetry/proto/trace/v1/trace.proto: SpanKind, StatusCode, SpanFlags.
_KINDS = {"server": 2, "client": 3, "consumer": 5}
_ERROR = 2
_SAMPLED, _KNOWS_REMOTE, _IS_REMOTE = 0x1, 0x100, 0x200


class OTLPExporter:
    """Sends recordings to the collector, with `headers` such as a token."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        # Its log messages may repeat the address with everything in it, again and again.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
        exporter: Any = OTLPSpanExporter(headers=dict(headers) or None)
        self._send = exporter._client.export
        attributes: dict[str, Any] = dict(Resource.create().attributes)
        if str(attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
            attributes[SERVICE_NAME] = _SERVICE
        self._resource = attributes

    def __call__(self, recordings: Sequence[Recording]) -> str | None:
        """Send recordings; return None, or why they were not accepted."""
        sent = self._send(encoded(recordings, self._resource))
        if sent.success:
            return None
        return "no answer" if sent.status_code is None else f"status {int(sent.status_code)}"


def encoded(recordings: Sequence[Recording], resource: Mapping[str, object]) -> bytes:
    """Encode the spans of recordings as OTLP protobuf."""
    request: Any = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    _add_attributes(of_resource.resource.attributes, resource)
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = _SERVICE
    for recording in recordings:
        trace_id = bytes.fromhex(recording.trace_id)
        for span in recording.spans:
            _fill(of_scope.spans.add(), trace_id, span, recording.root)
    serialized: bytes = request.SerializeToString()
    return serialized


def _fill(message: Any, trace_id: bytes, span: Span, root: Span) -> None:
    message.trace_id = trace_id
    message.span_id = bytes.fromhex(span.id)
    message.parent_span_id = bytes.fromhex(span.parent_id)
    message.flags = _SAMPLED | _KNOWS_REMOTE | (_IS_REMOTE if span is root else 0)
    message.name = span.name
    message.kind = _KINDS[span.kind]
    message.start_time_unix_nano = span.start_ns
    message.end_time_unix_nano = span.end_ns or root.end_ns
    _add_attributes(message.attributes, span.attributes)
    if span.error is not None:
        message.status.code = _ERROR
        if span.attributes.get("error.type") is None:
            _add_attributes(message.attributes, {"error.type": span.error})


def _add_attributes(attributes: Any, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if value is not None:
            added = attributes.add()
            added.key = name
            try:
                _set(added.value, value)
            except (TypeError, ValueError):  # a lone surrogate, a number of more than 64 bits
                added.value.string_value = ascii(value)


def _set(message: Any, value: object) -> None:
    """Set the protobuf value; other types are sent as JSON."""
    if isinstance(value, str):
        message.string_value = value
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int):
        message.int_value = value
    elif isinstance(value, float):
        message.double_value = value
    elif isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        message.array_value.SetInParent()
        for each in value:
            message.array_value.values.add().string_value = each
    else:
        message.string_value = orjson.dumps(value, default=str).decode()
