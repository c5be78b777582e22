"""Send webhook events to their receivers, whatever those do."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Timer

import requests

from app.domain.webhooks.deliveries import Fault, Receipt
from app.providers.transport import USER_AGENT
from app.providers.webhooks.adapter import AttemptAdapter
from app.providers.webhooks.resolver import PublicResolver
from app.providers.wire.dial import Dialer, Resolver, origin_of
from app.providers.wire.interrupt import Interrupt
from app.settings import WebhookSettings


class WebhookSender:
    """Posts to URLs that callers have configured.

    `clock` is like time.monotonic; certificates are verified against certifi's authorities, or only
    against those in `ca_file`.

    A redirect is an answer like any other and is not followed, only the head of an answer is read,
    and the whole attempt, including the DNS lookup, takes `timeout_s` at most. No proxy and no
    password of the environment is used.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        clock: Callable[[], float] = time.monotonic,
        ca_file: Path | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        resolver = Resolver() if settings.allow_private_addresses else PublicResolver()
        self._dialer = Dialer(ca_file, resolver=resolver)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Send an event and return the result; raise no exception that the receiver could cause."""
        began, interrupt = self._clock(), Interrupt()
        if not (self._settings.allow_private_addresses or url.lower().startswith("https://")):
            return Receipt(fault="insecure_url")
        adapter = AttemptAdapter(self._dialer, self._settings.timeout_s, interrupt)
        with _fired_after(self._settings.timeout_s, interrupt):
            try:
                status, retry_after_s = self._sent(adapter, url, body, headers)
            except (requests.RequestException, OSError, ValueError) as error:
                fault = _fault(error, adapter, interrupt)
                return Receipt(fault=fault, duration_s=self._clock() - began)
            finally:
                interrupt.forget()
        if interrupt.fired:  # a head that was cut off by it looks like a complete one
            return Receipt(fault="timeout", duration_s=self._clock() - began)
        return Receipt(status, None, retry_after_s, self._clock() - began)

    def _sent(
        self, adapter: AttemptAdapter, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, float | None]:
        with _HeadsOnly() as session:
            session.trust_env = False
            session.headers.clear()
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            sent = {
                "Host": origin_of(url).authority,
                "User-Agent": USER_AGENT,
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                "Connection": "close",
                **headers,
            }
            answer = session.post(
                url,
                data=body,
                headers=sent,
                timeout=self._settings.timeout_s,
                allow_redirects=False,
                stream=True,
            )
            with answer:
                return answer.status_code, _seconds(answer.headers.get("Retry-After"))


class _HeadsOnly(requests.Session):
    """Ignores redirects: requests reads the whole body of one even if it does not follow it."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: no answer is treated as a redirect."""


@contextmanager
def _fired_after(seconds: float, interrupt: Interrupt) -> Iterator[None]:
    """Fire the interrupt if the block takes longer, even if bytes keep trickling in."""
    timer = Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _fault(error: Exception, adapter: AttemptAdapter, interrupt: Interrupt) -> Fault:
    if interrupt.fired or isinstance(error, requests.Timeout):
        return "timeout"
    return adapter.fault or ("tls_failed" if _is_of_tls(error) else "no_answer")


def _is_of_tls(error: BaseException | None) -> bool:
    """Tell whether a receiver refused the connection after the TLS handshake.

    One that requires a client certificate does so in TLS 1.3.
    """
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return True
        error = error.__context__
    return False


def _seconds(retry_after: str | None) -> float | None:
    """Return the delay of a Retry-After header, in seconds or as a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):  # OverflowError: a time zone of many digits
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
