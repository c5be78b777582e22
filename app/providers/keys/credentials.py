"""Read credentials from a file, or from a command's output (N7).

A command has no shell, no input, and 10 s. Its output is used for the key only; its stderr is
discarded, as that may contain the key, too.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from app.settings import KeySource, readers

COMMAND_S = 10.0
#: Maximum length of a key, in bytes.
MAX_KEY = 64 * 1024


class CredentialUnreadable(Exception):
    """No key could be read; `reason` says why, without anything of what was read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_credential(source: KeySource) -> str:
    """Return the current credential.

    Raises:
        CredentialUnreadable: there is none.
    """
    data = _command_output(source) if source.file is None else _file_content(source.file)
    key = readers.credential(data.decode("utf-8", "replace"))
    if key is None:
        raise CredentialUnreadable("holds no key" if source.file else "printed no key")
    return key


def _file_content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY)
    except OSError as error:
        raise CredentialUnreadable(f"cannot be read: {error.strerror}") from None


def _command_output(source: KeySource) -> bytes:
    until = time.monotonic() + COMMAND_S
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own, without a shell
            source.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=source.folder,
            start_new_session=True,
        )
    except OSError as error:
        raise CredentialUnreadable(f"cannot be run: {error.strerror}") from None
    with process:
        try:
            output = _printed(process.stdout, until)
            status = process.wait(max(0.0, until - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise CredentialUnreadable(f"took longer than {COMMAND_S:.0f} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    if status != 0:
        how = f"with status {status}" if status > 0 else f"by signal {-status}"
        raise CredentialUnreadable(f"ended {how}")
    return output


def _printed(pipe: IO[bytes] | None, until: float) -> bytes:
    """Return a pipe's output. Raises TimeoutError, or CredentialUnreadable if it is too long.

    `communicate` is not used, as it would collect output without a limit.
    """
    output = b""
    if pipe is None:
        return output
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(output) <= MAX_KEY:
            left_s = until - time.monotonic()
            if left_s <= 0 or not selector.select(left_s):
                raise TimeoutError
            piece = os.read(pipe.fileno(), MAX_KEY)
            if not piece:
                return output
            output += piece
    raise CredentialUnreadable("printed more than a key")
