"""Web services as their unit starts them, each in a place that it comes back to."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from tests.e2e.stops import UNIT
from tests.processes import PATIENCE_S, ROOT, free_port, until


@dataclass
class Web:
    """A web service that can be started anew where it was."""

    env: Mapping[str, str]
    log_file: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    #: Where in the log the process that runs now begins, in bytes.
    begins: int = 0

    @property
    def url(self) -> str:
        """Its own address, past nginx."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written, before it was started anew too."""
        return self.log_file.read_text()

    def launch(self) -> None:
        """Start it."""
        variables = {"BIND": f"127.0.0.1:{self.port}", "WEB_CONCURRENCY": "1"}
        argv = [str(Path(sys.executable).with_name(UNIT[0])), *UNIT[1:]]
        with self.log_file.open("ab") as log:
            self.begins = log.tell()
            self.process = subprocess.Popen(  # noqa: S603 - the unit's own
                argv, env={**self.env, **variables}, cwd=ROOT, stdout=log, stderr=log
            )

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Wait until it serves."""
        until(self._is_up, "web to answer")

    def served(self) -> None:
        """Wait until a caller has come to it."""
        until(
            lambda: b'"event":"request"' in self.log_file.read_bytes()[self.begins :],
            "nginx to use it again",
        )

    def stop(self) -> None:
        """Stop it as a service is stopped."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0

    def kill(self) -> None:
        """End all of it as a machine does that loses its power."""
        assert self.process is not None
        children = (
            psutil.Process(self.process.pid).children() if self.process.poll() is None else []
        )
        self.process.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.wait()

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/healthz", timeout=PATIENCE_S).ok
        return False


@contextlib.contextmanager
def two_webs(env: Mapping[str, str], directory: Path) -> Iterator[list[Web]]:
    """Run two web services, each with a spool and a log of its own."""
    webs = [
        Web({**env, "SPOOL_DIR": str(directory / f"spool-{name}")}, directory / f"{name}.log")
        for name in ("one", "two")
    ]
    try:
        for each in webs:
            each.launch()
        for each in webs:
            each.wait()
        yield webs
    finally:
        for each in webs:
            if each.process is not None:
                each.kill()
