"""The commands of the processes that a gateway is made of, and what these leave behind."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from app.settings import Settings

#: prometheus_client's variable for the folder where the counters of processes are gathered.
METRICS = "PROMETHEUS_MULTIPROC_DIR"

#: A file, not a module: gunicorn reads it again for a reload.
_GUNICORN_CONF = Path(__file__).resolve().parents[2] / "serving" / "gunicorn_conf.py"
#: -P: the current folder is not searched for modules, since the gateway is installed.
_MODULE = (sys.executable, "-P", "-m")


def leave_no_core() -> None:
    """Have this process and its children dump no core: keys are in their memory.

    A kernel that hands cores to a program (kernel.core_pattern) may still do so: see SECURITY.md.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def web() -> list[str]:
    """Return the command of the web process, which app/serving/gunicorn_conf.py sets up."""
    return [*_MODULE, "gunicorn", "-c", str(_GUNICORN_CONF)]


def has_worker(settings: Settings) -> bool:
    """Tell whether there are background responses, and so a worker."""
    return settings.background.enabled


def worker() -> list[str]:
    """Return the command of the worker's master, which starts the process that runs jobs."""
    return [*_MODULE, "app.cli.worker.master_process"]


def worker_process(channel: int) -> list[str]:
    """Return the command of a process that runs jobs, bound to its master by an open socket."""
    return [*_MODULE, "app.cli.worker.process", str(channel)]


def reaper(channel: int) -> list[str]:
    """Return the command of the reaper, which is bound to `up` by an open socket."""
    return [*_MODULE, "app.cli.up.reaper", str(channel)]
