"""How much of its limits a process uses, sampled once a second (N12).

Nothing is counted where a limit is applied: the use is known there anyway.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from prometheus_client import Gauge

from app.telemetry.errors import unexpected

EACH_S = 1.0

SATURATION = Gauge(
    "gateway_saturation_ratio",
    "Share of a limit in use, in the process that uses most of it; above 1, callers are waiting.",
    ["resource"],
    multiprocess_mode="livemax",
)


class SaturationSampler:
    """Samples each resource once a second, in a thread of its own."""

    def __init__(self, resources: Mapping[str, Callable[[], float]]) -> None:
        self._resources = resources

    def start(self) -> None:
        """Start, for as long as the process lives."""
        threading.Thread(target=self.run, name="saturation", daemon=True).start()

    def run(self) -> None:
        """Sample for ever."""
        pause = threading.Event()
        while True:
            self.sample()
            pause.wait(EACH_S)

    def sample(self) -> None:
        """Sample once."""
        try:
            for resource, ratio in self._resources.items():
                SATURATION.labels(resource).set(ratio())
        except Exception as bug:  # noqa: BLE001 - the next look may do better
            unexpected(bug, "", "saturation")
