"""What it means to our callers that an upstream could not be reached, or broke off.

With `mapping`, the one seam where what requests raises becomes an error of ours.
"""

from __future__ import annotations

import ssl

import requests

from app.descriptors import is_shortage
from app.errors import (
    AnswerTooLong,
    GatewayError,
    Overloaded,
    UpstreamMisbehaved,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.wire.adapter import ProtocolError, ResponseTooLong
from app.providers.wire.dial import ProxyRefused
from app.telemetry import shortage_noted


def fault_of_exception(
    error: requests.RequestException, provider: str, *, work_done: bool
) -> GatewayError:
    """Return our error for what happened on the way to `provider`.

    `work_done` says that its answer had begun: the model may have worked for it.
    """
    if is_shortage(error):
        shortage_noted()
        return Overloaded()
    who = f"provider {provider!r}"
    match error:
        case requests.ConnectTimeout():
            return UpstreamTimeout(f"{who} could not be connected to in time", sent=False)
        case requests.Timeout():
            return UpstreamTimeout(f"{who} did not answer in time", work_done=work_done)
        case ResponseTooLong():
            return AnswerTooLong(str(error))
        case ProtocolError():
            what = f"{who} sent an answer that cannot be read: {error}"
            return UpstreamMisbehaved(what, work_done=work_done)
        case requests.exceptions.ChunkedEncodingError():
            return UpstreamUnavailable(f"{who} broke off its answer", work_done=work_done)
        case _:
            return UpstreamUnavailable(f"{who} could not be reached{cause_of(error)}")


def cause_of(error: requests.RequestException) -> str:
    """Return the system's own words for the cause, after a colon: no URL and no secret is in them.

    It is "" where there are none.
    """
    match error.__cause__:
        case ssl.SSLCertVerificationError(verify_message=str(why)):
            return f": its certificate cannot be verified ({why})"
        case ssl.SSLError():
            return ": TLS failed"
        case ProxyRefused():
            return f": {error.__cause__}"
        case OSError(strerror=str(why)):
            return f": {why}"
        case _:
            return ""
