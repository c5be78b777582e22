"""Processes that tests start: each ends with the block that started it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent

_TERM_S = 10


@contextlib.contextmanager
def started(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from the repository's root; SIGTERM ends it, SIGKILL if that does not."""
    process = subprocess.Popen(argv, env=env, cwd=ROOT, stdout=stdout, stderr=stderr)  # noqa: S603 - only what the tests themselves name is run
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_TERM_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
