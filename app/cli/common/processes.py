"""The commands of the processes that a gateway is made of, and what these leave behind."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from app.settings import Settings, environment

#: prometheus_client's variable for the folder where the counters of processes are gathered.
METRICS = "PROMETHEUS_MULTIPROC_DIR"
#: Prefix of such folders of ours in the temporary directory.
METRICS_PREFIX = "gateway-metrics-"
#: gunicorn reads this variable itself, as soon as it is imported.
_PROCESSES = "WEB_CONCURRENCY"
#: The file in such a folder that its process holds locked.
_IN_USE = "in-use"

#: A file, not a module: gunicorn reads it again for a reload.
_GUNICORN_CONF = Path(__file__).resolve().parents[2] / "serving" / "gunicorn_conf.py"
#: -P: the current folder is not searched for modules, since the gateway is installed.
_MODULE = (sys.executable, "-P", "-m")


class FolderUnusable(Exception):
    """A process could not write its counters; the text is for the operator."""


def check_metrics_folder() -> None:
    """Ensure that counters have a place: the folder that is named, or that of temporary files.

    A container with a read-only root may have neither.

    Raises:
        FolderUnusable: nothing can be written there.
    """
    if named := environment().get(METRICS):
        folder = Path(named)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise FolderUnusable(f"{METRICS}={named} cannot be used: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FolderUnusable(f"{METRICS}={named} cannot be written to")
        return
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        raise FolderUnusable(
            "no folder for temporary files can be written to. Mount one at /tmp (a container's "
            "--tmpfs /tmp), or name one with TMPDIR"
        ) from None


def leave_no_core() -> None:
    """Have this process and its children dump no core: keys are in their memory.

    A kernel that hands cores to a program (kernel.core_pattern) may still do so: see SECURITY.md.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def metrics_folder() -> Iterator[str]:
    """Yield a new folder for counters, and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix=METRICS_PREFIX) as folder:
        lock = occupy(Path(folder))
        try:
            yield folder
        finally:
            if lock is not None:
                os.close(lock)


def occupy(folder: Path) -> int | None:
    """Mark a folder for counters as in use while this process, or a fork of it, lives.

    Folders of processes that were killed are removed: in a temporary directory that outlives a
    container, as Kubernetes has them, they would pile up. The mark is a lock, as two containers
    that share the directory do not know each other's pids. Returns its descriptor; None on a file
    system without locks, where nothing is marked or removed.
    """
    fresh = folder / f"{_IN_USE}.new"
    lock = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        os.close(lock)
        return None
    fresh.rename(folder / _IN_USE)  # only now: nobody finds it unlocked
    for each in Path(tempfile.gettempdir()).glob(f"{METRICS_PREFIX}*"):
        with suppress(OSError):  # it is in use, another user's, or has just gone
            _remove_abandoned(each)
    return lock


def _remove_abandoned(folder: Path) -> None:
    """Remove a folder that no process has locked. Raises OSError if one has.

    One without a mark is left: an earlier release may use it.
    """
    lock = os.open(folder / _IN_USE, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def web() -> list[str]:
    """Return the command of the web process, which app/serving/gunicorn_conf.py sets up."""
    return [*_MODULE, "gunicorn", "-c", str(_GUNICORN_CONF)]


def web_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the web process: without an empty WEB_CONCURRENCY.

    gunicorn takes that for a number before it reads its configuration.
    """
    return {n: v for n, v in environ.items() if n != _PROCESSES or v.strip()}


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
