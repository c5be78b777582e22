"""Worker processes, as they are deployed, and the ways in which they end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil

from app.cli.common import processes
from tests.processes import started, until

_READY = "worker_ready"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker: the master and the process that does the work."""

    parent: subprocess.Popen[bytes]
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def child(self) -> psutil.Process:
        """The process that does the work, the newest where there are several."""
        return max(psutil.Process(self.parent.pid).children(), key=psutil.Process.create_time)

    def kill(self) -> None:
        """End it as a machine does that loses its power."""
        children = psutil.Process(self.parent.pid).children() if self.lives else []
        self.parent.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):  # it may have drained meanwhile
                child.kill()
                child.wait()
        self.parent.wait()

    @property
    def lives(self) -> bool:
        """Whether nobody has ended it yet."""
        return self.parent.poll() is None

    def ask_group(self) -> None:
        """Ask parent and child to end, as who stops a group of processes does."""
        child = self.child
        child.send_signal(signal.SIGTERM)
        self.parent.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def working(env: Mapping[str, str], directory: Path) -> Iterator[WorkerProcess]:
    """Run a worker, once it is ready for jobs."""
    log_file = directory / f"worker-{next(_numbers)}.log"
    argv = processes.worker()  # what `responses-gateway worker` becomes
    with (
        log_file.open("wb") as log,
        started(argv, env=env, stdout=log, stderr=log) as process,
    ):
        worker = WorkerProcess(process, log_file)
        until(lambda: _READY in worker.log, "the worker to be ready")
        yield worker


@contextlib.contextmanager
def brief(env: Mapping[str, str], directory: Path) -> Iterator[WorkerProcess]:
    """Run a worker that is killed in the end, which saves the time that it takes to stop."""
    with working(env, directory) as worker:
        yield worker
        worker.kill()
