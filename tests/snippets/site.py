"""The gateway that the pages' programs meet: `make run` in a folder of its own, with nothing else.

Programs find it as a reader's do: at 127.0.0.1:8000 on the page, with the key that it printed.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.settings import environment
from clients.environments import installed
from tests.processes import PATIENCE_S, ROOT, free_port
from tests.snippets.sessions import Surroundings

#: The address and the key, as pages write them.
SHOWN_ADDRESS = "127.0.0.1:8000"
SHOWN_KEY = "sk-rg-..."
#: Where a reader's gateway.toml for the pages comes from.
CONFIG = ROOT / "docs" / "examples" / "gateway.toml"

_KEPT = ("PATH", "HOME")
_LAST = "The key is kept in "


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway that runs: where it listens, its key, what it printed, and its folder."""

    address: str
    key: str
    greeting: str
    folder: Path

    @property
    def surroundings(self) -> Surroundings:
        """Where programs run, with the variables that docs/getting-started.md has readers set."""
        environ = {
            **_kept(*_KEPT),
            "BIND": self.address,
            "OPENAI_BASE_URL": f"http://{self.address}/v1",
            "OPENAI_API_KEY": self.key,
            "OPENAI_AGENTS_DISABLE_TRACING": "1",
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "100",
        }
        environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
        return Surroundings(self.folder, environ)

    def to_run(self, text: str) -> str:
        """Return a page's program with the real address and key."""
        return text.replace(SHOWN_ADDRESS, self.address).replace(SHOWN_KEY, self.key)

    def to_show(self, printed: str) -> str:
        """Return what a program printed as a page shows it."""
        shown = printed.replace(self.address, SHOWN_ADDRESS).replace(self.key, SHOWN_KEY)
        return shown.replace(f"{self.folder}/", "")


@contextlib.contextmanager
def running() -> Iterator[Site]:
    """Run `up` as `make run` does, until it has printed how to use it."""
    with tempfile.TemporaryDirectory(prefix="rg-") as name:
        folder = Path(name)
        _furnish(folder)
        address = f"127.0.0.1:{free_port()}"
        env = _kept(*_KEPT) | {"BIND": address, "WEB_CONCURRENCY": "1"}
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [folder / ".venv" / "bin" / "responses-gateway", "up"],
                cwd=folder,
                env=env,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None
        try:
            greeting = "".join(_greeting(process.stdout))
            assert _LAST in greeting, (folder / "up.log").read_text("utf-8")
            key = (folder / "data" / "first-key").read_text("utf-8").strip()
            yield Site(address, key, greeting, folder)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            process.stdout.close()


def _furnish(folder: Path) -> None:
    """Have in the folder what a reader has in a checkout."""
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / "deploy").symlink_to(ROOT / "deploy")
    shutil.copy(CONFIG, folder / "gateway.toml")
    modules = node_modules()
    if modules is not None:
        (folder / "node_modules").symlink_to(modules)


def node_modules() -> Path | None:
    """Return where the npm package `openai` is, which `make clients` installs; None without it."""
    modules = installed("openai_node") / "node_modules"
    return modules if (modules / "openai").is_dir() else None


def _greeting(stdout: IO[str]) -> Iterator[str]:
    for line in stdout:
        yield line
        if line.startswith(_LAST):
            return


def _kept(*names: str) -> dict[str, str]:
    return {name: value for name, value in environment().items() if name in names}
