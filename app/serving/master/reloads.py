"""How the last reading of the configuration went, in the metrics."""

from __future__ import annotations

from prometheus_client import Gauge


class ReloadMetrics:
    """How the last reading of the configuration went, for the metrics of all processes.

    Made in the master, once the folder is there in which the metrics meet; nobody else sets them.
    """

    def __init__(self) -> None:
        self._successful = Gauge(
            "gateway_config_last_reload_successful",
            "Whether the configuration could be used when it was read last.",
            registry=None,
            multiprocess_mode="mostrecent",
        )
        self._timestamp = Gauge(
            "gateway_config_last_reload_timestamp_seconds",
            "When a configuration that could be used was read last.",
            registry=None,
            multiprocess_mode="mostrecent",
        )

    def set(self, *, successful: bool) -> None:
        """Say how it went."""
        self._successful.set(successful)
        if successful:
            self._timestamp.set_to_current_time()
