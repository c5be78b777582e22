"""The worker as it is deployed, but for its patience: tests do not wait for half a minute."""

from __future__ import annotations

from app.serving.callers import CallerSocket
from app.serving.worker import GatewayWorker


class HastyWorker(GatewayWorker):
    """Hangs up soon on heads and bodies that do not come, and on who does not read."""

    unread_s = 1.0

    def init_process(self) -> None:
        """Shorten the limits of all callers."""
        CallerSocket.head_s, CallerSocket.body_silence_s = 1.0, 1.0
        super().init_process()


def arguments(connections: int) -> tuple[str, ...]:
    """Return what has gunicorn use this worker."""
    return (
        *("--worker-class", f"{HastyWorker.__module__}.{HastyWorker.__name__}"),
        *("--worker-connections", str(connections)),
    )
