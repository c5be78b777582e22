"""The key that `up` makes, so that the first request needs no other command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def first_key(file: Path, works: Callable[[str], bool], make: Callable[[], str]) -> str:
    """Return the key kept in `file` if it still works, else a new one, which replaces it there.

    Only its owner can read the file: it holds the key itself.
    """
    if file.exists():
        key = file.read_text("utf-8").strip()
        if works(key):
            return key
    key = make()
    file.unlink(missing_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(key + "\n", "utf-8")
    return key
