"""A response: what GET shows, at any moment of its life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.frozen import frozen_dataclass
from app.domain.items import Item
from app.errors import GatewayError

Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
DAY_S = 86_400
IncompleteReason = Literal["max_output_tokens", "content_filter"]

#: What a provider may say of an answer as a whole: how it was judged, what its tools have done.
#: It is shown as it came, among the parameters (P1, P2).
PASSED_KEYS = ("moderation", "tool_usage")

TERMINAL: frozenset[Status] = frozenset({"completed", "incomplete", "failed", "cancelled"})

#: Every legal move of a status; the store holds to it by compare-and-set.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    "queued": frozenset({"in_progress", "failed", "cancelled"}),
    "in_progress": TERMINAL,
}


@frozen_dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, as the wire nests them; an upstream that does not count leaves zeros.

    `cache_write_1h_tokens` are those of `cache_write_tokens` that a cache keeps for an hour: no
    caller sees them apart, but some vendors charge more for them.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0

    @property
    def is_zero(self) -> bool:
        """Whether the upstream has counted nothing."""
        return self == NO_USAGE

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def by_kind(self) -> dict[str, int]:
        """The counts as metrics name them."""
        return {
            "input": self.input_tokens,
            "output": self.output_tokens,
            "cached": self.cached_tokens,
            "cache_write": self.cache_write_tokens,
            "reasoning": self.reasoning_tokens,
        }

    def minus(self, other: Usage) -> Usage:
        """Return what is left of it without another, which `plus` has added."""
        return Usage(*(getattr(self, each) - getattr(other, each) for each in Usage.__slots__))

    def plus(self, other: Usage) -> Usage:
        """Return what both took together."""
        return Usage(*(getattr(self, each) + getattr(other, each) for each in Usage.__slots__))


def expiry(created_at: int, retention_days: int | None) -> int | None:
    """Return when what came then is to be purged, in Unix seconds; None for never."""
    return None if retention_days is None else created_at + retention_days * DAY_S


#: The usage of an answer whose upstream has counted nothing.
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class ResponseError:
    """`code` is one of the API's own error codes for response objects (server_error, …)."""

    code: str
    message: str

    @classmethod
    def of(cls, error: GatewayError) -> ResponseError:
        """Return what a response shows of an error; server_error where its code is none of them."""
        if error.code in ("rate_limit_exceeded", "context_length_exceeded", "model_not_found"):
            return cls(error.code, error.message)
        return cls("server_error", error.message)


@frozen_dataclass(frozen=True, slots=True)
class Response:
    """`echo` holds the request's parameters as the wire shows them (schemas.responses.echo).

    `created_at` and `completed_at` are in Unix seconds. `json` is what the wire shows of it, once
    that was made: it is stored, and sent.
    """

    id: str
    model: str
    created_at: int
    echo: Mapping[str, Any]
    status: Status = "in_progress"
    output: tuple[Item, ...] = ()
    usage: Usage | None = None
    error: ResponseError | None = None
    incomplete_reason: IncompleteReason | None = None
    completed_at: int | None = None
    service_tier: str = "auto"
    json: dict[str, Any] | None = field(default=None, init=False, repr=False, compare=False)

    def echo_with(self, passed: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters, and what the provider has said of the answer as a whole."""
        return {**self.echo, **passed} if passed else self.echo

    @property
    def own_echo(self) -> Mapping[str, Any]:
        """The parameters alone."""
        if not any(key in self.echo for key in PASSED_KEYS):
            return self.echo
        return {key: value for key, value in self.echo.items() if key not in PASSED_KEYS}

    @property
    def expires_at(self) -> int | None:
        """When it is to be purged, in Unix seconds; None for never (C5)."""
        return expiry(self.created_at, self.echo.get("retention_days"))
