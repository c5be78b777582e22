"""Credentials read where they are kept: a file, or what a command prints (N7).

A command has no shell, no input, and 10 s. What it prints goes nowhere but into the key; what it
complains of goes nowhere at all, since that may hold the key, too.
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
#: No key is longer, in bytes.
MAX_KEY = 64 * 1024


class CredentialUnreadable(Exception):
    """There is no key to be had; `reason` says why, and nothing of what was read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_credential(source: KeySource) -> str:
    """Return the credential that is there now.

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
    """Return what comes out of a pipe before its end. Raises TimeoutError, or that it is too much.

    Not `communicate`, which would gather whatever comes.
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
