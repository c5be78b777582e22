"""What `doctor` reports about the worker: there, missing, or alive but taking no jobs."""

from __future__ import annotations

from app.cli.doctor.finding import Finding
from app.settings.values import WORKER_SILENCE_S
from app.store.jobs.base import QueueFigures

_START = "responses-gateway worker, with the same REDIS_URL and REDIS_PREFIX"
_RIGHTS = "see docs/deployment.md for the rights that its user needs: ACL LOG shows what it lacked"


def worker_finding(state: str, queues: QueueFigures | None, fault: str | None = None) -> Finding:
    """Return the finding about workers; `state` is theirs in /readyz, `queues` None if unknown.

    `fault` is why Redis did not say whether there is one, though it serves otherwise.
    """
    if state == "ok":
        return Finding("worker", "ok", "takes jobs")
    if state == "disabled":
        return Finding("worker", "ok", "not needed: [background] enabled is false")
    if fault is not None:
        return Finding("worker", "failed", f"unknown: {fault}", _RIGHTS)
    if queues is None:
        return Finding("worker", "warning", "unknown: Redis does not answer, or takes no writes")
    if queues.beat_s < WORKER_SILENCE_S:
        since = "ever" if queues.silence_s == float("inf") else f"for {queues.silence_s:.0f} s"
        return Finding(
            "worker",
            "failed",
            f"one runs and has taken no job {since}, nor could have{_waiting(queues)}",
            "restart it: its threads are stuck. Its log says in what (worker_lost_its_store, "
            "unexpected_error)",
        )
    if queues.silence_s == float("inf"):
        detail = f"none has ever run here{_waiting(queues)}"
        return Finding(
            "worker", "failed", detail, f"start one: {_START}; or set [background] enabled = false"
        )
    return Finding(
        "worker",
        "failed",
        f"none has taken a job for {queues.silence_s:.0f} s, or could have{_waiting(queues)}",
        f"start it anew: {_START}. Its log says why it ended",
    )


def _waiting(queues: QueueFigures) -> str:
    return f"; jobs that wait: {queues.queued}" if queues.queued else ""
