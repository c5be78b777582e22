"""Allows one `up` per folder: the one that runs is named in up.lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderTaken(Exception):
    """This `up` cannot have the folder; the text is for the operator."""


@contextmanager
def only_one(folder: Path, bind: str) -> Iterator[None]:
    """Reserve the folder for this process, which listens at `bind`.

    Raises:
        FolderTaken: another `up` has it, or nothing can be written to it.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock_file = (folder / "up.lock").open("a+")
    except OSError as error:
        raise FolderTaken(
            f"{folder.absolute()}, where it keeps its data, cannot be used: {error.strerror}. "
            "Start it in a folder that you may write to."
        ) from None
    with lock_file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderTaken(_taken(folder)) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()} {bind}\n")
        lock.flush()
        yield


def _taken(folder: Path) -> str:
    pid, _, bind = (folder / "up.lock").read_text("utf-8").strip().partition(" ")
    who = f" (pid {pid})" if pid else ""
    where = f" at {bind}" if bind else ""
    return f"the gateway of this folder{who} already runs here, in {folder.resolve()}{where}."
