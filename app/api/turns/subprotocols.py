"""WebSocket sub-protocols, by which a web page, which cannot set headers, sends its key.

OpenAI's clients send `Sec-WebSocket-Protocol: responses, openai-insecure-api-key.KEY`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Matches a valid sub-protocol name: a token (RFC 9110, section 5.6.2).
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_HEADER = "HTTP_SEC_WEBSOCKET_PROTOCOL"
_KEY = "openai-insecure-api-key."
#: Prefix of entries that carry data, such as the key, and are never echoed.
_SAYING = "openai-"


def offered_key(environ: Mapping[str, Any]) -> str:
    """Return the key among the sub-protocols, "" if there is none."""
    keys = (each.removeprefix(_KEY) for each in _offered(environ) if each.startswith(_KEY))
    return next(keys, "")


def chosen(environ: Mapping[str, Any]) -> str | None:
    """Return the sub-protocol to accept: the first that carries no data."""
    return next((each for each in _offered(environ) if not each.startswith(_SAYING)), None)


def _offered(environ: Mapping[str, Any]) -> list[str]:
    offered = [each.strip() for each in environ.get(_HEADER, "").split(",")]
    return [each for each in offered if _is_token(each)]
