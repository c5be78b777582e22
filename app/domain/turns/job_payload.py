"""A background request: all that a worker needs to answer it as its caller asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.accounts.accounts import Permissions, Principal
from app.domain.accounts.content_key import ContentKey
from app.domain.identity import RequestIdentity
from app.domain.request import CreateRequest
from app.domain.response import Response
from app.domain.turns.turn import Thread, Turn


@dataclass(frozen=True, slots=True)
class JobPayload:
    """What a background request was prepared to.

    `body` is its JSON as the caller sent it, `request` what was read of that. `charge` is what its
    limits have counted for it (Charge.text). `queued_at` is in Unix seconds. `identity` is what the
    request is called; an earlier release stored none. `permissions` are those of a token's holder.
    `user_hash` is that of its turn, `key` encrypts what is stored of it.
    """

    account: str
    key_id: str
    body: Mapping[str, Any]
    request: CreateRequest
    thread: Thread
    response: Response
    queued_at: float
    charge: str | None = None
    identity: RequestIdentity | None = None
    key: ContentKey | None = field(default=None, repr=False)
    permissions: Permissions | None = None
    user_hash: str = ""

    @property
    def principal(self) -> Principal:
        """In whose name it is answered."""
        return Principal(self.account, self.key_id, self.permissions)

    def turn(self, response: Response) -> Turn:
        """Return the turn that `response` makes of this request."""
        return Turn(
            self.account,
            response,
            self.thread.own,
            self.request.parameters.include,
            self.thread.position,
            self.request.conversation,
            user_hash=self.user_hash,
            key=self.key,
        )
