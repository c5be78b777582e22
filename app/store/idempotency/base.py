"""The protocol of a store of idempotency keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

#: Lifetime of a key, in seconds.
KEPT_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class KeyState:
    """The state of a key when a request with it begins.

    `begun`: it was unused, and is this request's now. `running`: another request holds it and is
    under way. `lapsed`: the lease of the request that holds it has expired. `done`: `answer` is its
    result. `reused`: it came with another body. `response_id` is the response that is being made,
    if that is known, and `answer` what was noted with it; in state `begun`, by a request whose
    process was lost. Unless it is `safe`, a fail-over may lose the claim: too few replicas have it.
    """

    state: Literal["begun", "running", "lapsed", "done", "reused"]
    answer: bytes = b""
    response_id: str = ""
    safe: bool = True


class IdempotencyStore(Protocol):
    """Keeps keys by account and hash, for 24 hours each.

    A request holds a key while its lease lasts, which `renew` prolongs; after that another may
    claim it. Every method raises StorageUnavailable when Redis is unreachable, and may be repeated.
    """

    def begin(
        self, account: str, key_hash: str, digest: bytes, token: str, *, takes_over: bool = True
    ) -> KeyState:
        """Claim a key for a request whose body has this digest, if no other request holds it.

        One whose lease has expired is only claimed if this one `takes_over`.
        """
        ...

    def note(self, account: str, key_hash: str, token: str, response_id: str, noted: bytes) -> None:
        """Record which response the request makes, if that is stored, and what is known of it."""
        ...

    def wait(self, account: str, key_hash: str) -> None:
        """Record that a caller waits for the answer."""
        ...

    def renew(self, account: str, key_hash: str, token: str) -> float | None:
        """Renew the lease; return the seconds since a caller last waited for the answer.

        Infinity if nobody ever did, None if the token no longer holds the key.
        """
        ...

    def finish(
        self,
        account: str,
        key_hash: str,
        token: str,
        answer: bytes,
        response_id: str = "",
        digest: bytes = b"",
    ) -> None:
        """Store the request's result, unless another request holds the key by now.

        `response_id` is that of a stored response of which the answer contains a copy. With the
        `digest` of a claim that was not safe, the result is also stored if the claim was lost.

        Raises:
            Unconfirmed: it is stored, but too few replicas have it: call again.
        """
        ...

    def free(self, account: str, key_hash: str, token: str) -> None:
        """Delete a key, unless another request holds it by now."""
        ...

    def forget(self, account: str, response_ids: Sequence[str]) -> None:
        """Delete the keys whose answers contain copies of these responses."""
        ...

    def erase(self, account: str) -> None:
        """Delete all keys of an account."""
        ...
