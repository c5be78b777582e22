"""Keeping credentials out of what callers read. Pure."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

_NAMED = re.compile(
    r"""
    (?P<keep>
        \b(?:bearer|basic)\s+(?=[\w.~+/=*-]{6})             # an Authorization header's value
        | \b(?:x-)?(?:api[-_\s]?key|(?:access|auth)[-_]?token|token|secret|password|authorization)
          ["']?\s*[:=]\s*["']?(?:(?:bearer|basic)\s+)?(?=[^\s"',;}]{6})              # name = value
        | ://(?=[^/\s:@]+:[^/\s@]+@)                         # a URL's user and password
    )
    (?:(?<=//)[^/\s@]+ | [^\s"',;}]+)
    """,
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_SHAPED = re.compile(
    r"""
    \b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|ghs|pat|nvapi|pplx|csk|fw|key)[-_](?=[\w*.-]*[\d*])[\w*.-]{8,}
    | \b(?:AIza|AKIA|ya29\.|eyJ)[\w.-]{12,}                  # Google, AWS, JSON web tokens
    | (?<![\w+/=-])(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*\d)[\w+/-]{40,}=*  # long and mixed
    """,
    re.VERBOSE | re.ASCII,
)


def redact(text: str, secret: str | None) -> str:
    """Return `text` with everything that looks like a credential hidden, and `secret` for sure."""
    if secret:
        text = text.replace(secret, HIDDEN)
    return _SHAPED.sub(HIDDEN, _NAMED.sub(rf"\g<keep>{HIDDEN}", text))
