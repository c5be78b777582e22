"""A folder of answers that Redis could not take, on this machine's disk until it does.

A file an answer, named after its response and readable by its owner only. It is there whole or not
at all: written under another name, synced, then renamed. `resp_….turn` is in no Redis yet;
`resp_….kept` is, and waits for the replicas to have it as well. What is encrypted with its caller's
key is so here, too, and is delivered as it is.
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
from zlib import crc32

import orjson

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.turns.turn import Position, Turn
from app.store.responses.entries import Entries
from app.store.responses.packed.packed_turn import PackedTurn

_PACKED = ("status", "created_at", "check", "homes", "expires_at", "user_hash")
_TURN, _KEPT, _DRAFT = ".turn", ".kept", ".draft"

#: Two changes of a directory within this time may show the same time of change.
_SETTLED_NS = 1_000_000_000
#: A draft this old has no writer any more: its process ended while it wrote.
_ABANDONED_S = 60


class Spool:
    """A directory of answers that every process of this machine shares."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._entries = Entries()
        self._empty_at_ns: int | None = None

    def put(self, turn: Turn, *, is_kept: bool = False) -> None:
        """Keep an answer; `is_kept` says that Redis has it already, but not its replicas.

        Raises:
            OSError: the directory cannot be written to, or the disk is full; nothing is left.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(turn.response.id, _KEPT if is_kept else _TURN)
        draft = path.with_suffix(f".{os.getpid()}{_DRAFT}")
        try:
            _write(draft, self._dump(turn))
            draft.rename(path)
            _sync(self.directory)
        except OSError:
            for each in (draft, path):
                each.unlink(missing_ok=True)
            raise

    def waiting(self) -> list[str]:
        """Return the ids of the responses that are here, oldest first.

        Of a spool that stays empty this costs one look at the directory's time of change. Raises
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

        One that is encrypted is packed, as the store takes it.

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
        # Earlier releases have none of these.
        user_hash = head.get("user_hash", "")
        return replace(turn, conversation=head.get("conversation"), cuts=cuts, user_hash=user_hash)

    def opened(self, packed: PackedTurn, key: ContentKey) -> Turn | None:
        """Return an answer that is encrypted with this key, None for another key."""
        known = compare_digest(packed.check, check_value(key, packed.response_id))
        return self._entries.opened(packed, key) if known else None

    def is_kept(self, response_id: str) -> bool:
        """Tell whether Redis has the answer already, and only replicas are waited for."""
        return self._path(response_id, _KEPT).exists()

    def put_at(self, response_id: str) -> float:
        """Return when an answer came here, in Unix seconds; 0 where it is not here any more."""
        return max(_changed_at(self._path(response_id, suffix)) for suffix in (_TURN, _KEPT))

    def mark_kept(self, response_id: str) -> None:
        """Note that Redis has an answer, which may be gone from here already."""
        with suppress(FileNotFoundError):
            self._path(response_id, _TURN).rename(self._path(response_id, _KEPT))

    def drop(self, response_id: str) -> bool:
        """Forget an answer; return whether it was still here."""
        dropped = [self._dropped(response_id, suffix) for suffix in (_TURN, _KEPT)]
        return any(dropped)

    def erase(self, account: str) -> list[str]:
        """Forget every answer of an account, and what a process that died was writing.

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
        """Forget what processes that died were writing: it was not promised to any caller."""
        for draft in self.directory.glob(f"*{_DRAFT}"):
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
        if packed.check:  # what could not be read in the entry to deliver it
            head["packed"] = {name: getattr(packed, name) for name in _PACKED}
        whole = orjson.dumps(head) + b"\n" + packed.entry
        return b"%08x\n" % crc32(whole) + whole


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _parted(data: bytes) -> tuple[dict[str, Any], bytes]:
    checksum, _, whole = data.partition(b"\n")
    if checksum != b"%08x" % crc32(whole):
        raise ValueError("the file is damaged")
    head, _, entry = whole.partition(b"\n")
    return orjson.loads(head), entry


def _is_answer(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry of the directory is an answer; whatever else is there is not ours."""
    is_named_so = entry.name.startswith("resp_") and entry.name.endswith((_TURN, _KEPT))
    return is_named_so and (entry.is_file() or entry.is_symlink())


def _changed_at(path: Path) -> float:
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
