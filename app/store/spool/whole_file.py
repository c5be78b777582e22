"""Files that are complete or missing: written under another name, synced, then renamed.

Each begins with a checksum of the rest, and is readable by its owner only.
"""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

#: The end of the name under which a file is written.
DRAFT = ".draft"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; create its directory if it is missing.

    Raises:
        OSError: the directory is not writable, or the disk is full; nothing is left behind.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}{DRAFT}")
    try:
        _write(draft, b"%08x\n" % crc32(data) + data)
        draft.rename(path)
        _sync(path.parent)
    except OSError:
        for each in (draft, path):
            each.unlink(missing_ok=True)
        raise


def checked(data: bytes) -> bytes:
    """Return what was written, given the content of the file.

    Raises ValueError: the file is damaged.
    """
    checksum, _, whole = data.partition(b"\n")
    if checksum != b"%08x" % crc32(whole):
        raise ValueError("the file is damaged")
    return whole


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
