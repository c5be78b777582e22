"""The identity of a request: our id, and those of W3C Trace Context, here and at the upstream."""

from __future__ import annotations

import re
from typing import NamedTuple

from app.domain.ids import RandomBytes

#: Version, trace, parent, flags; later versions may append more.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBER = re.compile(
    r"[a-z0-9][a-z0-9_*/-]{0,255}(?:@[a-z][a-z0-9_*/-]{0,13})?=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
_MAX_STATE, _MAX_MEMBERS = 512, 32
_NOT_SAMPLED, _SAMPLED = "00", 0x01


class RequestIdentity(NamedTuple):
    """The ids of a request. Each fits into a header line as it is.

    `traceparent` is what upstreams are sent: the caller's trace, or a new one, with a parent of our
    own. `tracestate` is the caller's.
    """

    request_id: str
    traceparent: str
    tracestate: str = ""

    @property
    def trace_id(self) -> str:
        """The trace id, in hexadecimal."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The id, in hexadecimal, of the parent span of work done elsewhere for this request."""
        return self.traceparent[36:52]

    @property
    def is_sampled(self) -> bool:
        """Whether the trace is recorded, according to whoever began it."""
        return self.traceparent.endswith("-01")

    def within(self, span_id: str, *, sampled: bool) -> RequestIdentity:
        """Return the same identity, with one of our spans as the parent of work done elsewhere."""
        flags = _SAMPLED if sampled else 0
        return self._replace(traceparent=f"00-{self.trace_id}-{span_id}-{flags:02x}")

    @property
    def lines(self) -> bytes:
        """The header lines for upstreams; OpenAI logs X-Client-Request-Id, others X-Request-ID."""
        name, state = self.request_id, self.tracestate
        more = f"tracestate: {state}\r\n" if state else ""
        return (
            f"X-Request-ID: {name}\r\nX-Client-Request-Id: {name}\r\n"
            f"traceparent: {self.traceparent}\r\n{more}"
        ).encode()


def identity(
    random_bytes: RandomBytes,
    request_id: str | None = None,
    traceparent: str = "",
    tracestate: str = "",
) -> RequestIdentity:
    """Return the identity of a request that came with these ids; missing ones are generated.

    A traceparent that violates the standard is ignored, and its tracestate with it.
    """
    digits = random_bytes(40).hex()
    name = request_id or f"req_{digits[:32]}"
    parent = digits[64:80]
    if traceparent and (found := _TRACEPARENT.fullmatch(traceparent)) is not None:
        version, trace_id, theirs, flags, more = found.groups()
        wrong = version == "ff" or (more and version == "00")
        if not (wrong or trace_id == "0" * 32 or theirs == "0" * 16):
            sampled = int(flags, 16) & _SAMPLED
            state = tracestate if tracestate and _is_state(tracestate) else ""
            return RequestIdentity(name, f"00-{trace_id}-{parent}-{sampled:02x}", state)
    return RequestIdentity(name, f"00-{digits[32:64]}-{parent}-{_NOT_SAMPLED}")


def _is_state(text: str) -> bool:
    if len(text) > _MAX_STATE:
        return False
    members = [member.strip(" \t") for member in text.split(",")]
    named = [member for member in members if member]
    return 0 < len(named) <= _MAX_MEMBERS and all(map(_MEMBER.fullmatch, named))
