"""The fault table: what goes wrong upstream, and what the caller shall see of it (U1-U5).

Every fault has a provider of its own in each format, so that no breaker mixes them up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tests.upstream.script import Fail, Script

Place = Literal["url", "tls", "refused", "reset", "deaf", "nowhere"]

#: Holds everything that an upstream must never get us to repeat.
UPSTREAM_KEY = "sk-upstream-5f1d7c0b2a9e4d63"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the caller sees. `attempts` None: the upstream cannot count them."""

    status: int
    type: str
    code: str | None
    attempts: int | None = 1
    should_retry: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault before the first delta: the same for a whole answer and, if it `streams`, for a
    stream.
    """

    name: str
    seen: Seen
    script: Script = field(default_factory=Script)
    place: Place = "url"
    streams: bool = True


UNAVAILABLE = Seen(503, "server_error", "upstream_unavailable", attempts=3)
TIMEOUT = Seen(503, "server_error", "upstream_timeout")
UNREACHABLE = Seen(503, "server_error", "upstream_unavailable", attempts=None)
MISBEHAVED = Seen(500, "api_error", "upstream_error")
INVALID = Seen(400, "invalid_request_error", None)


def _fails(name: str, status: int, seen: Seen, body: object = None) -> Fault:
    message = f"no luck with {UPSTREAM_KEY} today"
    headers = (("Retry-After", "7"),) if status == 429 else ()
    script = Fail(status=status, message=message, body=body, headers=headers)
    return Fault(name, seen, Script(fail=script))


FAULTS = (
    Fault("refused", UNREACHABLE, place="refused"),
    Fault("reset", UNREACHABLE, place="reset"),
    Fault("unknown-host", UNREACHABLE, place="nowhere"),
    Fault("untrusted", UNREACHABLE, place="tls"),
    Fault("deaf", Seen(503, "server_error", "upstream_timeout", attempts=None), place="deaf"),
    Fault("no-first-byte", TIMEOUT, Script(stall_after=-1)),
    Fault("hangs-up", UNAVAILABLE, Script(cut_after=-1)),
    Fault("resets", UNAVAILABLE, Script(cut_after=-1, cut="reset")),
    _fails("status-400", 400, INVALID),
    _fails("status-401", 401, MISBEHAVED),
    _fails("status-402", 402, MISBEHAVED),
    _fails("status-403", 403, MISBEHAVED),
    _fails("status-413", 413, INVALID),
    _fails("status-422", 422, INVALID),
    _fails(
        "status-429",
        429,
        Seen(429, "rate_limit_error", "rate_limit_exceeded", headers={"Retry-After": "7"}),
    ),
    Fault(
        "status-429-without-a-time",
        Seen(429, "rate_limit_error", "rate_limit_exceeded", headers={"Retry-After": "1"}),
        Script(fail=Fail(status=429)),
    ),
    _fails("status-500", 500, UNAVAILABLE),
    _fails("status-502-html", 502, UNAVAILABLE, "<html><body>Bad Gateway</body></html>"),
    _fails("status-503", 503, UNAVAILABLE),
    _fails("status-529", 529, UNAVAILABLE),
    Fault(
        "redirect",
        MISBEHAVED,
        Script(fail=Fail(status=302, headers=(("Location", "http://127.0.0.1:1/"),), body="")),
    ),
    _fails("nonsense-text", 200, MISBEHAVED, "All is well."),
    _fails("nonsense-html", 200, MISBEHAVED, "<!doctype html><title>Log in</title>"),
    _fails("nonsense-empty", 200, MISBEHAVED, ""),
    _fails("nonsense-shape", 200, MISBEHAVED, ["what", "is", "this"]),
    Fault("nonsense-head", MISBEHAVED, Script(garbage="head")),
    Fault("endless", MISBEHAVED, Script(garbage="line"), streams=False),
)


#: Faults of a stream that has told its first piece: the stream itself has to tell of them (A2).
SAID = ("Grüße ", "und ", "Küsse")
STREAM_FAULTS = {
    "error": Script(say=SAID, error_after=1),
    "cut": Script(say=SAID, cut_after=1),
    "cut-by-reset": Script(say=SAID, cut_after=1, cut="reset"),
    "cut-politely": Script(say=SAID, cut_after=1, cut="end"),
    "cut-in-a-frame": Script(say=SAID, cut_after=1, cut="frame"),
    "cut-in-a-character": Script(say=SAID, cut_after=2, cut="utf8"),
    "not-json": Script(say=SAID, garbage="frame", garbage_after=1),
    "endless-line": Script(say=SAID, garbage="line", garbage_after=1),
    "without-an-end": Script(say=SAID, finish="none", usage=None),
    "silent": Script(say=SAID),
}
