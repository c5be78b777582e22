"""Short ways to call an upstream in tests."""

from __future__ import annotations

import time
from typing import Any

from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError
from app.providers.reply import Reply
from app.providers.transport import Endpoint, Transport
from app.settings import ProviderSettings

API_KEY = "sk-test-4f9a0c11"
LOGIN = {"Authorization": f"Bearer {API_KEY}"}


def settings(url: str, **others: Any) -> ProviderSettings:
    """Return the settings of a provider `acme` at `url`."""
    return ProviderSettings(
        name="acme", api="chat_completions", base_url=url, api_key=API_KEY, **others
    )


def endpoint(url: str, **others: Any) -> Endpoint:
    """Return the endpoint /answer of a provider `acme` at `url`."""
    return Transport(settings(url, **others)).endpoint("/answer", LOGIN)


def a_call(within_s: float = 60.0, silence_s: float = 15.0) -> UpstreamCall:
    """Return a call that has `within_s` seconds from now."""
    return UpstreamCall(deadline=time.monotonic() + within_s, silence_s=silence_s)


def whole(to: Endpoint, body: bytes = b"{}", call: UpstreamCall | None = None) -> bytes:
    """Return the whole answer to `body`."""
    return to.post(body, call or a_call(), stream=False).body()


def stream(to: Endpoint, call: UpstreamCall | None = None) -> Reply:
    """Return the reply to a request for a stream."""
    return to.post(b"{}", call or a_call(), stream=True)


def let_through(bug: Exception, _call: UpstreamCall) -> GatewayError:
    """Raise a bug of ours as it is."""
    raise bug
