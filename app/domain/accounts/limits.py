"""How much a caller may still use."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, what is left of it, and in how many seconds all of it is there again."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: the tightest limit of each kind, None where there is none."""

    requests: Quota | None = None
    tokens: Quota | None = None


UNLIMITED_STANDING = Standing()


class LimitReached(RateLimited):
    """One of our own limits refuses the request; `standing` tells where the caller stands."""

    def __init__(self, message: str, *, retry_after_s: int, standing: Standing) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.standing = standing
