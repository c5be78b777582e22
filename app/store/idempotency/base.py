"""What a store of idempotency keys must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

#: For how long a key is remembered, in seconds.
KEPT_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class KeyState:
    """What is known of a key as a request with it begins.

    `begun`: nothing was, and it is this request's now. `running`: another request has it and is
    under way. `done`: `answer` is what became of it. `reused`: it came with another body.
    `response_id` is the response that is being made, as far as that is known; of a key that is
    begun, by a request whose process was lost.
    """

    state: Literal["begun", "running", "done", "reused"]
    answer: bytes = b""
    response_id: str = ""


class IdempotencyStore(Protocol):
    """Keeps keys by account and hash, for 24 hours each.

    A key is its owner's while the lease lasts, which `renew` prolongs; what lost it is another's to
    begin. Every method raises StorageUnavailable when Redis is unreachable, and may be repeated.
    """

    def begin(self, account: str, key_hash: str, digest: bytes, token: str) -> KeyState:
        """Take a key for a request whose body has this digest, if nobody has it."""
        ...

    def note(self, account: str, key_hash: str, token: str, response_id: str) -> None:
        """Note which response the request makes, where that is stored."""
        ...

    def wait(self, account: str, key_hash: str) -> None:
        """Note that somebody waits for the answer."""
        ...

    def renew(self, account: str, key_hash: str, token: str) -> float | None:
        """Prolong the lease; return for how many seconds nobody has waited for the answer.

        Infinity where nobody ever did, None where the key is not the token's any more.
        """
        ...

    def finish(
        self, account: str, key_hash: str, token: str, answer: bytes, response_id: str = ""
    ) -> None:
        """Keep what became of the request, unless somebody else has the key by now.

        `response_id` is that of a stored response of which the answer has a copy.
        """
        ...

    def free(self, account: str, key_hash: str, token: str) -> None:
        """Forget a key, unless somebody else has it by now."""
        ...

    def forget(self, account: str, response_ids: Sequence[str]) -> None:
        """Forget the keys whose answers have copies of these responses."""
        ...

    def erase(self, account: str) -> None:
        """Forget all keys of an account."""
        ...
