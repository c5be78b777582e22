"""The two processes that a gateway is made of: their commands, and what they leave behind."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from app.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_WORKER = "app.cli.worker:set_up"
#: How long jobs that were stopped may take to go back to the queue, in seconds.
_GIVING_BACK_S = 5


def leave_no_core() -> None:
    """Have this process, and those that it starts, dump no core: keys are in their memory.

    A kernel that hands cores to a program (kernel.core_pattern) may still do so: see SECURITY.md.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def web() -> list[str]:
    """Return the command of the web process, which gunicorn.conf.py sets up."""
    return [sys.executable, "-m", "gunicorn", "-c", str(_ROOT / "gunicorn.conf.py")]


def has_worker(settings: Settings) -> bool:
    """Tell whether there are background responses to work on."""
    return settings.background.enabled


def worker(settings: Settings) -> list[str]:
    """Return the command of the worker: one process, a thread for each job at once."""
    background = settings.background
    return [
        *(sys.executable, "-m", "app.jobs", _WORKER),
        *("--path", str(_ROOT)),
        *("--processes", "1"),
        *("--threads", str(background.concurrency)),
        # Jobs get their grace, then go back to the queue by themselves.
        *("--worker-shutdown-timeout", str(round((background.grace_s + _GIVING_BACK_S) * 1000))),
    ]
