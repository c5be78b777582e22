"""Idempotency keys in Redis, a hash each, whose fields lua/begin.lua describes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from app.store.connection.checks import servers
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import BEST_EFFORT_S, ONE_SERVER, Safety
from app.store.connection.script import Call, LuaFolder, Script, run_all
from app.store.idempotency.base import KEPT_S, KeyState
from app.store.keys import Keys

_lua = LuaFolder(__file__)
_BEGIN, _RENEW = Script(_lua("begin")), Script(_lua("renew"))
_NOTE, _WAIT = Script(_lua("note")), Script(_lua("wait"))
_FINISH, _FREE = Script(_lua("finish")), Script(_lua("free"))
_SPECIAL = str.maketrans({each: f"\\{each}" for each in r"\*?[]^-"})
#: Number of keys scanned in one step.
_AT_ONCE = 500


class RedisIdempotencyStore:
    """Implements IdempotencyStore on any Redis >= 6.2. `lease_s` is in seconds.

    What `safety` asks for is waited for only briefly: a caller waits meanwhile.
    """

    def __init__(
        self, client: Client, prefix: str, lease_s: float, safety: Safety = ONE_SERVER
    ) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._lease_ms = int(lease_s * 1000)
        self._safety = safety
        self._wait_s = min(BEST_EFFORT_S, safety.wait_s)

    def begin(
        self, account: str, key_hash: str, digest: bytes, token: str, *, takes_over: bool = True
    ) -> KeyState:
        """Claim a key for a request whose body has this digest, if no other request holds it."""
        key = self._keys.idempotency(account, key_hash)
        given = (digest, token, self._lease_ms, KEPT_S * 1000, int(takes_over))
        with translated():
            (found,), reached = self._safety.attempt(
                self._redis, _BEGIN((key,), given), wait_s=self._wait_s
            )
        state, answer, response_id = found
        is_safe = reached >= self._safety.replicas
        return KeyState(state.decode(), answer, response_id.decode(), is_safe)

    def note(self, account: str, key_hash: str, token: str, response_id: str, noted: bytes) -> None:
        """Record which response the request makes, if that is stored, and what is known of it."""
        self._run(_NOTE, account, key_hash, token, response_id, noted)

    def wait(self, account: str, key_hash: str) -> None:
        """Record that a caller waits for the answer."""
        self._run(_WAIT, account, key_hash)

    def renew(self, account: str, key_hash: str, token: str) -> float | None:
        """Renew the lease; return the seconds since a caller last waited for the answer."""
        idle_ms = self._run(_RENEW, account, key_hash, token, self._lease_ms)
        if idle_ms is None:
            return None
        return inf if idle_ms < 0 else idle_ms / 1000

    def finish(
        self,
        account: str,
        key_hash: str,
        token: str,
        answer: bytes,
        response_id: str = "",
        digest: bytes = b"",
    ) -> None:
        """Store the request's result, unless another request holds the key by now."""
        calls: list[Call | tuple[Any, ...]] = []
        if response_id:  # written first: without an answer it does no harm
            copies = self._keys.copies(account, response_id)
            calls += [("SADD", copies, key_hash), ("EXPIRE", copies, KEPT_S)]
        key = self._keys.idempotency(account, key_hash)
        calls.append(_FINISH((key,), (token, answer, KEPT_S * 1000, digest)))
        with translated():
            if not self._safety.replicas:
                run_all(self._redis, calls)
                return
            _, reached = self._safety.attempt(self._redis, *calls, wait_s=self._wait_s)
        self._safety.require(reached)

    def free(self, account: str, key_hash: str, token: str) -> None:
        """Delete a key, unless another request holds it by now."""
        self._run(_FREE, account, key_hash, token)

    def forget(self, account: str, response_ids: Sequence[str]) -> None:
        """Delete the keys whose answers contain copies of these responses."""
        copies = [self._keys.copies(account, each) for each in response_ids]
        with translated():
            found = run_all(self._redis, [("SMEMBERS", each) for each in copies])
            gone = [
                self._keys.idempotency(account, key_hash.decode())
                for key_hashes in found
                for key_hash in key_hashes
            ]
            if gone:  # the sets, by which they are found, last
                run_all(self._redis, [("UNLINK", key) for key in gone])
                run_all(self._redis, [("UNLINK", each) for each in copies])

    def erase(self, account: str) -> None:
        """Delete all keys of an account."""
        pattern = self._keys.idempotency(account, "").translate(_SPECIAL) + "*"
        with translated():
            for _, node in servers(self._redis):
                for key in node.scan_iter(match=pattern, count=_AT_ONCE):
                    node.unlink(key)

    def _run(self, script: Script, account: str, key_hash: str, *arguments: Any) -> Any:
        key = self._keys.idempotency(account, key_hash)
        with translated():
            return script((key,), arguments).run(self._redis)
