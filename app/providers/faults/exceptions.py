"""Translate transport exceptions into the gateway's errors.

Together with `mapping`, this is the only place where exceptions of requests are translated.
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
from app.providers.wire.dial import ProxyForbids, ProxyRefused
from app.telemetry import shortage_noted


def fault_of_exception(
    error: requests.RequestException, provider: str, *, work_done: bool
) -> GatewayError:
    """Return the gateway's error for a transport exception of a call to `provider`.

    `work_done` says that the answer had begun: the model may have done work for it.
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
            what = f"{who} broke off its answer: connection lost"
            return UpstreamUnavailable(what, work_done=work_done)
        case requests.exceptions.ProxyError(__cause__=ProxyForbids()):
            return UpstreamMisbehaved(f"{who} could not be reached{cause_of(error)}")
        case _:
            return UpstreamUnavailable(f"{who} could not be reached{cause_of(error)}")


def cause_of(error: requests.RequestException) -> str:
    """Return ": " and the system's message for the cause, which contains no URL and no secret.

    Return "" if there is none.
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
