"""What runs the blocks of pages: bash, Python and node.

A block's variables are there in the later blocks of its page and language; node alone starts
anew with each block, as modules do. One Python is for all pages, since to import packages anew
would take most of the time.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Protocol

from tests.processes import PATIENCE_S

_CHUNK = 65536

#: A page's command is that of a process that has imported it (commands.py).
_BASH = r"""
function .venv/bin/responses-gateway { %s "$@"; }
while IFS= read -r -d '' block; do
  eval "$block" </dev/null
  printf '\0%s\0' "$?"
done
"""
_PYTHON = r"""
import sys, traceback
names = {}
buffer = b""
while piece := sys.stdin.buffer.read1():
    buffer += piece
    while b"\0" in buffer:
        block, _, buffer = buffer.partition(b"\0")
        if block == b"# a new page":
            names = {"__name__": "__main__"}
        try:
            exec(compile(block.decode(), "<block>", "exec"), names)
            status = 0
        except BaseException:
            traceback.print_exc()
            status = 1
        print(f"\0{status}\0", end="", flush=True)
"""


#: Has a Python forget what the blocks before it defined.
NEW_PAGE = "# a new page"


class BlockFailed(Exception):
    """A program ended with another status than 0, or did not end; the text says which and why."""


class Session(Protocol):
    """Runs blocks one after another."""

    def run(self, text: str) -> str:
        """Return what a block prints.

        Raises:
            BlockFailed: it fails, or does not end within a minute.
        """

    def close(self) -> None:
        """End what it has started."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where blocks run: the folder that is theirs, and their environment."""

    folder: Path
    environ: Mapping[str, str]


class LongSession:
    """A program that reads blocks from its stdin and remembers what each of them defined."""

    def __init__(self, argv: Sequence[str], where: Surroundings) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._process = subprocess.Popen(  # noqa: S603 - what stands on our own pages
            argv,
            cwd=where.folder,
            env=dict(where.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )

    def run(self, text: str) -> str:
        """Return what a block prints; see Session."""
        assert self._process.stdin is not None
        started = self._errors.tell()
        self._process.stdin.write(text.encode() + b"\0")
        self._process.stdin.flush()
        printed, status = self._answer()
        if status != "0":
            self._errors.seek(started)
            said = self._errors.read().decode(errors="replace")
            raise BlockFailed(f"ended with {status or 'no status'}:\n{printed}{said}")
        self._errors.seek(0, os.SEEK_END)
        return printed

    def close(self) -> None:
        """End it with all that it has started; see Session."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            if file is not None:
                file.close()

    def _answer(self) -> tuple[str, str]:
        """Return what was printed and the status that stands behind it between two NULs."""
        assert self._process.stdout is not None
        deadline, read = monotonic() + PATIENCE_S, b""
        while read.count(b"\0") < 2:
            ready, _, _ = select.select([self._process.stdout], [], [], deadline - monotonic())
            piece = os.read(self._process.stdout.fileno(), _CHUNK) if ready else b""
            if not piece:
                return read.decode(errors="replace"), ""
            read += piece
        printed, status, _ = read.decode().split("\0")
        return printed, status


class NodeSession:
    """Runs each block as a module of its own."""

    def __init__(self, where: Surroundings) -> None:
        self._where = where

    def run(self, text: str) -> str:
        """Return what a block prints; see Session."""
        ended = subprocess.run(  # noqa: S603 - as above
            [shutil.which("node") or "node", "--input-type=module", "-e", text],
            cwd=self._where.folder,
            env=dict(self._where.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=PATIENCE_S,
        )
        if ended.returncode:
            raise BlockFailed(f"ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def close(self) -> None:
        """There is nothing left to end; see Session."""


def bash(where: Surroundings, command: Sequence[str]) -> LongSession:
    """Return a bash that waits for blocks; `command` stands for `.venv/bin/responses-gateway`."""
    return LongSession(["bash", "-c", _BASH.replace("%s", shlex.join(command), 1)], where)


def python(where: Surroundings) -> LongSession:
    """Return a Python that waits for blocks."""
    return LongSession([sys.executable, "-c", _PYTHON], where)
