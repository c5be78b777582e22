"""The reason for which a gateway has refused a request, for whoever ran the command."""

from __future__ import annotations

import orjson
import requests

from app.cli.common.tables import printable

_NO_KEY = 401


def refusal(answer: requests.Response, otherwise: str = "") -> str:
    """Return a refusal's status with the API's own message, or with `otherwise` if it has none."""
    status = f"{answer.status_code} {answer.reason}".strip()
    try:
        message = str(orjson.loads(answer.content)["error"]["message"])
    except (requests.RequestException, ValueError, LookupError, TypeError):
        message = otherwise
    hint = " Give a key by --key, or in GATEWAY_API_KEY." if answer.status_code == _NO_KEY else ""
    # The message may quote an upstream's, or what a caller wrote.
    return printable(f"{status}: {message}{hint}" if message or hint else status)
