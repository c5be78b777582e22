"""Answers that were bought while Redis was away, on this machine's disk until it is back.

A file an answer, named after its response and readable by its owner only. It is there whole or not
at all: written under another name, synced, then renamed.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from app.store.base import Place, Turn
from app.store.entries import Entries

_SUFFIX, _DRAFT = ".turn", ".draft"

#: Two changes of a directory within this time may show the same time of change.
_SETTLED_NS = 1_000_000_000
#: A draft this old belongs to nobody: its process ended while it wrote.
_ABANDONED_S = 60


class Spool:
    """A directory of answers that every process of this machine shares."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._entries = Entries()
        self._empty_at_ns: int | None = None

    def put(self, turn: Turn) -> None:
        """Keep an answer.

        Raises:
            OSError: the directory cannot be written to, or the disk is full.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(turn.response.id)
        draft = path.with_suffix(f".{os.getpid()}{_DRAFT}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(self._dump(turn))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _sync(self._directory)

    def waiting(self) -> list[str]:
        """Return the ids of the responses that are here, oldest first.

        Of a spool that stays empty this costs one look at the directory's time of change.
        """
        try:
            changed_at_ns = self._directory.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if changed_at_ns == self._empty_at_ns:
            return []
        found = sorted(self._directory.glob(f"*{_SUFFIX}"), key=_age)
        if not found and time.time_ns() - changed_at_ns > _SETTLED_NS:
            self._empty_at_ns = changed_at_ns
        return [path.stem for path in found]

    def take(self, response_id: str) -> Turn | None:
        """Return an answer that is here, or None: another process may have delivered it.

        Raises:
            ValueError: the file is damaged, or of a release that this one cannot read.
        """
        try:
            data = self._path(response_id).read_bytes()
        except FileNotFoundError:
            return None
        head, entry = _parted(data)
        parent = head["parent"] and Place(*head["parent"])
        return self._entries.turn(entry, head["account"], head["id"], parent)

    def drop(self, response_id: str) -> None:
        """Forget an answer, which may be gone already."""
        self._path(response_id).unlink(missing_ok=True)

    def erase(self, account: str) -> list[str]:
        """Forget every answer of an account, and what a process that died was writing.

        Returns the ids of the responses.
        """
        erased = []
        for response_id in self.waiting():
            with suppress(FileNotFoundError, ValueError):
                head, _ = _parted(self._path(response_id).read_bytes())
                if head["account"] == account:
                    self.drop(response_id)
                    erased.append(response_id)
        for draft in self._directory.glob(f"*{_DRAFT}"):
            if time.time() - _age(draft) > _ABANDONED_S:
                draft.unlink(missing_ok=True)
        return erased

    def _path(self, response_id: str) -> Path:
        return self._directory / f"{response_id}{_SUFFIX}"

    def _dump(self, turn: Turn) -> bytes:
        head = {
            "id": turn.response.id,
            "account": turn.account,
            "parent": turn.parent and [turn.parent.log, turn.parent.depth],
        }
        whole = orjson.dumps(head) + b"\n" + self._entries.alone(turn)
        return b"%08x\n" % crc32(whole) + whole


def _parted(data: bytes) -> tuple[dict[str, Any], bytes]:
    checksum, _, whole = data.partition(b"\n")
    if checksum != b"%08x" % crc32(whole):
        raise ValueError("the file is damaged")
    head, _, entry = whole.partition(b"\n")
    return orjson.loads(head), entry


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
