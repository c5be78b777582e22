"""Rate limits and budgets, in the headers that clients of OpenAI's API know."""

from __future__ import annotations

from app.domain.accounts.limits import Quota, Standing
from app.domain.prices import usd


def headers(standing: Standing) -> dict[str, str]:
    """Return x-ratelimit-limit, -remaining and -reset for requests and tokens, and the budget."""
    named: dict[str, str] = {}
    if standing.requests is not None:
        named.update(_headers("requests", standing.requests))
    if standing.tokens is not None:
        named.update(_headers("tokens", standing.tokens))
    if standing.budget is not None:
        named["X-Budget-Remaining"] = usd(standing.budget.remaining)
    if standing.warning is not None:
        named["X-Budget-Warning"] = str(standing.warning)
    return named


def _headers(of: str, quota: Quota) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{of}": str(quota.limit),
        f"x-ratelimit-remaining-{of}": str(quota.remaining),
        f"x-ratelimit-reset-{of}": duration(quota.reset_s),
    }


def duration(seconds: float) -> str:
    """Return a duration in OpenAI's form: `20ms`, `8.64s`, `6m0s` or `23h59m59s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest_ms = divmod(milliseconds, 60_000)
    if not minutes:
        return f"{rest_ms / 1000:g}s"
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes}m{rest_ms // 1000}s"
    return f"{hours}h{text}" if hours else text
