"""The page /metrics: the counts of all processes, in Prometheus's text format (N12)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from platform import python_version
from time import sleep

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app import __version__, metric_files
from app.telemetry.counts import buffer
from app.telemetry.logs import log

METRICS_CONTENT_TYPE = CONTENT_TYPE_LATEST
BUILD_INFO, BUILD_LABELS = "gateway_build_info", ["version", "python"]

#: How many buffer delays a scrape waits for other processes: a busy one is late.
_PATIENCE = 3
#: Seconds after which other threads interrupt the making of a page; 5 ms is Python's own.
#: MEASURED with 50 streams and 17 MB of counts: with 5 ms events came up to 320 ms late, with this
#: 43 ms, without a thread 660 ms.
_SWITCH_S = 0.0005

#: Figures that are looked up on each scrape: of the queues of background responses, the same for
#: all processes, of this machine's spool, and of a worker's reloads.
FIGURES = {
    "gateway_spooled": "Responses in this machine's spool, waiting for Redis.",
    "gateway_jobs_queued": "Background responses waiting for a worker.",
    "gateway_jobs_running": "Background responses being run by workers.",
    "gateway_jobs_oldest_seconds": "Seconds that the oldest queued background response has waited.",
    "gateway_webhooks_waiting": "Events waiting for delivery to webhook endpoints.",
    "gateway_config_last_reload_successful": (
        "Whether the configuration was valid when it was last read: 1 or 0."
    ),
    "gateway_config_last_reload_timestamp_seconds": (
        "Unix time at which a valid configuration was last read."
    ),
}


class Exposition:
    """Makes the page, one at a time: with many models it takes a second of CPU. Safe for threads.

    `folder` is where processes keep their counts, by default that of PROMETHEUS_MULTIPROC_DIR.
    `beside` calls a function that keeps its thread busy for long.
    """

    def __init__(
        self,
        folder: str | None = None,
        beside: Callable[[Callable[[], bytes]], bytes] = lambda work: work(),
    ) -> None:
        self.beside = beside
        self._folder = folder
        self._arriving = threading.Lock()
        self._making = threading.Lock()
        self._arrived = 0
        self._covered = 0  # the scrapes whose page has been made
        self._page = b""

    def page(self, figures: Callable[[], Mapping[str, float]]) -> bytes:
        """Return everything that was counted before the call.

        `figures` looks up the values of FIGURES. Scrapes that arrive while a page is being made
        share the next one.
        """
        with self._arriving:
            self._arrived += 1
            mine = self._arrived
        with self._making:
            if self._covered < mine:
                covered = self._arrived
                self._page = self._made(figures())
                self._covered = covered
            return self._page

    def _made(self, figures: Mapping[str, float]) -> bytes:
        looked_up = CollectorRegistry()
        looked_up.register(_Figures(figures))
        looked_up.register(_BuildInfo())
        folder = metric_files.folder(self._folder)
        if folder is None:  # there is only this process
            buffer.flush()
            return generate_latest(REGISTRY) + generate_latest(looked_up)
        sleep(_PATIENCE * buffer.delay_s)  # for what other processes still buffer
        buffer.flush()

        def text() -> bytes:
            with _interrupted(), metric_files.collected(folder, _lost) as registry:
                return generate_latest(registry) + generate_latest(looked_up)

        return self.beside(text)


def _lost(file: str, fault: Exception) -> None:
    log.error("metrics_lost", file=file, reason=str(fault))


@contextmanager
def _interrupted() -> Iterator[None]:
    """Have other threads interrupt this one more often during the block."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


class _Figures(Collector):
    """Gauges whose values are looked up on each scrape."""

    def __init__(self, figures: Mapping[str, float]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        for name, value in self._figures.items():
            yield GaugeMetricFamily(name, FIGURES[name], value)


class _BuildInfo(Collector):
    """The release, as a metric."""

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(BUILD_INFO, "Always 1: the release.", labels=BUILD_LABELS)
        family.add_metric([__version__, python_version()], 1.0)
        yield family
