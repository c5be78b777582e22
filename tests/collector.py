"""A collector of OpenTelemetry's, played by a test: it takes traces over OTLP/HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.processes import until

KINDS = {2: "server", 3: "client", 5: "consumer"}
ERROR = 2


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as it came; ids are in hexadecimal, `parent_id` is "" for none."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: dict[str, Any] = field(repr=False)
    service: str = ""


class Collector:
    """What came: spans, and the requests that brought them."""

    def __init__(self) -> None:
        self.spans: list[SeenSpan] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status = 200
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Take a request."""
        self.paths.append(path)
        self.headers.append(headers)
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += (_seen(span, service) for span in scope.spans)

    def trace(self, trace_id: str, *kinds: str) -> list[SeenSpan]:
        """Return a trace's spans once there are some of these kinds, by their beginnings.

        A process sends what it did for a request all at once: the root of that is enough to wait
        for.
        """

        def of_trace() -> list[SeenSpan]:
            return [span for span in list(self.spans) if span.trace_id == trace_id]

        wanted = set(kinds or ("server",))
        until(lambda: wanted <= {span.kind for span in of_trace()}, f"{wanted} of {trace_id}")
        return sorted(of_trace(), key=lambda span: span.start_ns)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port; its URL is what OTEL_EXPORTER_OTLP_ENDPOINT names."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.take(self.path, headers, body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _seen(span: Any, service: str) -> SeenSpan:
    return SeenSpan(
        span.name,
        KINDS[span.kind],
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == ERROR,
        _attributes(span.attributes),
        service,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
