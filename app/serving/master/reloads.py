"""Metrics of the last time that the configuration was read."""

from __future__ import annotations

from prometheus_client import Gauge


class ReloadMetrics:
    """Metrics of the last reading of the configuration, shared with all processes.

    Only the master creates and sets them, once the folder of the metrics exists.
    """

    def __init__(self) -> None:
        self._successful = Gauge(
            "gateway_config_last_reload_successful",
            "Whether the configuration was valid when it was last read: 1 or 0.",
            registry=None,
            multiprocess_mode="mostrecent",
        )
        self._timestamp = Gauge(
            "gateway_config_last_reload_timestamp_seconds",
            "Unix time at which a valid configuration was last read.",
            registry=None,
            multiprocess_mode="mostrecent",
        )

    def set(self, *, successful: bool) -> None:
        """Record whether the configuration could be used."""
        self._successful.set(successful)
        if successful:
            self._timestamp.set_to_current_time()
