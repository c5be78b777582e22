"""Where a caller stands, in headers."""

from __future__ import annotations

import pytest

from app.api.http.rate_limit_headers import duration, headers
from app.domain.accounts.limits import Quota, Standing


def test_without_limits_there_are_no_headers() -> None:
    assert headers(Standing()) == {}


def test_requests_and_tokens_have_three_headers_each() -> None:
    assert headers(Standing(Quota(60, 59, 1), Quota(1000, 0, 360))) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "6m0s",
    }


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0ms"),
        (0.02, "20ms"),
        (0.9994, "999ms"),
        (0.9996, "1s"),
        (8.64, "8.64s"),
        (59.9996, "1m0s"),
        (61, "1m1s"),
        (3600, "1h0m0s"),
        (86399.5, "23h59m59s"),
    ],
)
def test_a_time_is_told_as_clients_know_it(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
