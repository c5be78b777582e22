"""A response as GET shows it, at any moment of its life."""

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

#: What a provider may report about the answer as a whole: what it made of forwarded fields, and the
#: use of its tools. It is shown unchanged, among the parameters (P1, P2).
PASSED_KEYS = ("access_programs", "image", "moderation", "prompt_cache_diagnostics", "tool_usage")

TERMINAL: frozenset[Status] = frozenset({"completed", "incomplete", "failed", "cancelled"})

#: Every legal change of a status; the store enforces it by compare-and-set.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    "queued": frozenset({"in_progress", "failed", "cancelled"}),
    "in_progress": TERMINAL,
}


@frozen_dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, which the API nests; all zero if the upstream does not count.

    `cache_write_1h_tokens` are the part of `cache_write_tokens` that is cached for an hour: callers
    do not see them separately, but some vendors charge more for them.
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
        """The counts by their names in metrics."""
        return {
            "input": self.input_tokens,
            "output": self.output_tokens,
            "cached": self.cached_tokens,
            "cache_write": self.cache_write_tokens,
            "reasoning": self.reasoning_tokens,
        }

    def minus(self, other: Usage) -> Usage:
        """Return this usage less another, the reverse of `plus`."""
        return Usage(*(getattr(self, each) - getattr(other, each) for each in Usage.__slots__))

    def plus(self, other: Usage) -> Usage:
        """Return the sum of both."""
        return Usage(*(getattr(self, each) + getattr(other, each) for each in Usage.__slots__))


def expiry(created_at: int, retention_days: int | None) -> int | None:
    """Return when what was created then is to be purged, in Unix seconds; None for never."""
    return None if retention_days is None else created_at + retention_days * DAY_S


#: The usage of an answer whose upstream has counted nothing.
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class ResponseError:
    """An error. `code` is one of the API's codes for response objects (server_error, …)."""

    code: str
    message: str

    @classmethod
    def of(cls, error: GatewayError) -> ResponseError:
        """Return how a response shows an error; server_error if its code is not allowed there."""
        if error.code in ("rate_limit_exceeded", "context_length_exceeded", "model_not_found"):
            return cls(error.code, error.message)
        return cls("server_error", error.message)


@frozen_dataclass(frozen=True, slots=True)
class Response:
    """`echo` has the request's parameters as the API shows them (schemas.responses.echo).

    `created_at` and `completed_at` are in Unix seconds. `json` caches its JSON form, which is both
    stored and sent.
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
        """Return the parameters, with what the provider has reported about the whole answer."""
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
