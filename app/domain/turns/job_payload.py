"""A background request, with everything that a worker needs to answer it."""

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
    """A background request after its preparation.

    `body` is its JSON as the caller sent it, `request` the parsed form. `charge` is what was
    counted for it under its limits (Charge.text). `queued_at` is in Unix seconds. `identity` has
    the request's ids; an earlier release stored none. `permissions` are those of a token.
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
        """The caller in whose name it is answered."""
        return Principal(self.account, self.key_id, self.permissions)

    def turn(self, response: Response) -> Turn:
        """Return the turn that consists of this request and `response`."""
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
