"""A folder of spooled answers, one file each.

A file is named after its response, and complete or missing (whole_file.py). `resp_….turn` is not in
Redis yet; `resp_….kept` is, and waits for replicas to have it as well. What is encrypted with its
caller's key is encrypted here, too, and is delivered as it is.
"""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import replace
from hmac import compare_digest
from pathlib import Path
from typing import Any

import orjson

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.turns.turn import Position, Turn
from app.store.responses.entries import Entries
from app.store.responses.packed.packed_turn import PackedTurn
from app.store.spool.whole_file import DRAFT, checked, write_whole

_PACKED = ("status", "created_at", "check", "homes", "expires_at", "user_hash")
_TURN, _KEPT = ".turn", ".kept"

#: Within this time two changes of a directory may show the same modification time.
_SETTLED_NS = 1_000_000_000
#: Age in seconds from which on a draft has no writer: its process died while writing.
_ABANDONED_S = 60


class Spool:
    """A directory of answers that all processes of this machine share."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._entries = Entries()
        self._empty_at_ns: int | None = None

    def put(self, turn: Turn, *, is_kept: bool = False) -> None:
        """Write an answer; `is_kept` says that Redis has it already, but not its replicas.

        Raises:
            OSError: the directory is not writable, or the disk is full; nothing is left behind.
        """
        path = self._path(turn.response.id, _KEPT if is_kept else _TURN)
        write_whole(path, self._dump(turn))

    def waiting(self) -> list[str]:
        """Return the ids of the responses that are here, oldest first.

        For a spool that stays empty this only reads the directory's modification time. Raises
        OSError: it may not be read.
        """
        try:
            changed_at_ns = self.directory.stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return []
        if changed_at_ns == self._empty_at_ns:
            return []
        with os.scandir(self.directory) as entries:
            found = sorted((Path(each) for each in entries if _is_answer(each)), key=_changed_at)
        if not found and time.time_ns() - changed_at_ns > _SETTLED_NS:
            self._empty_at_ns = changed_at_ns
        return list(dict.fromkeys(path.stem for path in found))

    def take(self, response_id: str) -> Turn | PackedTurn | None:
        """Return an answer that is here, or None: another process may have delivered it.

        An encrypted one is returned packed, as the store takes it.

        Raises:
            ValueError: the file is damaged, or of a release that this one cannot read.
        """
        data = self._read(response_id)
        if data is None:
            return None
        head, entry = _parted(data)
        parent = head["parent"] and Position(*head["parent"])
        cuts = b64decode(head.get("cuts", ""))  # an earlier release has none
        if "packed" in head:
            return PackedTurn(
                **head["packed"],
                parent=parent,
                entry=entry,
                cuts=cuts,
                account=head["account"],
                response_id=head["id"],
                conversation=head["conversation"],
            )
        turn = self._entries.turn(entry, head["account"], head["id"], parent)
        # Earlier releases lack these.
        user_hash = head.get("user_hash", "")
        return replace(turn, conversation=head.get("conversation"), cuts=cuts, user_hash=user_hash)

    def opened(self, packed: PackedTurn, key: ContentKey) -> Turn | None:
        """Decrypt an answer with its key; None for another key."""
        known = compare_digest(packed.check, check_value(key, packed.response_id))
        return self._entries.opened(packed, key) if known else None

    def is_kept(self, response_id: str) -> bool:
        """Tell whether Redis has the answer already, and it only waits for replicas."""
        return self._path(response_id, _KEPT).exists()

    def put_at(self, response_id: str) -> float:
        """Return when an answer was put here, in Unix seconds; 0 if it is not here any more."""
        return max(_changed_at(self._path(response_id, suffix)) for suffix in (_TURN, _KEPT))

    def mark_kept(self, response_id: str) -> None:
        """Record that Redis has an answer, which may be gone from here already."""
        with suppress(FileNotFoundError):
            self._path(response_id, _TURN).rename(self._path(response_id, _KEPT))

    def drop(self, response_id: str) -> bool:
        """Delete an answer; return whether it was still here."""
        dropped = [self._dropped(response_id, suffix) for suffix in (_TURN, _KEPT)]
        return any(dropped)

    def erase(self, account: str) -> list[str]:
        """Delete every answer of an account, and drafts of processes that died.

        Returns the ids of the responses.
        """
        erased = []
        for response_id in self.waiting():
            with suppress(ValueError):
                data = self._read(response_id)
                if data is not None and _parted(data)[0]["account"] == account:
                    self.drop(response_id)
                    erased.append(response_id)
        self.tidy()
        return erased

    def tidy(self) -> None:
        """Delete drafts of processes that died: they were not promised to any caller."""
        for draft in self.directory.glob(f"*{DRAFT}"):
            if time.time() - _changed_at(draft) > _ABANDONED_S:
                draft.unlink(missing_ok=True)

    def _read(self, response_id: str) -> bytes | None:
        for suffix in (_TURN, _KEPT):
            with suppress(FileNotFoundError):
                return self._path(response_id, suffix).read_bytes()
        return None

    def _dropped(self, response_id: str, suffix: str) -> bool:
        try:
            self._path(response_id, suffix).unlink()
        except FileNotFoundError:
            return False
        return True

    def _path(self, response_id: str, suffix: str) -> Path:
        return self.directory / f"{response_id}{suffix}"

    def _dump(self, turn: Turn) -> bytes:
        packed = self._entries.packed(turn, self._entries.alone(turn))
        head: dict[str, Any] = {
            "id": packed.response_id,
            "account": packed.account,
            "parent": packed.parent and [packed.parent.log, packed.parent.depth],
            "conversation": packed.conversation,
            "cuts": b64encode(packed.cuts if packed.check else turn.cuts).decode(),
            "user_hash": packed.user_hash,
        }
        if packed.check:  # needed to deliver it, and unreadable in the entry
            head["packed"] = {name: getattr(packed, name) for name in _PACKED}
        return orjson.dumps(head) + b"\n" + packed.entry


def _parted(data: bytes) -> tuple[dict[str, Any], bytes]:
    head, _, entry = checked(data).partition(b"\n")
    return orjson.loads(head), entry


def _is_answer(entry: os.DirEntry[str]) -> bool:
    """Tell whether a directory entry is an answer; anything else is not ours."""
    is_named_so = entry.name.startswith("resp_") and entry.name.endswith((_TURN, _KEPT))
    return is_named_so and (entry.is_file() or entry.is_symlink())


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
