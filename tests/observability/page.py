"""A page with every metric of the gateway's, each of which grows whenever it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import product
from typing import Any

from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.metrics import MetricWrapperBase

from app import factory, telemetry

#: Whatever has metrics is imported with it.
IMPORTED = factory

#: The values of labels that queries ask for by name; any other has the value `some`.
VALUES = {
    "endpoint": ("/v1/responses",),
    "method": ("POST",),
    "status": ("200", "503"),
    "kind": ("input", "output", "cached"),
    "outcome": ("answered", "failed", "upstream_error"),
    "model": ("best",),
}


def ours() -> Iterator[MetricWrapperBase]:
    """Yield every metric of the gateway's."""
    for each in list(REGISTRY._collector_to_names):
        if isinstance(each, MetricWrapperBase) and each._name.startswith(("gateway_", "gen_ai_")):
            yield each


def grow() -> None:
    """Have each of them grow."""
    for metric in ours():
        labels = [VALUES.get(name, ("some",)) for name in metric._labelnames]
        for values in product(*labels):
            child: Any = metric.labels(*values) if values else metric
            if isinstance(metric, Counter | Gauge):
                child.inc()
            else:
                child.observe(1.0)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer, and grow for the next time."""
        body = telemetry.Exposition().page(lambda: dict.fromkeys(telemetry.FIGURES, 1.0))
        grow()
        self.send_response(200)
        self.send_header("Content-Type", telemetry.METRICS_CONTENT_TYPE)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), _Page).serve_forever()
